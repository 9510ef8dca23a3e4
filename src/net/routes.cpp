#include "net/routes.h"

#include <algorithm>
#include <optional>

#include "base/encode.h"

namespace millrace::net {
namespace {

constexpr std::string_view kRest = "...}";

// The next segment of `path`, which it is taken from; nullopt: there is none left.
std::optional<std::string_view> next_segment(std::optional<std::string_view>& path) {
  if (!path) return std::nullopt;
  const std::size_t slash = path->find('/');
  const std::string_view segment = path->substr(0, slash);
  path = slash == std::string_view::npos ? std::nullopt : std::optional(path->substr(slash + 1));
  return segment;
}

bool keep(std::string_view name, std::string_view text, PathParameters& parameters) {
  auto decoded = percent_decode(text);
  if (!decoded || decoded->empty()) return false;
  parameters.insert_or_assign(std::string(name), std::move(*decoded));
  return true;
}

// One segment of a pattern against one of a path.
bool match_segment(std::string_view wanted, std::string_view given, PathParameters& parameters, Colon colon) {
  if (!wanted.starts_with('{')) return wanted == given;
  const std::size_t close = std::min(wanted.find('}'), wanted.size() - 1);
  const std::string_view verb = wanted.substr(close + 1);
  const bool another_verb = verb.empty() && colon == Colon::begins_verb && given.find(':') != std::string_view::npos;
  if (another_verb || !given.ends_with(verb)) return false;
  given.remove_suffix(verb.size());
  return keep(wanted.substr(1, close - 1), given, parameters);
}

}  // namespace

bool match_path(std::string_view pattern, std::string_view path, PathParameters& parameters, Colon colon) {
  parameters.clear();
  if (pattern.starts_with('/')) pattern.remove_prefix(1);
  if (path.starts_with('/')) path.remove_prefix(1);
  std::optional<std::string_view> wanted_left = pattern, given_left = path;
  for (std::size_t i = 0; i < kMaxPathSegments; ++i) {
    const std::optional<std::string_view> all_left = given_left;
    const auto wanted = next_segment(wanted_left), given = next_segment(given_left);
    if (!wanted || !given) return !wanted && !given;
    if (wanted->starts_with('{') && wanted->ends_with(kRest))
      return keep(wanted->substr(1, wanted->size() - 1 - kRest.size()), *all_left, parameters);
    if (!match_segment(*wanted, *given, parameters, colon)) return false;
  }
  return false;
}

}  // namespace millrace::net
