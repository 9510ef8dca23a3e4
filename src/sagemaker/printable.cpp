#include "sagemaker/printable.h"

#include "base/encode.h"
#include "base/strings.h"

namespace millrace::sagemaker {

std::string printable(std::string_view bytes) {
  if (is_valid_utf8(bytes)) return std::string(bytes);
  std::string text;
  for (const char c : bytes) {
    if (static_cast<unsigned char>(c) < 0x80) {
      text += c;
    } else {
      text += "\\x" + to_hex(std::string_view(&c, 1));
    }
  }
  return text;
}

}  // namespace millrace::sagemaker
