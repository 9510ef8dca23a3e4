#pragma once
// The filter of list calls: {"predicates": [{"operation": "EQUALS", "key": "name", "string_value": "x"}]}.
// Source: kubeflow/pipelines backend/api/v2beta1/filter.proto. Operations come as names or numbers, values in
// snake_case or lowerCamelCase. Escapes (%2B) in it are undone once more than HTTP asks for, as upstream does and its
// clients count on; but a '+' stays one, where upstream makes a blank of it.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "db/database.h"
#include "pipelines/api/listing.h"

namespace millrace::pipelines::api {

// A condition in SQL ("name = ?", joined by AND; empty: none) with the values for its question marks.
struct Condition {
  std::string sql;
  std::vector<Value> values;
  void add(std::string_view term, std::vector<Value> term_values);
};
void bind_values(db::Statement& statement, const std::vector<Value>& values);

const Field* find_field(std::span<const Field> fields, std::string_view name);
Result<Condition> read_filter(std::string_view text, std::span<const Field> fields, std::string_view model);

}  // namespace millrace::pipelines::api
