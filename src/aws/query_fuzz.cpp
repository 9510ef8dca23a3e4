#include <cstddef>
#include <cstdint>
#include <string_view>

#include "aws/codec.h"
#include "net/http.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const auto& model = millrace::aws::service_model("iam");
  const auto form = millrace::net::parse_query(text);
  for (const char* name : {"CreateRole", "TagRole", "PutUserPolicy"}) {
    const auto& shape = *model.operation(name)->input;
    (void)millrace::aws::validate(model, shape, millrace::aws::read_query(shape, form));
  }
  return 0;
}
