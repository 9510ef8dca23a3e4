#include "sagemaker/worker/json_path.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/strings.h"

namespace millrace::sagemaker::worker {
namespace {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         static_cast<unsigned char>(c) >= 128;
}

// The end of a bracket's content, quotes respected; npos when it does not end.
std::size_t closing_bracket(std::string_view text, std::size_t from) {
  char quote = 0;
  for (std::size_t i = from; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '\'' || text[i] == '"') {
      quote = text[i];
    } else if (text[i] == ']') {
      return i;
    }
  }
  return std::string_view::npos;
}

std::vector<std::string_view> split_unquoted(std::string_view text) {
  std::vector<std::string_view> parts;
  char quote = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (quote == 0 && text[i] == ',')) {
      parts.push_back(trim(text.substr(start, i - start)));
      start = i + 1;
    } else if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '\'' || text[i] == '"') {
      quote = text[i];
    }
  }
  return parts;
}

}  // namespace

tl::unexpected<Error> JsonPath::refuse(std::string_view why) const {
  return fail(Code::invalid_argument, fmt::format("The JSONPath '{}' cannot be used: {}", text_, why));
}

Result<JsonPath::Selector> JsonPath::parse_selector(std::string_view text) const {
  if (text.size() >= 2 && (text.front() == '\'' || text.front() == '"') && text.back() == text.front()) {
    return Selector(std::string(text.substr(1, text.size() - 2)));
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    const auto place = parse_int(text);
    if (!place) return refuse("inside brackets there must be places, ranges or quoted names");
    return Selector(*place);
  }
  Slice slice;
  const std::string_view from = trim(text.substr(0, colon)), to = trim(text.substr(colon + 1));
  if (!from.empty()) slice.from = parse_int(from);
  if (!to.empty()) slice.to = parse_int(to);
  if ((!from.empty() && !slice.from) || (!to.empty() && !slice.to)) {
    return refuse("a range is written [from:to]; steps are not supported");
  }
  return Selector(slice);
}

Result<JsonPath> JsonPath::parse(std::string_view text) {
  JsonPath path;
  path.text_ = text.empty() ? "$" : std::string(text);
  const std::string_view all = path.text_;
  if (all.size() > kMaxPathBytes) return path.refuse("it is longer than 63 characters");
  if (all.front() != '$') return path.refuse("it must start with $");
  for (std::size_t at = 1; at < all.size();) {
    if (all[at] == '.') {
      std::size_t end = at + 1;
      while (end < all.size() && is_name_byte(all[end])) ++end;
      if (end == at + 1) return path.refuse("a name must follow '.'; '..' and '*' are not supported");
      path.steps_.push_back({Selector(std::string(all.substr(at + 1, end - at - 1)))});
      at = end;
    } else if (all[at] == '[') {
      const std::size_t end = closing_bracket(all, at + 1);
      if (end == std::string_view::npos) return path.refuse("']' is missing");
      StepSelectors step;
      for (const std::string_view part : split_unquoted(all.substr(at + 1, end - at - 1))) {
        step.push_back(MR_TRY(path.parse_selector(part)));
      }
      path.steps_.push_back(std::move(step));
      at = end + 1;
    } else {
      return path.refuse("after $ there must be '.name' or '[...]'");
    }
  }
  return path;
}

Result<std::vector<std::size_t>> JsonPath::places(const StepSelectors& step, std::size_t count) const {
  const auto length = static_cast<std::int64_t>(count);
  std::vector<std::size_t> out;
  for (const Selector& selector : step) {
    if (std::holds_alternative<std::string>(selector)) return refuse("the data is a list, which has no names");
    if (const auto* place = std::get_if<std::int64_t>(&selector)) {
      const std::int64_t at = *place < 0 ? *place + length : *place;
      if (at < 0 || at >= length) return refuse(fmt::format("place {} lies outside the {} columns", *place, count));
      out.push_back(static_cast<std::size_t>(at));
      continue;
    }
    const auto& slice = std::get<Slice>(selector);
    const auto clamp = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + length : at, 0, length); };
    const std::int64_t to = slice.to ? clamp(*slice.to) : length;
    if (slice.from && *slice.from >= length) {
      return refuse(fmt::format("place {} lies outside the {} columns", *slice.from, count));
    }
    for (std::int64_t at = clamp(slice.from.value_or(0)); at < to; ++at) out.push_back(static_cast<std::size_t>(at));
  }
  return out;
}

Result<std::vector<std::size_t>> JsonPath::columns(std::size_t count) const {
  if (steps_.size() > 1) return refuse("the data is a table, where one step is possible");
  if (!steps_.empty()) return places(steps_.front(), count);
  std::vector<std::size_t> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = i;
  return all;
}

Result<Value> JsonPath::select(const Value& from) const {
  Value at = from;
  for (const StepSelectors& step : steps_) {
    const bool one = step.size() == 1 && !std::holds_alternative<Slice>(step.front());
    if (std::holds_alternative<std::string>(step.front())) {
      Value picked = Value::object();
      for (const Selector& selector : step) {
        const auto* name = std::get_if<std::string>(&selector);
        if (name == nullptr) return refuse("names and places cannot be mixed");
        const Value* member = at.find(*name);
        if (member == nullptr) return refuse(fmt::format("there is no member '{}'", *name));
        picked.set(*name, *member);
      }
      at = one ? Value(picked.members().front().second) : std::move(picked);
      continue;
    }
    if (!at.is_array()) return refuse("the data is not a list");
    Value picked = Value::array();
    for (const std::size_t place : MR_TRY(places(step, at.size()))) picked.push(at.items()[place]);
    at = one ? Value(picked.items().front()) : std::move(picked);
  }
  return at;
}

}  // namespace millrace::sagemaker::worker
