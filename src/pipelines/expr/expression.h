#pragma once
// The conditions of tasks (triggerPolicy.condition): the part of CEL that the kfp SDK's compiler writes, and `||`.
// Pure.
//
//   inputs.parameter_values['flip'] == 'heads' && !(int(inputs.parameter_values['n']) > 5)
//
// Typed as CEL is: numbers from parameters are doubles, so that an integer literal needs int(…) on the other side; a
// comparison of different types is an error of the task, as it is in KFP.
// Sources: kubeflow/pipelines backend/src/v2/expression/expression.go; the CEL language definition.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::pipelines::expr {

constexpr std::size_t kMaxBytes = 16 * 1024;
constexpr std::size_t kMaxDepth = 64;

class Expression {
 public:
  // Errors: invalid_argument, "character 12: …".
  static Result<Expression> parse(std::string_view text);

  // `parameters`: {name: value}; `artifacts`: {name: [{uri, metadata, …}]}. Errors: invalid_argument, one sentence: an
  // input that is not there, types that cannot be compared, a result that is not true or false.
  Result<bool> evaluate(const Value& parameters, const Value& artifacts) const;

  // A node of the syntax tree; its operands stand before it.
  struct Node {
    enum class Kind : std::uint8_t {
      literal,
      integer,
      parameter,
      artifact,
      to_int,
      to_double,
      to_string,
      negate,
      minus,
      compare,
      both,
      either
    };
    Kind kind = Kind::literal;
    std::string text;  // the operator, or the input's name
    Value literal;     // literal, integer; artifact: the way behind the name
    std::int32_t left = -1, right = -1;
  };

 private:
  std::vector<Node> nodes_;  // the root is the last one
};

}  // namespace millrace::pipelines::expr
