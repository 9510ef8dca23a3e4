#include "net/routes.h"

#include <gtest/gtest.h>

namespace millrace::net {
namespace {

std::string matched(std::string_view pattern, std::string_view path, Colon colon = Colon::begins_verb) {
  PathParameters parameters;
  if (!match_path(pattern, path, parameters, colon)) return "no";
  std::string text;
  for (const auto& [name, value] : parameters) text += (text.empty() ? "" : ",") + name + "=" + value;
  return text.empty() ? "yes" : text;
}

TEST(Routes, MatchPathsByTheirSegments) {
  struct Case {
    const char *pattern, *path, *is;
  };
  const Case cases[] = {
      {"/runs", "/runs", "yes"},
      {"runs", "/runs", "yes"},
      {"/runs", "runs", "yes"},
      {"/runs", "/runs/", "no"},
      {"/runs", "/run", "no"},
      {"/runs", "/runs/a", "no"},
      {"/runs/{run}", "/runs/a", "run=a"},
      {"/runs/{run}", "/runs/", "no"},
      {"/runs/{run}", "/runs", "no"},
      {"/runs/{run}", "/runs/a%2Fb", "run=a/b"},
      {"/runs/{run}", "/runs/a%3Ab", "run=a:b"},
      {"/runs/{run}", "/runs/a:archive", "no"},
      {"/runs/{run}:archive", "/runs/a:archive", "run=a"},
      {"/runs/{run}:archive", "/runs/:archive", "no"},
      {"/runs/{run}:archive", "/runs/a:b", "no"},
      {"/runs/{run}:archive", "/runs/a", "no"},
      {"/runs/{run}/nodes/{node}:read", "/runs/a/nodes/b:read", "node=b,run=a"},
      {"/artifacts/{bucket}/{key...}", "/artifacts/b/k", "bucket=b,key=k"},
      {"/artifacts/{bucket}/{key...}", "/artifacts/b/k/l%20m//n", "bucket=b,key=k/l m//n"},
      {"/artifacts/{bucket}/{key...}", "/artifacts/b/", "no"},
      {"/artifacts/{bucket}/{key...}", "/artifacts/b", "no"},
      {"/artifacts/{key...}", "/artifacts/a:b", "key=a:b"},
      {"/a//b", "/a//b", "yes"},
      {"/a/{x}/b", "/a//b", "no"},
      {"/", "/", "yes"},
      {"", "", "yes"},
      {"{x}", "", "no"},
  };
  for (const Case& c : cases) EXPECT_EQ(matched(c.pattern, c.path), c.is) << c.pattern << " of " << c.path;
}

TEST(Routes, AColonIsTextWhereItBeginsNoVerb) {
  EXPECT_EQ(matched("/users/{name}", "/users/system:node", Colon::is_text), "name=system:node");
  EXPECT_EQ(matched("/users/{name}:x", "/users/system:x", Colon::is_text), "name=system");
}

TEST(Routes, AreBounded) {
  std::string pattern, path;
  for (std::size_t i = 0; i < kMaxPathSegments; ++i) pattern += "/a", path += "/a";
  EXPECT_EQ(matched("/{all...}", path + path), "all=" + (path + path).substr(1));
  EXPECT_EQ(matched(pattern + pattern, path + path), "no");
}

struct Entry {
  std::string_view method, pattern;
  int number;
};
constexpr Entry kTable[] = {
    {"GET", "/things", 1}, {"POST", "/things", 2}, {"*", "/things/{id}:do", 3}, {"DELETE", "/things/{id}", 4}};

TEST(Routes, AreFoundByMethod) {
  const auto number = [](std::string_view method, std::string_view path, bool& other) {
    PathParameters parameters;
    const Entry* entry = find_route(kTable, method, path, parameters, other);
    return entry == nullptr ? 0 : entry->number;
  };
  bool other = false;
  EXPECT_EQ(number("GET", "/things", other), 1);
  EXPECT_FALSE(other);
  EXPECT_EQ(number("POST", "/things", other), 2);
  EXPECT_EQ(number("PUT", "/things/a:do", other), 3);
  other = false;
  EXPECT_EQ(number("GET", "/things/a", other), 0);
  EXPECT_TRUE(other);
  other = false;
  EXPECT_EQ(number("GET", "/other", other), 0);
  EXPECT_FALSE(other);
}

}  // namespace
}  // namespace millrace::net
