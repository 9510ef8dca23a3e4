#include "logs/pattern.h"

#include <algorithm>

namespace millrace::logs {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

tl::unexpected<Error> invalid(std::string message) {
  return fail(Code::invalid_argument, std::move(message), "InvalidParameterException");
}

// Takes one term, quoted or not, off the front.
Result<std::string> take_term(std::string_view& rest) {
  if (!rest.starts_with('"')) {
    const auto end = std::min(rest.find_first_of(kBlank), rest.size());
    std::string term(rest.substr(0, end));
    rest.remove_prefix(end);
    return term;
  }
  std::string term;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '\\' && i + 1 < rest.size()) {
      term += rest[++i];
    } else if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return term;
    } else {
      term += rest[i];
    }
  }
  return invalid("Invalid filter pattern: a quotation mark is not closed");
}

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text) {
  Pattern pattern;
  std::string_view rest = text;
  bool first = true;
  while (true) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
    if (rest.empty()) return pattern;
    if (std::exchange(first, false) && (rest.front() == '{' || rest.front() == '[')) {
      return invalid(
          "JSON and space-delimited filter patterns are not supported here: use terms and \"quoted phrases\"");
    }
    if (rest.front() == '%') {
      return invalid("Regular-expression filter patterns are not supported here: use terms and \"quoted phrases\"");
    }
    std::vector<std::string>* kind = &pattern.all_;
    if (rest.size() > 1 && rest.front() == '-') kind = &pattern.none_;
    if (rest.size() > 1 && rest.front() == '?') kind = &pattern.any_;
    if (kind != &pattern.all_) rest.remove_prefix(1);
    kind->push_back(MR_TRY(take_term(rest)));
  }
}

bool Pattern::matches(std::string_view message) const {
  const auto within = [&](const std::string& term) { return message.find(term) != std::string_view::npos; };
  if (!std::all_of(all_.begin(), all_.end(), within) || std::any_of(none_.begin(), none_.end(), within)) return false;
  return any_.empty() || !all_.empty() || !none_.empty() || std::any_of(any_.begin(), any_.end(), within);
}

}  // namespace millrace::logs
