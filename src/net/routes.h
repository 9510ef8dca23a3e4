#pragma once
// Which entry of an API's table a request's path is for. Pure.
//
// A pattern is a path whose segments are texts or parameters:
//   /runs/{run}/nodes/{node}        each parameter is one segment, not empty, percent-decoded
//   /runs/{run}:archive             what follows a parameter's brace ends the segment
//   /artifacts/{bucket}/{key...}    the last parameter takes all that is left, slashes included
// A pattern or path may begin with a slash or not, both alike.

#include <iterator>
#include <map>
#include <string>
#include <string_view>

namespace millrace::net {

using PathParameters = std::map<std::string, std::string, std::less<>>;

inline constexpr std::size_t kMaxPathSegments = 64;  // a longer path matches nothing but by {name...}

// In the style of Google's APIs a colon in the last segment begins a verb (AIP-136), and is no part of a parameter;
// elsewhere it is text.
enum class Colon { begins_verb, is_text };

// Fills `parameters` with the decoded texts; on false they are not defined.
bool match_path(std::string_view pattern, std::string_view path, PathParameters& parameters,
                Colon colon = Colon::begins_verb);

// The first entry of `table`, whose entries have `method` and `pattern`, for this request; null: there is none, and
// `other_method` is set where there is one for another method. A method "*" is any.
template <class Table>
auto find_route(const Table& table, std::string_view method, std::string_view path, PathParameters& parameters,
                bool& other_method, Colon colon = Colon::begins_verb) -> decltype(&*std::begin(table)) {
  for (const auto& entry : table) {
    if (!match_path(entry.pattern, path, parameters, colon)) continue;
    if (entry.method == "*" || entry.method == method) return &entry;
    other_method = true;
  }
  return nullptr;
}

}  // namespace millrace::net
