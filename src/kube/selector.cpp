#include "kube/selector.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxSelectorBytes = 16 * 1024;

// Commas part the terms, but not inside "in (…)".
std::vector<std::string_view> terms_of(std::string_view text) {
  std::vector<std::string_view> terms;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      if (const auto term = trim(text.substr(begin, i - begin)); !term.empty()) terms.push_back(term);
      begin = i + 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      --depth;
    }
  }
  return terms;
}

const Value& at_path(const Value& object, std::string_view path) {
  const Value* value = &object;
  for (const auto part : split(path, '.')) value = &value->at(part);
  return *value;
}

}  // namespace

Result<Selector> Selector::parse(std::string_view labels, std::string_view field_terms,
                                 const std::vector<std::string>& fields) {
  if (labels.size() + field_terms.size() > kMaxSelectorBytes) {
    return fail(Code::invalid_argument, fmt::format("the selectors are longer than {} bytes", kMaxSelectorBytes));
  }
  Selector selector;
  const auto equality = [](std::string_view term, Term& out) {
    const auto at = term.find('=');
    if (at == std::string_view::npos) return false;
    out.negated = at > 0 && term[at - 1] == '!';
    const auto value_at = at + (at + 1 < term.size() && term[at + 1] == '=' ? 2 : 1);
    out.key = std::string(trim(term.substr(0, out.negated ? at - 1 : at)));
    out.values = {std::string(trim(term.substr(value_at)))};
    return !out.key.empty();
  };
  for (const auto term : terms_of(labels)) {
    Term parsed;
    const auto open = term.find('(');
    if (open != std::string_view::npos) {
      const auto words = trim(term.substr(0, open));
      const auto space = words.find(' ');
      const auto op = space == std::string_view::npos ? std::string_view() : trim(words.substr(space));
      if ((op != "in" && op != "notin") || !term.ends_with(')')) {
        return fail(Code::invalid_argument, fmt::format("unable to parse requirement: {}", term));
      }
      parsed.key = std::string(words.substr(0, space));
      parsed.negated = op == "notin";
      for (const auto value : split(term.substr(open + 1, term.size() - open - 2), ',')) {
        parsed.values.emplace_back(trim(value));
      }
    } else if (!equality(term, parsed)) {
      parsed.negated = term.starts_with('!');
      parsed.key = std::string(trim(term.substr(parsed.negated ? 1 : 0)));
      if (parsed.key.empty() || parsed.key.find_first_of(" =!") != std::string::npos) {
        return fail(Code::invalid_argument, fmt::format("unable to parse requirement: {}", term));
      }
    }
    selector.terms_.push_back(std::move(parsed));
  }
  for (const auto term : terms_of(field_terms)) {
    Term parsed;
    if (!equality(term, parsed)) {
      return fail(Code::invalid_argument, fmt::format("invalid selector: '{}'; can't understand it", term));
    }
    if (std::ranges::find(fields, parsed.key) == fields.end()) {
      return fail(Code::invalid_argument, fmt::format("field label not supported: {}", parsed.key));
    }
    parsed.field = true;
    selector.terms_.push_back(std::move(parsed));
  }
  return selector;
}

bool Selector::matches(const Value& object) const {
  return std::ranges::all_of(terms_, [&](const Term& term) {
    if (term.field) return (at_path(object, term.key).string_or() == term.values.front()) != term.negated;
    const Value* label = object.at("metadata").at("labels").find(term.key);
    if (term.values.empty()) return (label != nullptr) != term.negated;
    const bool among = label != nullptr && std::ranges::find(term.values, label->string_or()) != term.values.end();
    return among != term.negated;
  });
}

}  // namespace millrace::kube
