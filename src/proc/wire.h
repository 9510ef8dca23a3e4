#pragma once
// What server and launcher say to each other: frames of a 4-byte little-endian length and a message. Bytes, not JSON:
// arguments and environments are byte strings. Both ends are the same program on the same machine; kVersion tells an
// older launcher, left running by a killed server, from ours.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "proc/launcher.h"

namespace millrace::proc {

constexpr std::uint32_t kWireVersion = 5;
constexpr std::size_t kMaxMessageBytes = 4u << 20;

enum class MessageType : std::uint8_t { hello = 1, launch, status, stop, forget, shutdown, reply, exited };

struct Message {
  MessageType type = MessageType::reply;
  std::uint64_t id = 0;  // of the request, and of its reply; 0 for notices
  std::string body;
};

class Packer {
 public:
  Packer& number(std::uint64_t value);
  Packer& text(std::string_view value);
  Packer& status(const ChildStatus& value);
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what Packer wrote. After any read past the end ok() is false and everything reads as zero or empty.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t number();
  std::string text();
  ChildStatus status();
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

std::string pack_spec(const LaunchSpec& spec);
Result<LaunchSpec> unpack_spec(std::string_view bytes);

// A reply's body: success with a payload, or an error.
std::string pack_result(const Result<std::string>& payload);
Result<std::string> unpack_result(std::string_view bytes);

void append_frame(std::string& out, const Message& message);
// Takes the first whole frame off the front of `in`. nullopt: more bytes are needed. Error: longer than
// kMaxMessageBytes, or broken.
Result<std::optional<Message>> take_frame(std::string_view& in);

}  // namespace millrace::proc
