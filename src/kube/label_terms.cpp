#include "kube/label_terms.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "kube/metadata.h"

namespace millrace::kube {
namespace {

enum class Token {
  end,
  word,
  in,
  notin,
  equal,
  twice_equal,
  unequal,
  negated,
  open,
  close,
  comma,
  greater,
  less,
  none
};

struct Lexeme {
  Token token = Token::end;
  std::string text = {};
};

constexpr std::string_view kSymbols = "=!(),><", kBlanks = " \t\r\n";

struct Symbol {
  std::string_view text;
  Token token;
};
constexpr std::array kTokens = {
    Symbol{"==", Token::twice_equal}, Symbol{"!=", Token::unequal}, Symbol{"=", Token::equal},
    Symbol{"!", Token::negated},      Symbol{"(", Token::open},     Symbol{")", Token::close},
    Symbol{",", Token::comma},        Symbol{">", Token::greater},  Symbol{"<", Token::less}};

std::vector<Lexeme> lexemes_of(std::string_view text) {
  std::vector<Lexeme> all;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    if (text.empty()) break;
    Lexeme next;
    if (kSymbols.find(text.front()) != std::string_view::npos) {
      const auto* symbol =
          std::ranges::find_if(kTokens, [&](const Symbol& each) { return text.starts_with(each.text); });
      next = {symbol->token, std::string(symbol->text)};
    } else {
      next.text = text.substr(0, text.find_first_of(std::string(kSymbols) + std::string(kBlanks)));
      next.token = next.text == "in" ? Token::in : next.text == "notin" ? Token::notin : Token::word;
    }
    text.remove_prefix(next.text.size());
    all.push_back(std::move(next));
  }
  all.emplace_back();
  return all;
}

tl::unexpected<Error> found(const Lexeme& lexeme, std::string_view expected) {
  return fail(Code::invalid_argument, fmt::format("found '{}', expected: {}", lexeme.text, expected));
}

Status check_key(const std::string& key) {
  const auto faults = qualified_name_faults(key);
  if (faults.empty()) return {};
  return fail(Code::invalid_argument,
              fmt::format("key: Invalid value: {}: {}", to_json(Value(key)), join(faults, "; ")));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : all_(lexemes_of(text)) {}

  Result<std::vector<LabelTerm>> parse() {
    std::vector<LabelTerm> terms;
    while (ahead() == Token::word || ahead() == Token::negated) {
      auto term = parse_term();
      if (!term) return fail(Code::invalid_argument, "unable to parse requirement: " + term.error().message);
      terms.push_back(std::move(*term));
      const Lexeme next = take();
      if (next.token == Token::end) return terms;
      if (next.token != Token::comma) return found(next, "',' or 'end of string'");
      if (ahead() != Token::word && ahead() != Token::negated) return found(peek(), "identifier after ','");
    }
    if (ahead() != Token::end) return found(peek(), "!, identifier, or 'end of string'");
    return terms;
  }

 private:
  // "in" and "notin" are words where no operator may stand.
  const Lexeme& peek() const { return all_[at_]; }
  Token ahead() const {
    const Token token = peek().token;
    return token == Token::in || token == Token::notin ? Token::word : token;
  }
  Lexeme take() {
    const Lexeme lexeme = all_[at_];
    if (at_ + 1 < all_.size()) ++at_;
    return lexeme;
  }
  bool is_word(const Lexeme& lexeme) const {
    return lexeme.token == Token::word || lexeme.token == Token::in || lexeme.token == Token::notin;
  }

  Result<LabelTerm> parse_term() {
    LabelTerm term;
    Lexeme key = take();
    if (key.token == Token::negated) {
      term.asks = LabelTerm::Asks::absent;
      key = take();
    }
    if (!is_word(key)) return found(key, "identifier");
    MR_TRY(check_key(key.text));
    term.key = key.text;
    if (term.asks == LabelTerm::Asks::absent || ahead() == Token::end || ahead() == Token::comma) return term;
    const Lexeme op = take();
    if (op.token == Token::in || op.token == Token::notin) {
      term.asks = op.token == Token::in ? LabelTerm::Asks::in : LabelTerm::Asks::not_in;
      term.values = MR_TRY(parse_values());
    } else {
      term.asks = MR_TRY(asked_by(op));
      term.values = {MR_TRY(parse_value())};
    }
    MR_TRY(check_values(term));
    return term;
  }

  static Result<LabelTerm::Asks> asked_by(const Lexeme& op) {
    if (op.token == Token::equal || op.token == Token::twice_equal) return LabelTerm::Asks::in;
    if (op.token == Token::unequal) return LabelTerm::Asks::not_in;
    if (op.token == Token::greater) return LabelTerm::Asks::greater;
    if (op.token == Token::less) return LabelTerm::Asks::less;
    return found(op, "in, notin, =, ==, !=, gt, lt");
  }

  Result<std::string> parse_value() {
    if (ahead() == Token::end || ahead() == Token::comma) return std::string();
    const Lexeme value = take();
    if (!is_word(value)) return found(value, "identifier");
    return value.text;
  }

  // An empty place between commas is the empty value.
  Result<std::vector<std::string>> parse_values() {
    if (peek().token != Token::open)
      return fail(Code::invalid_argument, fmt::format("found '{}' expected: '('", peek().text));
    take();
    std::vector<std::string> values;
    if (ahead() != Token::word && ahead() != Token::comma && ahead() != Token::close)
      return found(peek(), "',', ')' or identifier");
    while (true) {
      values.push_back(ahead() == Token::word ? take().text : std::string());
      if (ahead() == Token::close) break;
      if (ahead() != Token::comma) return found(peek(), "',' or ')'");
      take();
    }
    take();
    return values;
  }

  static Status check_values(const LabelTerm& term) {
    for (std::size_t i = 0; i < term.values.size(); ++i) {
      const std::string& value = term.values[i];
      if (term.asks == LabelTerm::Asks::greater || term.asks == LabelTerm::Asks::less) {
        if (!parse_int(value)) {
          return fail(
              Code::invalid_argument,
              fmt::format("values[{}]: Invalid value: {}: for 'Gt', 'Lt' operators, the value must be an integer", i,
                          to_json(Value(value))));
        }
        continue;
      }
      const auto faults = label_value_faults(value);
      if (faults.empty()) continue;
      return fail(Code::invalid_argument, fmt::format("values[{}][{}]: Invalid value: {}: {}", i, term.key,
                                                      to_json(Value(value)), join(faults, "; ")));
    }
    return {};
  }

  std::vector<Lexeme> all_;
  std::size_t at_ = 0;
};

}  // namespace

bool LabelTerm::matches(const Value& labels) const {
  const Value* label = labels.find(key);
  const auto is_among = [&] { return std::ranges::find(values, label->string_or()) != values.end(); };
  switch (asks) {
    case Asks::exists:
      return label != nullptr;
    case Asks::absent:
      return label == nullptr;
    case Asks::in:
      return label != nullptr && is_among();
    case Asks::not_in:
      return label == nullptr || !is_among();
    case Asks::greater:
    case Asks::less:
      break;
  }
  const auto number = label == nullptr ? std::nullopt : parse_int(label->string_or());
  const auto limit = parse_int(values.front());
  if (!number || !limit) return false;
  return asks == Asks::greater ? *number > *limit : *number < *limit;
}

Result<std::vector<LabelTerm>> parse_label_terms(std::string_view text) { return Parser(text).parse(); }

}  // namespace millrace::kube
