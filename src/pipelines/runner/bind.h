#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "db/database.h"

namespace millrace::pipelines::runner {

// Binds values in order: bind_all(row, run.id, 3, text).
template <class... Values>
db::Statement& bind_all(db::Statement& statement, const Values&... values) {
  const auto one = [&](const auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
      statement.bind(std::string_view(value));
    } else {
      statement.bind(value);
    }
  };
  (one(values), ...);
  return statement;
}

}  // namespace millrace::pipelines::runner
