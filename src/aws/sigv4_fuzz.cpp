#include <cstddef>
#include <cstdint>
#include <string_view>

#include "aws/sigv4.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // The first line is the Authorization field, the rest the query string.
  millrace::net::Request request;
  const auto line = text.find('\n');
  request.headers.add("Host", "h");
  request.headers.add("X-Amz-Date", "20150830T123600Z");
  request.headers.add("Authorization", text.substr(0, line));
  if (line != std::string_view::npos) request.raw_query = text.substr(line + 1);
  const auto claim = millrace::aws::sigv4::read_claim(request);
  if (claim && *claim) (void)millrace::aws::sigv4::verify(request, **claim, "secret", "", millrace::Time{});
  return 0;
}
