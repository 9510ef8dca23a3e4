#pragma once
// Hyperparameters as a table: read and checked in the same way when a job is created and in the job itself, with the
// sentences of SageMaker's own containers (its schema validator's, as their failures are published).

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::sagemaker::built_in {

inline constexpr double kMostInteger = 1e9;  // where the documentation names no limit
inline constexpr double kNoLimit = std::numeric_limits<double>::infinity();

struct Hyperparameter {
  enum class Type {
    integer,  // from least to most
    number,   // from least to most
    boolean,  // "true" or "false", in any case
    choice,   // one of choices
    list,     // a JSON list of some of choices, not empty
    text,     // anything
  };
  std::string_view name;
  Type type = Type::text;
  std::string_view fallback;  // the default; empty: none
  double least = 1, most = kMostInteger;
  bool or_auto = false;  // the word "auto" as well
  std::span<const std::string_view> choices{};
  bool tunable = false;  // a tuning job may have a range for it
};

struct HyperparameterTable {
  std::span<const Hyperparameter> rows;
  std::span<const std::string_view> required;  // in the order that SageMaker's sentence names them
  const Hyperparameter* find(std::string_view name) const;
};

// Values in effect, checked, the table's defaults included, in its order. Asking for a name that the table does not
// have is a broken invariant and ends the process.
class Settings {
 public:
  explicit Settings(std::vector<std::pair<std::string, std::string>> values) : values_(std::move(values)) {}
  const std::vector<std::pair<std::string, std::string>>& all() const { return values_; }
  const std::string& text(std::string_view name) const;
  std::size_t size(std::string_view name) const;  // of an integer that is not below 0; "auto" and none: 0
  double number(std::string_view name) const;     // none: 0
  bool has_item(std::string_view name, std::string_view item) const;  // of a list
  void set(std::string_view name, std::string text);                  // a default that depends on others

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

// `given`: the object of names to texts. Error: invalid_argument with a sentence, "… (caused by ValidationError)".
Result<Settings> read_hyperparameters(const HyperparameterTable& table, const Value& given);
// One value. Error as above.
Status check_hyperparameter(const Hyperparameter& row, std::string_view text);

// "a", "a or b", "a, b or c"
std::string one_of(std::span<const std::string_view> words);

}  // namespace millrace::sagemaker::built_in
