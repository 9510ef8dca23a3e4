#include "app/browser_checks.h"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

bool is_own(std::string_view host) {
  const auto authority = parse_authority(host);
  return authority && is_own_host(*authority);
}

TEST(BrowserChecks, TheHostIsComparedAsAWhole) {
  for (const char* own : {"localhost", "localhost:8080", "LOCALHOST", "localhost.", "LocalHost.:80", "a.localhost",
                          "my-bucket.s3.localhost:8080", "127.0.0.1", "127.0.0.1:65535", "127.1.2.3",
                          "127.255.255.255:1", "[::1]", "[::1]:8080", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"})
    EXPECT_TRUE(is_own(own)) << own;
  for (const char* foreign : {"",
                              ":",
                              ":80",
                              "evil.example",
                              "evil.example:8080",
                              "127.evil.example",
                              "127.0.0.1.evil.example",
                              "127.0.0.1.evil.example:8080",
                              "localhost.evil.example",
                              "127.0.0.1@evil.example",
                              "evil.example@127.0.0.1",
                              "[::1].evil.example",
                              "[::1]evil",
                              "[127.0.0.1",
                              "[127.0.0.1]",
                              "[]",
                              "[::1",
                              "::1",
                              "[::1%lo]",
                              "[::2]",
                              "[fe80::1]",
                              "evillocalhost",
                              ".localhost",
                              "a..localhost",
                              "localhost..",
                              ".",
                              "127.0.0.1.1",
                              "127.1",
                              "127",
                              "2130706433",
                              "0x7f000001",
                              "0177.0.0.1",
                              "127.0.0.256",
                              "127.0.0.01",
                              "128.0.0.1",
                              "10.127.0.0",
                              "0.0.0.0",
                              "localhost:",
                              "localhost:a",
                              "localhost:65536",
                              "localhost:-1",
                              "localhost:+1",
                              "localhost:80:80",
                              "localhost:080808",
                              "localhost:80/",
                              "local host",
                              "localhost,evil.example",
                              "localhost\\.evil",
                              "localhost/",
                              "localhost#",
                              "localhost?",
                              "http://localhost",
                              "loc\xc3\xa1lhost",
                              "localhost\t"}) {
    EXPECT_FALSE(is_own(foreign)) << foreign;
  }
}

struct Row {
  const char* method;
  const char* host;
  const char* origin;  // nullptr: none
  const char* site;
  const char* mode;
  bool allowed;
};

bool is_allowed(const Row& row, bool tls = false, bool own_names_only = true) {
  net::Request request;
  request.method = row.method;
  request.tls = tls;
  request.headers.add("Host", row.host);
  if (row.origin != nullptr) request.headers.add("Origin", row.origin);
  if (row.site != nullptr) request.headers.add("Sec-Fetch-Site", row.site);
  if (row.mode != nullptr) request.headers.add("Sec-Fetch-Mode", row.mode);
  return browser_objection(request, {own_names_only, false}).empty();
}

TEST(BrowserChecks, ChangesComeFromTheSameOriginOrFromNoPage) {
  constexpr const char* kHost = "127.0.0.1:8080";
  for (const Row& row :
       std::initializer_list<Row>{{"POST", kHost, nullptr, nullptr, nullptr, true},
                                  {"POST", kHost, "http://127.0.0.1:8080", nullptr, nullptr, true},
                                  {"POST", kHost, "HTTP://127.0.0.1:8080", nullptr, nullptr, true},
                                  {"POST", "LOCALHOST.:8080", "http://localhost:8080", nullptr, nullptr, true},
                                  {"POST", "localhost", "http://localhost", nullptr, nullptr, true},
                                  {"POST", "localhost:80", "http://localhost", nullptr, nullptr, true},
                                  {"POST", "[::1]:8080", "http://[::1]:8080", nullptr, nullptr, true},
                                  {"POST", kHost, "", nullptr, nullptr, false},
                                  {"POST", kHost, "null", nullptr, nullptr, false},
                                  {"POST", kHost, "http://evil.example", nullptr, nullptr, false},
                                  {"POST", kHost, "http://localhost:8080", nullptr, nullptr, false},
                                  {"POST", kHost, "http://127.0.0.1", nullptr, nullptr, false},
                                  {"POST", kHost, "http://127.0.0.1:8081", nullptr, nullptr, false},
                                  {"POST", kHost, "https://127.0.0.1:8080", nullptr, nullptr, false},
                                  {"POST", kHost, "x://127.0.0.1:8080", nullptr, nullptr, false},
                                  {"POST", kHost, "://127.0.0.1:8080", nullptr, nullptr, false},
                                  {"POST", kHost, "127.0.0.1:8080", nullptr, nullptr, false},
                                  {"POST", kHost, "http://evil127.0.0.1:8080", nullptr, nullptr, false},
                                  {"POST", kHost, "http://127.0.0.1:8080.evil.example", nullptr, nullptr, false},
                                  {"POST", kHost, "http://evil.example/?://127.0.0.1:8080", nullptr, nullptr, false},
                                  {"POST", kHost, "http://127.0.0.1:8080/", nullptr, nullptr, false},
                                  {"POST", kHost, "http://user@127.0.0.1:8080", nullptr, nullptr, false},
                                  {"POST", kHost, "http://a.example http://127.0.0.1:8080", nullptr, nullptr, false},
                                  {"POST", "localhost", "http://localhost:443", nullptr, nullptr, false},
                                  {"DELETE", kHost, "http://evil.example", nullptr, nullptr, false},
                                  {"OPTIONS", kHost, "http://evil.example", nullptr, nullptr, false},
                                  {"POST", kHost, nullptr, "cross-site", nullptr, false},
                                  {"POST", kHost, nullptr, "same-site", "navigate", false},
                                  {"POST", kHost, "http://127.0.0.1:8080", "cross-site", nullptr, false},
                                  {"POST", kHost, nullptr, "same-origin", "cors", true},
                                  {"POST", kHost, nullptr, "none", "navigate", true},
                                  {"POST", "evil.example", nullptr, nullptr, nullptr, false},
                                  {"POST", "evil.example", "http://evil.example", "same-origin", nullptr, false}})
    EXPECT_EQ(is_allowed(row), row.allowed) << row.method << " " << row.host << " " << (row.origin ? row.origin : "-")
                                            << " " << (row.site ? row.site : "-");
}

TEST(BrowserChecks, ReadsAreNavigationsOrOfTheSameOrigin) {
  constexpr const char* kHost = "localhost:8080";
  for (const Row& row : std::initializer_list<Row>{
           {"GET", kHost, nullptr, nullptr, nullptr, true},
           {"GET", kHost, "http://evil.example", nullptr, nullptr, true},  // old browsers; nothing is changed
           {"GET", kHost, nullptr, "same-origin", "cors", true},
           {"GET", kHost, nullptr, "none", "navigate", true},
           {"GET", kHost, nullptr, "cross-site", "navigate", true},
           {"GET", kHost, nullptr, "cross-site", "no-cors", false},
           {"GET", kHost, nullptr, "same-site", "cors", false},
           {"HEAD", kHost, nullptr, "cross-site", "cors", false},
           {"GET", "evil.example", nullptr, nullptr, nullptr, false}})
    EXPECT_EQ(is_allowed(row), row.allowed) << row.method << " " << (row.site ? row.site : "-");
}

TEST(BrowserChecks, ThePagesOwnFilesMayBeLoadedByAnyPage) {
  net::Request request;
  request.method = "GET";
  request.headers.add("Host", "localhost:8080");
  request.headers.add("Sec-Fetch-Site", "same-site");
  request.headers.add("Sec-Fetch-Mode", "no-cors");
  EXPECT_TRUE(browser_objection(request, {true, true}).empty());
  EXPECT_FALSE(browser_objection(request, {true, false}).empty());
  request.headers.set("Host", "evil.example");
  EXPECT_FALSE(browser_objection(request, {true, true}).empty());
}

TEST(BrowserChecks, BeyondLoopbackEveryNameIsOwnAndAProxyMayAddTls) {
  EXPECT_TRUE(is_allowed({"POST", "ml.example", "http://ml.example", nullptr, nullptr, true}, false, false));
  EXPECT_TRUE(is_allowed({"POST", "ml.example", "https://ml.example", nullptr, nullptr, true}, false, false));
  EXPECT_FALSE(is_allowed({"POST", "ml.example", "https://other.example", nullptr, nullptr, true}, false, false));
  EXPECT_FALSE(is_allowed({"POST", "not a host", nullptr, nullptr, nullptr, true}, false, false));
  EXPECT_TRUE(is_allowed({"POST", "localhost:8080", "https://localhost:8080", nullptr, nullptr, true}, true));
  EXPECT_FALSE(is_allowed({"POST", "localhost:8080", "http://localhost:8080", nullptr, nullptr, true}, true));
}

TEST(BrowserChecks, TwoOriginsAreNone) {
  net::Request request;
  request.method = "POST";
  request.headers.add("Host", "localhost:8080");
  request.headers.add("Origin", "http://localhost:8080");
  request.headers.add("Origin", "http://localhost:8080");
  EXPECT_FALSE(browser_objection(request, {}).empty());
}

}  // namespace
}  // namespace millrace::app
