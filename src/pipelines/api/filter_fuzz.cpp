#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pipelines/api/filter.h"
#include "pipelines/api/tags.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace::pipelines::api;
  constexpr std::array kFields = {Field{"name", "name"}, Field{"created_at", "created", FieldType::time},
                                  Field{"id", "id", FieldType::number}, Field{"tags", "tags", FieldType::tags}};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto condition = read_filter(text, kFields, "Run");
  // What a client wrote is bound, never part of the statement.
  if (condition && condition->sql.find('\'') != std::string::npos) __builtin_trap();
  (void)parse_tags(text);
  return 0;
}
