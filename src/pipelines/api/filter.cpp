#include "pipelines/api/filter.h"

#include <array>
#include <cstdlib>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/time.h"
#include "db/dialect.h"
#include "pipelines/api/call.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxPredicates = 100;
constexpr std::size_t kMaxListed = 1'000;  // values of one IN
constexpr std::int64_t kMaxSeconds = 1'000'000'000'000;

struct Operation {
  std::string_view name;
  int number;
  std::string_view sql;
};
constexpr std::string_view kContains = "contains";  // no operator: db/dialect.h has it
// The number 4 is not in use.
constexpr std::array<Operation, 8> kOperations = {{{"EQUALS", 1, "="},
                                                   {"NOT_EQUALS", 2, "<>"},
                                                   {"GREATER_THAN", 3, ">"},
                                                   {"GREATER_THAN_EQUALS", 5, ">="},
                                                   {"LESS_THAN", 6, "<"},
                                                   {"LESS_THAN_EQUALS", 7, "<="},
                                                   {"IN", 8, "IN"},
                                                   {"IS_SUBSTRING", 9, kContains}}};

const Operation* find_operation(const Value& value) {
  for (const Operation& operation : kOperations) {
    if (value.is_string() ? value.as_string() == operation.name : value.int_or(0) == operation.number)
      return &operation;
  }
  return nullptr;
}

// A predicate's members under their snake_case names. Source: filter.proto, Predicate.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kMembers = {
    {{"operation", "operation"},
     {"key", "key"},
     {"int_value", "intValue"},
     {"long_value", "longValue"},
     {"string_value", "stringValue"},
     {"timestamp_value", "timestampValue"},
     {"int_values", "intValues"},
     {"long_values", "longValues"},
     {"string_values", "stringValues"}}};

struct Predicate {
  std::string key;
  const Operation* operation = nullptr;
  std::string_view kind;  // of the value: "string_value"…
  Value value;
};

Error bad(std::string message) { return {Code::invalid_argument, "filter: " + std::move(message)}; }

Result<Predicate> read_predicate(const Value& given) {
  if (!given.is_object())
    return fail(bad(fmt::format("a predicate must be an object, not {}", given.kind_with_article())));
  Predicate predicate;
  for (const auto& [name, value] : given.members()) {
    std::string_view member;
    for (const auto& [snake, camel] : kMembers) {
      if (name == snake || name == camel) member = snake;
    }
    if (member.empty()) return fail(bad(fmt::format("unknown field \"{}\" in a predicate", name)));
    if (value.is_null()) continue;
    if (member == "key") {
      predicate.key = value.string_or();
    } else if (member == "operation") {
      predicate.operation = find_operation(value);
      if (predicate.operation == nullptr)
        return fail(bad(fmt::format("the operation {} is not known", to_json(value))));
    } else if (!predicate.kind.empty()) {
      return fail(bad("a predicate has one value, not several"));
    } else {
      predicate.kind = member;
      predicate.value = value;
    }
  }
  if (predicate.operation == nullptr) return fail(bad("a predicate needs an operation"));
  return predicate;
}

