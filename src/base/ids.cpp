#include "base/ids.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/encode.h"

namespace millrace {

void random_bytes(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::getrandom(out.data() + done, out.size() - done, 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      std::abort();  // no entropy source: nothing that follows could be trusted
    }
    done += static_cast<std::size_t>(n);
  }
}

std::uint64_t random_u64() {
  std::uint8_t bytes[8];
  random_bytes(bytes);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

std::string uuid4() {
  std::uint8_t b[16];
  random_bytes(b);
  b[6] = static_cast<std::uint8_t>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<std::uint8_t>((b[8] & 0x3f) | 0x80);
  const std::string hex = to_hex(std::span<const std::uint8_t>(b));
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

std::string random_string(std::size_t characters, std::string_view alphabet) {
  std::string text;
  // Bytes above the largest multiple of the alphabet's size are thrown away, so that every character is as likely.
  const std::size_t usable = 256 - 256 % alphabet.size();
  while (text.size() < characters) {
    std::uint8_t bytes[64];
    random_bytes(bytes);
    for (const std::uint8_t byte : bytes) {
      if (byte < usable && text.size() < characters) text += alphabet[byte % alphabet.size()];
    }
  }
  return text;
}

std::string random_hex(std::size_t characters) { return random_string(characters, "0123456789abcdef"); }

std::string random_base36(std::size_t characters, bool upper) {
  return random_string(characters,
                       upper ? "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" : "0123456789abcdefghijklmnopqrstuvwxyz");
}

}  // namespace millrace
