#include <fmt/core.h>

#include "base/strings.h"
#include "pipelines/expr/expression.h"

namespace millrace::pipelines::expr {
namespace {

using Node = Expression::Node;
using Kind = Node::Kind;

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// What may come after a backslash, and what the two represent. The SDK escapes nothing, so that a path like C:\temp in
// a pipeline reads as CEL reads it.
constexpr std::string_view kEscapes = "abfnrtv\\'\"`?", kEscaped = "\a\b\f\n\r\t\v\\'\"`?";

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Node>> parse() {
    if (text_.size() > kMaxBytes) return wrong(fmt::format("the condition is longer than {} bytes", kMaxBytes));
    MR_TRY(either(0));
    skip();
    if (at_ < text_.size()) return wrong("this does not belong to the condition");
    return std::move(nodes_);
  }

 private:
  using Index = Result<std::int32_t>;

  tl::unexpected<Error> wrong(std::string_view what) const {
    return fail(Code::invalid_argument, fmt::format("character {}: {}", at_ + 1, what));
  }
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool take(std::string_view token) {
    skip();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  bool take_word(std::string_view word) {
    skip();
    if (!text_.substr(at_).starts_with(word)) return false;
    const std::size_t end = at_ + word.size();
    if (end < text_.size() && is_word(text_[end])) return false;
    at_ = end;
    return true;
  }
  std::int32_t add(Kind kind, std::string text, Value literal, std::int32_t left = -1, std::int32_t right = -1) {
    nodes_.push_back({kind, std::move(text), std::move(literal), left, right});
    return static_cast<std::int32_t>(nodes_.size() - 1);
  }

  Index either(std::size_t depth) {
    if (depth > kMaxDepth) return wrong(fmt::format("the condition is nested deeper than {} levels", kMaxDepth));
    std::int32_t left = MR_TRY(both(depth));
    while (take("||")) {
      const std::int32_t right = MR_TRY(both(depth));
      left = add(Kind::either, "||", {}, left, right);
    }
    return left;
  }

  Index both(std::size_t depth) {
    std::int32_t left = MR_TRY(comparison(depth));
    while (take("&&")) {
      const std::int32_t right = MR_TRY(comparison(depth));
      left = add(Kind::both, "&&", {}, left, right);
    }
    return left;
  }

  Index comparison(std::size_t depth) {
    const std::int32_t left = MR_TRY(unary(depth));
    for (const char* token : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!take(token)) continue;
      const std::int32_t right = MR_TRY(unary(depth));
      return add(Kind::compare, token, {}, left, right);
    }
    return left;
  }

  Index unary(std::size_t depth) {
    if (depth > kMaxDepth) return wrong(fmt::format("the condition is nested deeper than {} levels", kMaxDepth));
    skip();
    if (at_ < text_.size() && text_[at_] == '!' && !text_.substr(at_).starts_with("!=")) {
      ++at_;
      return add(Kind::negate, "!", {}, MR_TRY(unary(depth + 1)));
    }
    if (take("-")) return add(Kind::minus, "-", {}, MR_TRY(unary(depth + 1)));
    if (take("(")) {
      const std::int32_t inner = MR_TRY(either(depth + 1));
      if (!take(")")) return wrong("a ) is expected");
      return inner;
    }
    return primary(depth);
  }

  Index primary(std::size_t depth) {
    skip();
    if (at_ >= text_.size()) return wrong("the condition ends where a value is expected");
    const char c = text_[at_];
    if (c == '\'' || c == '"') return add(Kind::literal, {}, Value(MR_TRY(quoted())));
    if (c >= '0' && c <= '9') return number();
    if (take_word("true")) return add(Kind::literal, {}, Value(true));
    if (take_word("false")) return add(Kind::literal, {}, Value(false));
    if (take_word("int")) return call(Kind::to_int, depth);
    if (take_word("double")) return call(Kind::to_double, depth);
    if (take_word("string")) return call(Kind::to_string, depth);
    if (take_word("inputs")) return input();
    return wrong("a value is expected: an input, a literal, int(…) or double(…)");
  }

  Index call(Kind kind, std::size_t depth) {
    if (!take("(")) return wrong("a ( is expected");
    const std::int32_t inner = MR_TRY(either(depth + 1));
    if (!take(")")) return wrong("a ) is expected");
    return add(kind, {}, {}, inner);
  }

  Index number() {
    std::size_t end = at_;
    while (end < text_.size() && (is_word(text_[end]) || text_[end] == '.' ||
                                  ((text_[end] == '-' || text_[end] == '+') && (text_[end - 1] | 0x20) == 'e'))) {
      ++end;
    }
    const std::string_view token = text_.substr(at_, end - at_);
    if (const auto integer = parse_int(token)) {
      at_ = end;
      return add(Kind::integer, {}, Value(*integer));
    }
    if (const auto real = parse_double(token)) {
      at_ = end;
      return add(Kind::literal, {}, Value(*real));
    }
    return wrong(fmt::format("\"{}\" is not a number", token));
  }

  Result<std::string> quoted() {
    const char quote = text_[at_];
    std::string out;
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == quote) {
        at_ = i + 1;
        return out;
      }
      if (c != '\\') {
        out += c;
        continue;
      }
      if (++i == text_.size()) break;
      const std::size_t known = kEscapes.find(text_[i]);
      if (known == std::string_view::npos) {
        at_ = i;
        return wrong("this escape is not known");
      }
      out += kEscaped[known];
    }
    return wrong("the string does not end");
  }

  Result<std::string> key() {
    if (!take("[")) return wrong("a ['name'] is expected");
    skip();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return wrong("a quoted name is expected");
    std::string name = MR_TRY(quoted());
    if (!take("]")) return wrong("a ] is expected");
    return name;
  }

  Index input() {
    if (take(".parameter_values")) return add(Kind::parameter, MR_TRY(key()), {});
    if (!take(".artifacts")) return wrong("inputs have parameter_values and artifacts");
    std::string name = MR_TRY(key());
    // .artifacts[0].metadata['k'] or .uri
    if (!take(".artifacts") || !take("[")) return wrong("an .artifacts[0] is expected");
    skip();
    std::size_t end = at_;
    while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
    const auto index = parse_int(text_.substr(at_, end - at_));
    if (!index) return wrong("a number is expected");
    at_ = end;
    if (!take("]")) return wrong("a ] is expected");
    Value way = Value::array({Value(*index)});
    if (take(".uri")) {
      way.push("uri");
    } else if (take(".name")) {
      way.push("name");
    } else if (take(".metadata")) {
      way.push("metadata").push(MR_TRY(key()));
    } else {
      return wrong("an artifact has uri, name and metadata['key']");
    }
    return add(Kind::artifact, std::move(name), std::move(way));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Node> nodes_;
};

}  // namespace

Result<Expression> Expression::parse(std::string_view text) {
  Expression expression;
  expression.nodes_ = MR_TRY(Parser(text).parse());
  return expression;
}

}  // namespace millrace::pipelines::expr
