#include "pipelines/v1/when.h"

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::pipelines::v1 {
namespace {

constexpr std::size_t kMaxDepth = 32;  // of parentheses and negations

struct Operand {
  Tag tag;
  bool quoted = false;
  bool is_number() const { return !quoted && tag.kind == Tag::Kind::text && parse_double(tag.name).has_value(); }
};

class Reader {
 public:
  using Input = std::function<Result<std::string>(const Tag&)>;
  Reader(std::string_view text, const Input& input) : text_(text), input_(input) {}

  Result<std::string> read() {
    std::string condition = MR_TRY(either(0));
    skip();
    if (at_ < text_.size()) return wrong("this does not belong to the condition");
    return condition;
  }

 private:
  tl::unexpected<Error> wrong(std::string_view what) const {
    return fail(Code::invalid_argument, fmt::format("character {} of \"{}\": {}", at_ + 1, text_, what));
  }
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }
  bool take(std::string_view token) {
    skip();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  Result<std::string> either(std::size_t depth) {
    std::string left = MR_TRY(both(depth));
    while (take("||")) left = fmt::format("({}) || ({})", left, MR_TRY(both(depth)));
    return left;
  }
  Result<std::string> both(std::size_t depth) {
    std::string left = MR_TRY(term(depth));
    while (take("&&")) left = fmt::format("({}) && ({})", left, MR_TRY(term(depth)));
    return left;
  }
  Result<std::string> term(std::size_t depth) {
    if (depth > kMaxDepth) return wrong("it is nested too deeply");
    skip();
    if (text_.substr(at_).starts_with("!") && !text_.substr(at_).starts_with("!=")) {
      ++at_;
      return fmt::format("!({})", MR_TRY(term(depth + 1)));
    }
    if (take("(")) {
      std::string inner = MR_TRY(either(depth + 1));
      if (!take(")")) return wrong("a ) is expected");
      return inner;
    }
    return comparison();
  }

  Result<std::string> comparison() {
    const Operand left = MR_TRY(operand());
    std::string_view op;
    for (const std::string_view token : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!take(token)) continue;
      op = token;
      break;
    }
    if (op.empty()) {
      const std::string word = left.tag.kind == Tag::Kind::text && !left.quoted ? to_lower(left.tag.name) : "";
      if (word == "true" || word == "false") return word;
      return wrong("one of == != < <= > >= is expected");
    }
    const Operand right = MR_TRY(operand());
    const bool order = op != "==" && op != "!=";
    // With nothing but tags on both sides an order is one of numbers, an equality one of text.
    const bool numbers = !left.quoted && !right.quoted && (order || left.is_number() || right.is_number());
    return fmt::format("{} {} {}", MR_TRY(written(left, numbers)), op, MR_TRY(written(right, numbers)));
  }

  Result<Operand> operand() {
    skip();
    Operand out;
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    std::string_view text;
    if (quote == '"' || quote == '\'') {
      out.quoted = true;
      const std::size_t end = text_.find(quote, at_ + 1);
      if (end == std::string_view::npos) return wrong("the quote does not end");
      text = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
    } else {
      const std::size_t begin = at_;
      if (text_.substr(at_).starts_with("{{")) {
        const std::size_t end = text_.find("}}", at_);
        if (end == std::string_view::npos) return wrong("the tag does not end");
        at_ = end + 2;
      } else {
        at_ = std::min(text_.find_first_of(" \t\n()=!<>&|", at_), text_.size());
      }
      text = text_.substr(begin, at_ - begin);
      if (text.empty()) return wrong("a value is expected");
    }
    Text parts = MR_TRY(read_text(text));
    if (parts.size() > 1) return wrong("text around a tag is not compared by Millrace");
    if (!parts.empty()) out.tag = std::move(parts.front());
    return out;
  }

  Result<std::string> written(const Operand& operand, bool number) {
    std::string text;
    if (operand.tag.kind != Tag::Kind::text) {
      text = fmt::format("inputs.parameter_values['{}']", MR_TRY(input_(operand.tag)));
    } else {
      std::string escaped;
      for (const char c : operand.tag.name) {
        if (c == '\'' || c == '\\') escaped += '\\';
        escaped += c;
      }
      text = fmt::format("'{}'", escaped);
    }
    if (number) return fmt::format("double({})", text);
    return operand.tag.kind == Tag::Kind::text ? text : fmt::format("string({})", text);
  }

  std::string_view text_;
  const Input& input_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::string> translate_when(std::string_view when, const Reader::Input& input) {
  return Reader(when, input).read();
}

}  // namespace millrace::pipelines::v1
