#include <cmath>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "pipelines/expr/expression.h"

namespace millrace::pipelines::expr {
namespace {

using Node = Expression::Node;
using Kind = Node::Kind;

// CEL's types are distinguished here: integers are Value integers, everything from a parameter is real.
Value from_input(const Value& value) {
  if (value.is_number()) return Value(value.as_double());
  return value;
}

std::string_view type_name(const Value& value) {
  if (value.is_integer()) return "int";
  if (value.is_number()) return "double";
  return value.kind_name();
}

tl::unexpected<Error> wrong(std::string message) { return fail(Code::invalid_argument, std::move(message)); }

Result<Value> to_int(const Value& value) {
  if (value.is_integer()) return value;
  if (value.is_number()) {
    if (std::abs(value.as_double()) >= 9.2e18) return wrong("the number is too large for int()");
    return Value(static_cast<std::int64_t>(value.as_double()));
  }
  if (value.is_string()) {
    if (const auto number = parse_int(value.as_string())) return Value(*number);
  }
  return wrong(fmt::format("int() cannot read {}", to_json(value)));
}

Result<Value> to_double(const Value& value) {
  if (value.is_number()) return Value(value.as_double());
  if (value.is_string()) {
    if (const auto number = parse_double(value.as_string())) return Value(*number);
  }
  return wrong(fmt::format("double() cannot read {}", to_json(value)));
}

template <class T>
bool holds(std::string_view op, const T& left, const T& right) {
  if (op == "==") return left == right;
  if (op == "!=") return left != right;
  if (op == "<") return left < right;
  if (op == "<=") return left <= right;
  if (op == ">") return left > right;
  return left >= right;
}

Result<Value> compare(std::string_view op, const Value& left, const Value& right) {
  if (type_name(left) == type_name(right)) {
    if (left.is_integer()) return Value(holds(op, left.as_int(), right.as_int()));
    if (left.is_number()) return Value(holds(op, left.as_double(), right.as_double()));
    if (left.is_string()) return Value(holds(op, left.as_string(), right.as_string()));
    if (left.is_bool()) return Value(holds(op, left.as_bool(), right.as_bool()));
    if (op == "==") return Value(left == right);
    if (op == "!=") return Value(!(left == right));
  }
  return wrong(fmt::format("{} {} {} cannot be compared: wrap one side in int(), double() or string()", type_name(left),
                           op, type_name(right)));
}

class Evaluator {
 public:
  Evaluator(const std::vector<Node>& nodes, const Value& parameters, const Value& artifacts)
      : nodes_(nodes), parameters_(parameters), artifacts_(artifacts) {}

  // Recursion is as deep as the parser let the tree become, and chains of && and || lean to the left.
  Result<Value> value(std::int32_t index) {
    const Node& node = nodes_[static_cast<std::size_t>(index)];
    switch (node.kind) {
      case Kind::literal:
      case Kind::integer:
        return node.literal;
      case Kind::parameter: {
        const Value* found = parameters_.find(node.text);
        if (found == nullptr) return wrong(fmt::format("the input parameter \"{}\" has no value", node.text));
        return from_input(*found);
      }
      case Kind::artifact:
        return artifact(node);
      case Kind::to_int:
        return to_int(MR_TRY(value(node.left)));
      case Kind::to_double:
        return to_double(MR_TRY(value(node.left)));
      case Kind::to_string: {
        const Value inner = MR_TRY(value(node.left));
        return inner.is_string() ? inner : Value(to_json(inner));
      }
      case Kind::minus: {
        const Value inner = MR_TRY(value(node.left));
        if (inner.is_integer()) return Value(-inner.as_int());
        if (inner.is_number()) return Value(-inner.as_double());
        return wrong(fmt::format("- does not apply to a {}", type_name(inner)));
      }
      case Kind::negate:
        return Value(!MR_TRY(boolean(node.left)));
      case Kind::compare: {
        const Value left = MR_TRY(value(node.left));
        return compare(node.text, left, MR_TRY(value(node.right)));
      }
      case Kind::both:
        return joined(node, false);
      case Kind::either:
        return joined(node, true);
    }
    return wrong("the condition cannot be evaluated");
  }

  Result<bool> boolean(std::int32_t index) {
    const Value result = MR_TRY(value(index));
    if (!result.is_bool()) return wrong(fmt::format("true or false is expected, not a {}", type_name(result)));
    return result.as_bool();
  }

 private:
  // CEL's && and ||: a side that decides wins over an error on the other side.
  Result<Value> joined(const Node& node, bool decisive) {
    const auto left = boolean(node.left);
    if (left && *left == decisive) return Value(decisive);
    const auto right = boolean(node.right);
    if (right && *right == decisive) return Value(decisive);
    if (!left) return fail(left.error());
    if (!right) return fail(right.error());
    return Value(!decisive);
  }

  Result<Value> artifact(const Node& node) {
    const auto& way = node.literal.items();
    const auto& list = artifacts_[node.text].items();
    const auto index = static_cast<std::size_t>(way[0].as_int());
    if (index >= list.size())
      return wrong(fmt::format("the input artifact \"{}\" has no element {}", node.text, index));
    const Value* found = &list[index];
    for (std::size_t i = 1; i < way.size() && found != nullptr; ++i) found = found->find(way[i].as_string());
    if (found == nullptr) return wrong(fmt::format("the input artifact \"{}\" has no such metadata", node.text));
    return from_input(*found);
  }

  const std::vector<Node>& nodes_;
  const Value& parameters_;
  const Value& artifacts_;
};

}  // namespace

Result<bool> Expression::evaluate(const Value& parameters, const Value& artifacts) const {
  return Evaluator(nodes_, parameters, artifacts).boolean(static_cast<std::int32_t>(nodes_.size() - 1));
}

}  // namespace millrace::pipelines::expr
