#include "net/http.h"

#include <gtest/gtest.h>

#include "net/response_head.h"

namespace millrace::net {
namespace {

TEST(Http, HeadersCompareWithoutCaseAndKeepTheirOrder) {
  Headers headers;
  headers.add("X-A", "1");
  headers.add("Content-Type", "text/plain");
  headers.add("x-a", "2");
  EXPECT_EQ(headers.get("X-a"), "1");
  EXPECT_EQ(headers.all("x-A").size(), 2u);
  headers.set("x-A", headers.get("content-type"));
  EXPECT_EQ(headers.all("X-A").size(), 1u);
  EXPECT_EQ(headers.get("X-A"), "text/plain");
  headers.remove("CONTENT-TYPE");
  EXPECT_FALSE(headers.has("content-type"));
  EXPECT_EQ(headers.get("none"), "");
}

TEST(Http, ParsesQueries) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(parse_query(""), Pairs{});
  EXPECT_EQ(parse_query("a=1&b&c=&&d=x+y%26%3D&a=2&e=%zz&=v"),
            (Pairs{{"a", "1"}, {"b", ""}, {"c", ""}, {"d", "x y&="}, {"a", "2"}, {"e", "%zz"}, {"", "v"}}));
  Request request;
  request.raw_query = "a=1&a=2&list-type=2";
  EXPECT_EQ(query_parameter(request, "a"), "1");
  EXPECT_EQ(query_parameter(request, "b"), std::nullopt);
}

TEST(Http, ABodyIsReadUpToItsLimit) {
  EXPECT_EQ(*body_from_string(std::string(200'000, 'x'))->read_all(200'000), std::string(200'000, 'x'));
  EXPECT_EQ(body_from_string(std::string(200'000, 'x'))->read_all(199'999).error().code, Code::resource_exhausted);
  EXPECT_EQ(*body_from_string("")->read_all(0), "");
}

TEST(ResponseHead, SaysHowTheBodyEnds) {
  const Time now = from_epoch_ms(1767323045678);
  Response response = Response::text(200, "hello");
  response.headers.add("Content-Length", "999");
  response.headers.add("X-Forged", "a\r\nSet-Cookie: b");
  HeadRules rules;
  rules.length = 5;
  Head head = make_head(response, rules, now);
  EXPECT_EQ(head.text,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nDate: "
            "Fri, 02 Jan 2026 03:04:05 GMT\r\n"
            "Content-Length: 5\r\n\r\n");
  EXPECT_TRUE(head.has_body);
  rules.head_request = true;
  head = make_head(response, rules, now);
  EXPECT_NE(head.text.find("Content-Length: 999\r\n"), std::string::npos);
  EXPECT_FALSE(head.has_body);
  for (const int status : {204, 304, 101}) {
    response.status = status;
    head = make_head(response, rules, now);
    EXPECT_EQ(head.text.find("Content-Length"), std::string::npos) << status;
    EXPECT_FALSE(head.has_body);
  }
}

TEST(ResponseHead, AStreamIsChunkedOrEndsWithTheConnection) {
  Response response;
  HeadRules rules;
  rules.is_stream = true;
  Head head = make_head(response, rules, from_epoch_ms(0));
  EXPECT_TRUE(head.chunked);
  EXPECT_NE(head.text.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  rules.http_1_0 = true;
  rules.keep_alive = false;
  head = make_head(response, rules, from_epoch_ms(0));
  EXPECT_FALSE(head.chunked);
  EXPECT_EQ(head.text.find("Transfer-Encoding"), std::string::npos);
  EXPECT_NE(head.text.find("Connection: close\r\n"), std::string::npos);
}

TEST(ResponseHead, AStreamOfKnownLengthSaysIt) {
  Response response;
  HeadRules rules;
  rules.is_stream = true;
  response.headers.set("Content-Length", "70000");
  Head head = make_head(response, rules, from_epoch_ms(0));
  EXPECT_FALSE(head.chunked);
  EXPECT_NE(head.text.find("Content-Length: 70000\r\n"), std::string::npos);
  EXPECT_EQ(head.text.find("Transfer-Encoding"), std::string::npos);
  response.headers.set("Content-Length", "many");
  head = make_head(response, rules, from_epoch_ms(0));
  EXPECT_TRUE(head.chunked);
  EXPECT_EQ(head.text.find("Content-Length"), std::string::npos);
}

}  // namespace
}  // namespace millrace::net
