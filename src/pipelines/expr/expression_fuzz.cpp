#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pipelines/expr/expression.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto expression = millrace::pipelines::expr::Expression::parse(text);
  const auto parameters = millrace::Value::object({{"a", 1.0}, {"b", "text"}});
  if (expression) (void)expression->evaluate(parameters, millrace::Value::object());
  return 0;
}
