#include "net/request_head.h"

#include <gtest/gtest.h>

namespace millrace::net {
namespace {

int refused_with(std::string_view text) {
  const auto head = parse_request_head(text);
  return head ? 0 : head.error().status;
}

TEST(RequestHead, ReadsTargetsAndFields) {
  const auto head = parse_request_head(
      "PUT /a%2Fb?x=1&y HTTP/1.1\r\nHost: h:1\r\nX-Empty:\r\nX-Blanks: \t a  b \t\r\nX-Bytes: \xc3\xa9\r\n\r\n");
  ASSERT_TRUE(head) << head.error().text;
  EXPECT_EQ(head->request.method, "PUT");
  EXPECT_EQ(head->request.target, "/a%2Fb?x=1&y");
  EXPECT_EQ(head->request.path, "/a%2Fb");
  EXPECT_EQ(head->request.raw_query, "x=1&y");
  EXPECT_EQ(head->request.headers.get("x-empty"), "");
  EXPECT_TRUE(head->request.headers.has("x-empty"));
  EXPECT_EQ(head->request.headers.get("x-blanks"), "a  b");
  EXPECT_EQ(head->request.headers.get("x-bytes"), "\xc3\xa9");
  EXPECT_TRUE(head->keep_alive);
  EXPECT_FALSE(head->content_length);
}

TEST(RequestHead, TheAbsoluteFormIsSplitBehindItsHost) {
  const auto path = [](const std::string& target) {
    return parse_request_head("GET " + target + " HTTP/1.1\r\nHost: Other\r\n\r\n")->request.path;
  };
  EXPECT_EQ(path("http://other/a?b"), "/a");
  EXPECT_EQ(path("https://other"), "/");
  EXPECT_EQ(path("https://other?a/b"), "/");
  EXPECT_EQ(path("*"), "*");
}

TEST(RequestHead, KeepsTheConnectionAsTheClientAsks) {
  const struct {
    const char* version;
    const char* fields;
    bool keep;
  } rows[] = {{"1.1", "", true},
              {"1.1", "Connection: close\r\n", false},
              {"1.1", "Connection: Upgrade, CLOSE\r\n", false},
              {"1.1", "Connection: a\r\nConnection: close\r\n", false},
              {"1.0", "", false},
              {"1.0", "Connection: Keep-Alive\r\n", true},
              {"1.0", "Connection: keep-alive, close\r\n", false}};
  for (const auto& row : rows) {
    const auto head =
        parse_request_head(std::string("GET / HTTP/") + row.version + "\r\nHost: x\r\n" + row.fields + "\r\n");
    ASSERT_TRUE(head);
    EXPECT_EQ(head->keep_alive, row.keep) << row.version << row.fields;
  }
}

TEST(RequestHead, RefusesWhatCanBeReadInTwoWays) {
  const auto with = [](const std::string& fields) { return "POST / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n"; };
  const std::pair<std::string, int> rows[] = {
      {with("Content-Length: 5"
            "\r\n"),
       0},
      {with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {with("Content-Length: 0, 60\r\n"), 400},
      {with("Content-Length: +0\r\n"), 400},
      {with("Content-Length: -1\r\n"), 400},
      {with("Content-Length: 0x10\r\n"), 400},
      {with("Content-Length: \r\n"), 400},
      {with("Content-Length: 1 1\r\n"), 400},
      {with("Content-Length: 18446744073709551616\r\n"), 400},
      {with("Content-Length: 9223372036854775808\r\n"), 400},
      {with("Transfer-Encoding: chunked\r\n"), 0},
      {with("Transfer-Encoding: Chunked\r\n"), 0},
      {with("Transfer-Encoding: xchunked\r\n"), 501},
      {with("Transfer-Encoding: chunked, identity\r\n"), 501},
      {with("Transfer-Encoding: identity, chunked\r\n"), 501},
      {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 501},
      {with("Transfer-Encoding: \x0b"
            "chunked\r\n"),
       400},
      {with("Transfer-Encoding : chunked\r\n"), 400},
      {with("X-A: b\r\n Transfer-Encoding: chunked\r\n"), 400},
      {with("X-A: b\r\n\tc\r\n"), 400},
      {with("X-A: b\rc\r\n"), 400},
      {with(std::string("X-A: b\0c\r\n", 11)), 400},
      {with("X-A: b\x7f\r\n"), 400},
      {with(": b\r\n"), 400},
      {with("no colon\r\n"), 400},
      {with("X(A): b\r\n"), 400},
      {with("X\xc3\xa9: b\r\n"), 400},
      {with("Host: y\r\n"), 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\n\r\n", 0},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400},
      {"GET / http/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
      {" GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET http://evil/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET http://x@evil/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 0},
      {"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"\r\n", 400},
  };
  for (const auto& [text, status] : rows) EXPECT_EQ(refused_with(text), status) << text;
}

std::size_t size_of_head(std::string_view text, HeadLimits limits = {}) {
  HeadFinder finder(limits);
  const auto size = finder.find(text);
  return size ? *size : 100'000 + static_cast<std::size_t>(size.error().status);
}

TEST(HeadFinder, FindsTheEndWhereverTheBytesAreCut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n";
  const std::string text = head + "the next\n\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    HeadFinder finder({});
    const auto first = finder.find(std::string_view(text).substr(0, cut));
    ASSERT_TRUE(first);
    EXPECT_EQ(*first, cut < head.size() ? 0 : head.size()) << cut;
    if (*first == 0) EXPECT_EQ(*finder.find(text), head.size()) << cut;
  }
}

TEST(HeadFinder, RefusesBareLineFeedsAndWhatIsTooLarge) {
  EXPECT_EQ(size_of_head("GET / HTTP/1.1\n"), 100'400u);
  EXPECT_EQ(size_of_head("GET / HTTP/1.1\r\nA: b\n"), 100'400u);
  EXPECT_EQ(size_of_head("GET / HTTP/1.1\r\n\n"), 100'400u);
  EXPECT_EQ(size_of_head("\n"), 100'400u);
  EXPECT_EQ(size_of_head(std::string(99, 'x'), {100, 5}), 0u);
  EXPECT_EQ(size_of_head(std::string(100, 'x'), {100, 5}), 100'431u);
  EXPECT_EQ(size_of_head(std::string(100, 'x') + "\r\n\r\n", {100, 5}), 100'431u);
  EXPECT_EQ(size_of_head("x\r\nA:\r\nA:\r\n\r\n", {100, 2}), 13u);
  EXPECT_EQ(size_of_head("x\r\nA:\r\nA:\r\nA:\r\n\r\n", {100, 2}), 100'431u);
}

}  // namespace
}  // namespace millrace::net
