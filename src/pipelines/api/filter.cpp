#include "pipelines/api/filter.h"

#include <array>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/time.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxPredicates = 100;
constexpr std::size_t kMaxListed = 1'000;  // values of one IN

struct Operation {
  std::string_view name;
  int number;
  std::string_view sql;
};
// The number 4 is not in use.
constexpr std::array<Operation, 8> kOperations = {{{"EQUALS", 1, "="},
                                                   {"NOT_EQUALS", 2, "<>"},
                                                   {"GREATER_THAN", 3, ">"},
                                                   {"GREATER_THAN_EQUALS", 5, ">="},
                                                   {"LESS_THAN", 6, "<"},
                                                   {"LESS_THAN_EQUALS", 7, "<="},
                                                   {"IN", 8, "IN"},
                                                   {"IS_SUBSTRING", 9, "instr"}}};

const Operation* find_operation(const Value& value) {
  for (const Operation& operation : kOperations) {
    if (value.is_string() ? value.as_string() == operation.name : value.int_or(0) == operation.number)
      return &operation;
  }
  return nullptr;
}

const Value& either(const Value& predicate, std::string_view snake, std::string_view camel) {
  const Value& value = predicate[snake];
  return value.is_null() ? predicate[camel] : value;
}

Result<Value> typed(const Value& value, const Field& field) {
  if (field.type == FieldType::time) {
    if (!value.is_string())
      return fail(Code::invalid_argument, fmt::format("filter: {} needs a timestamp_value", field.name));
    return Value(to_epoch_ms(MR_TRY(parse_rfc3339(value.as_string()))));
  }
  if (field.type == FieldType::number && value.is_string()) {
    const auto number = parse_int(value.as_string());  // int64 comes as a string in proto's JSON
    if (!number) return fail(Code::invalid_argument, fmt::format("filter: {} needs a number", field.name));
    return Value(*number);
  }
  return value;
}

Status add_predicate(Condition& condition, const Value& predicate, std::span<const Field> fields,
                     std::string_view model) {
  const std::string key = predicate["key"].string_or();
  const Field* field = find_field(fields, key);
  if (field == nullptr) return fail(Code::invalid_argument, fmt::format("filter: {} has no field \"{}\"", model, key));
  const Operation* operation = find_operation(predicate["operation"]);
  if (operation == nullptr) {
    return fail(Code::invalid_argument,
                fmt::format("filter: the operation {} is not known", to_json(predicate["operation"])));
  }
  if (operation->sql == "IN") {
    const Value* listed = nullptr;
    for (const auto& [snake, camel] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"string_values", "stringValues"}, {"int_values", "intValues"}, {"long_values", "longValues"}}) {
      if (const Value& value = either(predicate, snake, camel); !value.is_null())
        listed = value.is_object() ? &value["values"] : &value;
    }
    if (listed == nullptr || !listed->is_array() || listed->size() > kMaxListed)
      return fail(Code::invalid_argument, fmt::format("filter: IN on {} needs a list of values", key));
    std::vector<Value> values;
    std::string marks;
    for (const Value& item : listed->items()) {
      values.push_back(MR_TRY(typed(item, *field)));
      marks += marks.empty() ? "?" : ",?";
    }
    condition.add(fmt::format("{} IN ({})", field->column, marks), std::move(values));
    return {};
  }
  const Value* given = nullptr;
  for (const auto& [snake, camel] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{{"string_value", "stringValue"},
                                                                            {"int_value", "intValue"},
                                                                            {"long_value", "longValue"},
                                                                            {"timestamp_value", "timestampValue"}}) {
    if (const Value& value = either(predicate, snake, camel); !value.is_null()) given = &value;
  }
  if (given == nullptr)
    return fail(Code::invalid_argument, fmt::format("filter: the predicate on {} has no value", key));
  const Value value = MR_TRY(typed(*given, *field));
  condition.add(operation->sql == "instr" ? fmt::format("instr({}, ?) > 0", field->column)
                                          : fmt::format("{} {} ?", field->column, operation->sql),
                {value});
  return {};
}

}  // namespace

void Condition::add(std::string_view term, std::vector<Value> term_values) {
  if (!sql.empty()) sql += " AND ";
  sql += term;
  for (Value& value : term_values) values.push_back(std::move(value));
}

void bind_values(db::Statement& statement, const std::vector<Value>& values) {
  for (const Value& value : values) {
    if (value.is_integer()) {
      statement.bind(value.as_int());
    } else if (value.is_number()) {
      statement.bind(value.as_double());
    } else if (value.is_string()) {
      statement.bind(std::string_view(value.as_string()));
    } else {
      statement.bind_null();
    }
  }
}

const Field* find_field(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

Result<Condition> read_filter(std::string_view text, std::span<const Field> fields, std::string_view model) {
  Condition condition;
  if (text.empty()) return condition;
  auto filter = parse_json(text);
  if (!filter) {
    // Upstream unescapes a second time, so clients may have escaped twice.
    const auto decoded = percent_decode(text, true);
    if (decoded) filter = parse_json(*decoded);
  }
  if (!filter || !filter->is_object())
    return fail(Code::invalid_argument, "filter must be a JSON object with \"predicates\"");
  const Value& predicates = (*filter)["predicates"];
  if (predicates.size() > kMaxPredicates)
    return fail(Code::invalid_argument, fmt::format("filter has more than {} predicates", kMaxPredicates));
  for (const Value& predicate : predicates.items()) MR_TRY(add_predicate(condition, predicate, fields, model));
  return condition;
}

}  // namespace millrace::pipelines::api