Result<Value> typed(const Value& value, std::string_view kind, const Field& field) {
  switch (field.type) {
    case FieldType::time:
      // Upstream keeps seconds, and takes them as they are.
      if (kind == "long_value" || kind == "int_value" || (kind == "string_value" && value.is_string())) {
        const auto seconds = whole_number(value);
        if (seconds && std::abs(*seconds) <= kMaxSeconds) return Value(*seconds * 1'000);
      }
      [[fallthrough]];
    case FieldType::millis:
      if (!value.is_string()) return fail(bad(fmt::format("{} needs a timestamp_value", field.name)));
      if (const auto time = parse_rfc3339(value.as_string())) return Value(to_epoch_ms(*time));
      return fail(bad(fmt::format("\"{}\" is not a timestamp as RFC 3339 has it", value.as_string())));
    case FieldType::number:
    case FieldType::real:
      if (value.is_number()) return value;
      // int64 comes as a string in proto's JSON.
      if (const auto number = parse_int(value.string_or())) return Value(*number);
      return fail(bad(fmt::format("{} needs a number", field.name)));
    case FieldType::word:
      if (value.is_string()) return Value(to_upper(value.as_string()));
      return fail(bad(fmt::format("{} needs a string_value", field.name)));
    case FieldType::text:
    case FieldType::tags:
      if (value.is_string()) return value;
      return fail(bad(fmt::format("{} needs a string_value", field.name)));
  }
  return value;
}

// The field of a key; `tag` is what follows the dot where the field is a map.
const Field* find_key(std::span<const Field> fields, std::string_view key, std::string_view& tag) {
  const std::size_t dot = key.find('.');
  const Field* field = find_field(fields, key.substr(0, dot));
  const bool is_map = field != nullptr && field->type == FieldType::tags;
  if (is_map != (dot != std::string_view::npos)) return nullptr;
  if (is_map) tag = key.substr(dot + 1);
  return field;
}

Status add_tag(Condition& condition, const Predicate& predicate, const Field& field, std::string_view tag) {
  if (predicate.operation->sql != "=")
    return fail(bad(fmt::format("{} can be compared with EQUALS only", predicate.key)));
  if (predicate.kind != "string_value") return fail(bad(fmt::format("{} needs a string_value", predicate.key)));
  condition.add(db::json_has(field.column), {Value(tag), MR_TRY(typed(predicate.value, predicate.kind, field))});
  return {};
}

Status add_list(Condition& condition, const Predicate& predicate, const Field& field) {
  const Value& listed = predicate.value.is_object() ? predicate.value["values"] : predicate.value;
  if (!predicate.kind.ends_with("_values") || !listed.is_array() || listed.size() > kMaxListed)
    return fail(bad(fmt::format("IN on {} needs a list of {} values at most", predicate.key, kMaxListed)));
  std::vector<Value> values;
  std::string marks;
  for (const Value& item : listed.items()) {
    values.push_back(MR_TRY(typed(item, predicate.kind, field)));
    marks += marks.empty() ? "?" : ",?";
  }
  condition.add(fmt::format("{} IN ({})", field.column, marks), std::move(values));
  return {};
}

// The second that is shown covers a thousand milliseconds of what is kept.
void add_second(Condition& condition, const Operation& operation, std::string_view column, std::int64_t time) {
  const std::int64_t first = time - (time % 1'000 + 1'000) % 1'000, last = first + 999;
  if (operation.sql == "=" || operation.sql == "<>") {
    const std::string_view no = operation.sql == "=" ? "" : "NOT ";
    condition.add(fmt::format("{} {}BETWEEN ? AND ?", column, no), {Value(first), Value(last)});
    return;
  }
  const bool from_last = operation.sql == ">" || operation.sql == "<=";
  condition.add(fmt::format("{} {} ?", column, operation.sql), {Value(from_last ? last : first)});
}

Status add_predicate(Condition& condition, const Value& given, std::span<const Field> fields, std::string_view model) {
  const Predicate predicate = MR_TRY(read_predicate(given));
  std::string_view tag;
  const Field* field = find_key(fields, predicate.key, tag);
  if (field == nullptr) return fail(bad(fmt::format("{} has no field \"{}\"", model, predicate.key)));
  if (predicate.kind.empty()) return fail(bad(fmt::format("the predicate on {} has no value", predicate.key)));
  if (field->type == FieldType::tags) return add_tag(condition, predicate, *field, tag);
  if (predicate.operation->sql == "IN") return add_list(condition, predicate, *field);
  if (predicate.kind.ends_with("_values"))
    return fail(bad(fmt::format("the list on {} needs the operation IN", predicate.key)));
  Value value = MR_TRY(typed(predicate.value, predicate.kind, *field));
  if (field->type == FieldType::time && predicate.operation->sql != kContains) {
    add_second(condition, *predicate.operation, field->column, value.as_int());
    return {};
  }
  if (predicate.operation->sql != kContains) {
    condition.add(fmt::format("{} {} ?", field->column, predicate.operation->sql), {std::move(value)});
    return {};
  }
  if (field->type != FieldType::text && field->type != FieldType::word)
    return fail(bad(fmt::format("IS_SUBSTRING needs a text, which {} is not", predicate.key)));
  // What a person types into a search box.
  condition.add(db::contains_text(field->column), {std::move(value)});
  return {};
}

Result<Value> parse_filter(std::string_view text) {
  if (text.find('%') != std::string_view::npos) {
    for (const bool plus_is_space : {!text.starts_with('{') && !text.starts_with(' '), false}) {
      const auto decoded = percent_decode(text, plus_is_space);
      if (auto filter = decoded ? parse_json(*decoded) : Result<Value>(fail(decoded.error()))) return filter;
    }
  }
  return parse_json(text);
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
  const auto filter = parse_filter(text);
  if (!filter || !filter->is_object()) return fail(bad("it must be a JSON object with \"predicates\""));
  for (const auto& [name, value] : filter->members()) {
    if (name != "predicates") return fail(bad(fmt::format("unknown field \"{}\"", name)));
    if (!value.is_array())
      return fail(bad(fmt::format("\"predicates\" must be a list, not {}", value.kind_with_article())));
  }
  const Value& predicates = (*filter)["predicates"];
  if (predicates.size() > kMaxPredicates)
    return fail(bad(fmt::format("there are more than {} predicates", kMaxPredicates)));
  for (const Value& predicate : predicates.items()) MR_TRY(add_predicate(condition, predicate, fields, model));
  return condition;
}

}  // namespace millrace::pipelines::api
