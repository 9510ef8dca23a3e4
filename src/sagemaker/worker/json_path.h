#pragma once
// The part of JSONPath that batch transform's filters know ("Associate Prediction Results with Input Records"):
// $, .name, ['name'], ['a','b'], [0], [-1], [1:], [0:3], [0,5:]. Deep scans, wildcards and filter expressions are
// refused, as they are there.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::sagemaker::worker {

inline constexpr std::size_t kMaxPathBytes = 63;  // SageMaker's limit

class JsonPath {
 public:
  // Empty text is "$". Errors: invalid_argument.
  static Result<JsonPath> parse(std::string_view text);

  bool is_root() const { return steps_.empty(); }
  // Errors: invalid_argument when a name or place is not there.
  Result<Value> select(const Value& from) const;
  // The path applied to a row of `count` cells. Errors: invalid_argument (a name, several steps, a place outside).
  Result<std::vector<std::size_t>> columns(std::size_t count) const;

 private:
  struct Slice {
    std::optional<std::int64_t> from, to;
  };
  using Selector = std::variant<std::string, std::int64_t, Slice>;
  using StepSelectors = std::vector<Selector>;

  Result<Selector> parse_selector(std::string_view text) const;
  Result<std::vector<std::size_t>> places(const StepSelectors& step, std::size_t count) const;
  tl::unexpected<Error> refuse(std::string_view why) const;

  std::string text_;
  std::vector<StepSelectors> steps_;
};

}  // namespace millrace::sagemaker::worker
