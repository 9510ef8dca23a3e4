#include "kube/selector.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxSelectorBytes = 16 * 1024;

std::vector<std::string_view> terms_of(std::string_view text) {
  std::vector<std::string_view> terms;
  for (const auto term : split(text, ',')) {
    if (!trim(term).empty()) terms.push_back(trim(term));
  }
  return terms;
}

// "a=b", "a==b" or "a!=b".
bool read_equality(std::string_view term, std::string& key, std::string& value, bool& negated) {
  const auto at = term.find('=');
  if (at == std::string_view::npos) return false;
  negated = at > 0 && term[at - 1] == '!';
  const auto value_at = at + (at + 1 < term.size() && term[at + 1] == '=' ? 2 : 1);
  key = std::string(trim(term.substr(0, negated ? at - 1 : at)));
  value = std::string(trim(term.substr(value_at)));
  return !key.empty();
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
  selector.labels_ = MR_TRY(parse_label_terms(labels));
  for (const auto term : terms_of(field_terms)) {
    FieldTerm parsed;
    if (!read_equality(term, parsed.key, parsed.value, parsed.negated)) {
      return fail(Code::invalid_argument, fmt::format("invalid selector: '{}'; can't understand it", term));
    }
    if (std::ranges::find(fields, parsed.key) == fields.end()) {
      return fail(Code::invalid_argument, fmt::format("field label not supported: {}", parsed.key));
    }
    selector.fields_.push_back(std::move(parsed));
  }
  return selector;
}

bool Selector::matches(const Value& object) const {
  const Value& labels = object.at("metadata").at("labels");
  return std::ranges::all_of(labels_, [&](const LabelTerm& term) { return term.matches(labels); }) &&
         std::ranges::all_of(fields_, [&](const FieldTerm& term) {
           return (at_path(object, term.key).string_or() == term.value) != term.negated;
         });
}

}  // namespace millrace::kube
