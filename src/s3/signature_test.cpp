#include "s3/signature.h"

#include "s3/s3_fixture.h"

namespace millrace::s3 {
namespace {

class SignatureTest : public S3Test {
 protected:
  // A signed GET of the list of buckets, changed after it was signed.
  Answer changed(const std::function<void(net::Request&)>& change, const std::string& region = "us-east-1") {
    net::Request request;
    request.method = "GET";
    request.target = request.path = "/";
    aws::sigv4::sign("GET", "http://127.0.0.1:8080/", request.headers, "", {"AKIDEXAMPLE", "secret", ""},
                     {region, "s3", clock_.now(), true, aws::sigv4::Scheme::verbatim});
    if (change) change(request);
    const auto reader = net::body_from_string("");
    request.body = reader.get();
    auto response = gateway_->handle(request);
    return {response.status, std::move(response.headers), std::move(response.body)};
  }
};

TEST_F(SignatureTest, IsRefusedInS3sWords) {
  EXPECT_EQ(changed({}).status, 200);
  struct Case {
    std::function<void(net::Request&)> change;
    int status;
    const char *code, *message;
  };
  const Case cases[] = {
      {[](net::Request& r) { r.headers.set("x-amz-acl", "private"); }, 403, "AccessDenied",
       "There were headers present in the request which were not signed: x-amz-acl"},
      {[](net::Request& r) { r.headers.set("x-amz-date", "20200101T000000Z"); }, 400, "AuthorizationHeaderMalformed",
       "Invalid credential date"},
      {[](net::Request& r) { r.headers.remove("x-amz-date"); }, 403, "AccessDenied",
       "AWS authentication requires a valid Date or x-amz-date header"},
      {[](net::Request& r) { r.headers.set("Authorization", "AWS4-HMAC-SHA256 nonsense"); }, 400,
       "AuthorizationHeaderMalformed", "The authorization header is malformed; "},
      {[](net::Request& r) { r.headers.set("Authorization", "Basic dTpw"); }, 400, "InvalidArgument",
       "Unsupported Authorization Type"},
      {[](net::Request& r) { r.raw_query = "X-Amz-Algorithm=AWS4-HMAC-SHA256"; }, 400, "InvalidArgument",
       "Only one auth mechanism allowed"},
      {[](net::Request& r) { r.headers.remove("x-amz-content-sha256"); }, 400, "InvalidRequest",
       "x-amz-content-sha256"},
      {[](net::Request& r) { r.path = "/other"; }, 403, "SignatureDoesNotMatch", "Check your key and signing method."},
  };
  for (const Case& c : cases) {
    const Answer answer = changed(c.change);
    EXPECT_EQ(answer.status, c.status) << answer.body;
    EXPECT_EQ(code(answer), c.code) << answer.body;
    EXPECT_NE(answer.body.find(c.message), std::string::npos) << answer.body;
  }
}

TEST_F(SignatureTest, OfAnotherRegionNamesTheRightOne) {
  const Answer answer = changed({}, "eu-west-1");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(code(answer), "AuthorizationHeaderMalformed");
  EXPECT_EQ(between(answer.body, "<Region>", "</Region>"), "us-east-1");
  EXPECT_EQ(answer.headers.get("x-amz-bucket-region"), "us-east-1");
}

TEST(SignatureRule, BoundsTheTime) {
  const aws::sigv4::Rule rule = signature_rule();
  const Time at = from_epoch_ms(1'700'000'000'000);
  net::Request request;
  request.method = "GET";
  request.path = "/";
  aws::sigv4::sign("GET", "http://h/", request.headers, "", {"A", "secret", ""},
                   {"us-east-1", "s3", at, true, rule.scheme});
  const auto claim = aws::sigv4::read_claim(request);
  ASSERT_TRUE(claim && *claim);
  const auto verified = [&](std::chrono::seconds later) {
    return aws::sigv4::verify(request, **claim, "secret", (*claim)->payload_hash, at + later, rule);
  };
  for (const int seconds : {-900, 0, 900}) EXPECT_TRUE(verified(std::chrono::seconds(seconds))) << seconds;
  for (const int seconds : {-901, 901}) {
    const Status status = verified(std::chrono::seconds(seconds));
    ASSERT_FALSE(status) << seconds;
    EXPECT_EQ(status.error().reason, "RequestTimeTooSkewed");
  }
}

}  // namespace
}  // namespace millrace::s3
