#include "sagemaker/algorithms/hyperparameters.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/json.h"
#include "base/strings.h"

namespace millrace::sagemaker::built_in {
namespace {

using Type = Hyperparameter::Type;

tl::unexpected<Error> refuse(std::string message) {
  return fail(Code::invalid_argument, std::move(message) + " (caused by ValidationError)");
}

std::string quoted_list(std::span<const std::string_view> words) {
  std::vector<std::string> quoted;
  for (const std::string_view word : words) quoted.push_back(fmt::format("'{}'", word));
  return join(quoted, ", ");
}

tl::unexpected<Error> not_a_choice(const Hyperparameter& row, std::string_view text,
                                   std::span<const std::string_view> choices) {
  return refuse(
      fmt::format("The value '{}' is not valid for the '{}' hyperparameter which accepts one of the "
                  "following: {}",
                  text, row.name, quoted_list(choices)));
}

tl::unexpected<Error> not_valid(const Hyperparameter& row, std::string_view text, std::string_view wanted) {
  return refuse(
      fmt::format("The value '{}' is not valid for the '{}' hyperparameter which expects {}", text, row.name, wanted));
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  if (const auto number = parse_int(text)) return number;
  // Tuners and JSON writers print whole numbers with a fraction ("10.0").
  const auto real = parse_double(text);
  if (!real || *real < -1e15 || *real > 1e15 || *real != static_cast<double>(static_cast<std::int64_t>(*real))) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*real);
}

Status check_integer(const Hyperparameter& row, std::string_view text) {
  const auto number = integer_of(text);
  const double value = number ? static_cast<double>(*number) : 0;
  if (number && value >= row.least && value <= row.most) return {};
  const auto least = static_cast<std::int64_t>(row.least);
  if (number && value > row.most) {
    return not_valid(row, text,
                     fmt::format("an integer between {} and {}", least, static_cast<std::int64_t>(row.most)));
  }
  std::string pattern = least <= 0 ? "[0-9]+" : "[1-9][0-9]*";
  if (row.or_auto) pattern = "auto|" + pattern;
  return not_valid(row, text,
                   fmt::format("one of the following: a string which matches the pattern '^({})$'; or an integer "
                               "greater than {}",
                               pattern, least - 1));
}

Status check_number(const Hyperparameter& row, std::string_view text) {
  const auto number = parse_double(text);
  if (number && *number >= row.least && *number <= row.most) return {};
  if (row.most == kNoLimit) return not_valid(row, text, fmt::format("a number greater than {}", row.least));
  return not_valid(row, text, fmt::format("a number between {} and {}", row.least, row.most));
}

Status check_list(const Hyperparameter& row, std::string_view text) {
  const auto list = parse_json(text);
  if (!list) {
    return fail(
        Code::invalid_argument,
        fmt::format("Hyperparameter must be valid json, but found {}: {} (caused by ValueError)", row.name, text));
  }
  const auto is_choice = [&](const Value& item) {
    return item.is_string() && std::ranges::find(row.choices, item.as_string()) != row.choices.end();
  };
  if (list->is_array() && !list->empty() && std::ranges::all_of(list->items(), is_choice)) return {};
  return not_a_choice(row, text, row.choices);
}

Status check_names(const HyperparameterTable& table, const Value& given) {
  if (!given.is_object()) return refuse("Hyperparameters must be an object of strings");
  std::vector<std::string> unknown, missing;
  for (const auto& [name, value] : given.members()) {
    if (table.find(name) == nullptr) unknown.push_back(fmt::format("'{}'", name));
    if (!value.is_string()) return refuse(fmt::format("Hyperparameter {} must be a string", name));
  }
  if (!unknown.empty()) {
    return refuse(fmt::format("Additional hyperparameters are not allowed ({} {} unexpected)", join(unknown, ", "),
                              unknown.size() == 1 ? "was" : "were"));
  }
  for (const std::string_view name : table.required) {
    if (trim(given.at(name).string_or()).empty()) missing.push_back(fmt::format("'{}'", name));
  }
  if (missing.empty()) return {};
  return refuse(
      fmt::format("No value(s) were specified for {} which are required hyperparameter(s)", join(missing, ", ")));
}

}  // namespace

const Hyperparameter* HyperparameterTable::find(std::string_view name) const {
  const auto found = std::ranges::find(rows, name, &Hyperparameter::name);
  return found == rows.end() ? nullptr : &*found;
}

const std::string& Settings::text(std::string_view name) const {
  for (const auto& [known, value] : values_) {
    if (known == name) return value;
  }
  std::abort();
}
std::size_t Settings::size(std::string_view name) const {
  return static_cast<std::size_t>(std::max<std::int64_t>(integer_of(text(name)).value_or(0), 0));
}
double Settings::number(std::string_view name) const { return parse_double(text(name)).value_or(0); }
bool Settings::has_item(std::string_view name, std::string_view item) const {
  const auto list = parse_json(text(name));
  if (!list) return false;
  return std::ranges::any_of(list->items(), [&](const Value& one) { return one == Value(item); });
}
void Settings::set(std::string_view name, std::string text) {
  for (auto& [known, value] : values_) {
    if (known == name) value = std::move(text);
  }
}

Status check_hyperparameter(const Hyperparameter& row, std::string_view text) {
  constexpr std::string_view kBooleans[] = {"true", "false"};
  if (row.or_auto && text == "auto") return {};
  switch (row.type) {
    case Type::integer:
      return check_integer(row, text);
    case Type::number:
      return check_number(row, text);
    case Type::boolean:
      if (equals_ignore_case(text, "true") || equals_ignore_case(text, "false")) return {};
      return not_a_choice(row, text, kBooleans);
    case Type::choice:
      if (std::ranges::find(row.choices, text) != row.choices.end()) return {};
      return not_a_choice(row, text, row.choices);
    case Type::list:
      return check_list(row, text);
    case Type::text:
      return {};
  }
  return {};
}

Result<Settings> read_hyperparameters(const HyperparameterTable& table, const Value& given) {
  MR_TRY(check_names(table, given));
  std::vector<std::pair<std::string, std::string>> values;
  for (const Hyperparameter& row : table.rows) {
    const Value* value = given.find(row.name);
    std::string text(value != nullptr ? trim(value->as_string()) : row.fallback);
    if (value != nullptr) MR_TRY(check_hyperparameter(row, text));
    values.emplace_back(row.name, std::move(text));
  }
  return Settings(std::move(values));
}

std::string one_of(std::span<const std::string_view> words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

}  // namespace millrace::sagemaker::built_in
