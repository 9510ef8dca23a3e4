#include "db/dialect.h"

#include <fmt/core.h>

namespace millrace::db {

std::string json_member(std::string_view column, std::string_view member) {
  return fmt::format("json_extract({}, '$.{}')", column, member);
}

std::string json_has(std::string_view column) {
  return fmt::format("EXISTS (SELECT 1 FROM json_each({}) AS entry WHERE entry.key = ? AND entry.value = ?)", column);
}

std::string contains_text(std::string_view column) { return fmt::format("instr(lower({}), lower(?)) > 0", column); }

}  // namespace millrace::db
