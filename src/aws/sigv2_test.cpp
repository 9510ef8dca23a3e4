#include "aws/sigv2.h"

#include <gtest/gtest.h>

namespace millrace::aws::sigv2 {
namespace {

constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const Time kBefore = from_epoch_ms(1'799'999'990'000);  // ten seconds before the URLs below end

net::Request request_of(std::string method, const std::string& target) {
  net::Request request;
  request.method = std::move(method);
  request.target = target;
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.raw_query = target.substr(question + 1);
  return request;
}

std::string outcome(const net::Request& request, Time now, std::string_view bucket = "") {
  const auto claim = read_claim(request);
  if (!claim) return claim.error().reason;
  if (!*claim) return "none";
  const std::string resource = bucket.empty() ? request.path : "/" + std::string(bucket) + request.path;
  const Status status = sigv2::verify(request, **claim, kSecret, resource, now);
  return status ? "good" : status.error().reason;
}

// URLs that botocore's HmacV1QueryAuth signed.
struct Url {
  const char *method, *target;
};
constexpr Url kUrls[] = {
    {"GET", "/bkt/k%20ey?AWSAccessKeyId=AKIDEXAMPLE&Signature=%2BFjk6LxKbcANMvsjgc0K7rQFrOM%3D&Expires=1800000000"},
    {"PUT",
     "/bkt/key?partNumber=1&uploadId=a%2Fb&AWSAccessKeyId=AKIDEXAMPLE&Signature=WRNYBxyFTR3zouLpQDSvnPhzRkI%3D&"
     "content-type=text%2Fplain&Expires=1800000000"},
    {"GET",
     "/bkt/key?response-content-disposition=attachment%3B%20filename%3Dx&AWSAccessKeyId=AKIDEXAMPLE&"
     "Signature=eOL93bwollMnx8qvsjgIYk6W2Kk%3D&x-amz-security-token=tok%2Fen%3D%3D&Expires=1800000000"},
    {"POST",
     "/bkt/key?uploads&AWSAccessKeyId=AKIDEXAMPLE&Signature=C8MtCaiJl2jinK62LJsVdesvs%2Fk%3D&Expires=1800000000"},
};

TEST(SigV2, VerifiesWhatBotocoreSigns) {
  for (const Url& url : kUrls) {
    EXPECT_EQ(outcome(request_of(url.method, url.target), kBefore), "good") << url.target;
    EXPECT_EQ(outcome(request_of("DELETE", url.target), kBefore), "SignatureDoesNotMatch") << url.target;
    EXPECT_EQ(outcome(request_of(url.method, url.target), kBefore + std::chrono::seconds(11)), "AccessDenied");
  }
  EXPECT_EQ((*read_claim(request_of("GET", kUrls[2].target)))->session_token, "tok/en==");
  // The bucket may stand in the host's name instead of the path.
  std::string hosted = kUrls[0].target;
  hosted.erase(0, std::string_view("/bkt").size());
  EXPECT_EQ(outcome(request_of("GET", hosted), kBefore, "bkt"), "good");
  EXPECT_EQ(outcome(request_of("GET", hosted), kBefore, "other"), "SignatureDoesNotMatch");
}

TEST(SigV2, RefusesAnyChange) {
  for (const Url& url : kUrls) {
    const std::string good = url.target;
    for (std::size_t i = 1; i < good.size(); ++i) {
      if (good[i] == '&' || good[i] == '=' || good[i] == '%' || good[i] == '?') continue;
      std::string bad = good;
      bad[i] = bad[i] == '4' ? '5' : '4';
      // Whose key it is decides which secret is asked, and is not a part of the text.
      const std::size_t key = good.find("AKIDEXAMPLE");
      if (i >= key && i < key + std::string_view("AKIDEXAMPLE").size()) continue;
      EXPECT_NE(outcome(request_of(url.method, bad), kBefore), "good") << bad;
    }
  }
  net::Request more = request_of(kUrls[0].method, kUrls[0].target);
  more.headers.set("x-amz-acl", "public-read");
  EXPECT_EQ(outcome(more, kBefore), "SignatureDoesNotMatch") << "a header that was not signed";
}

TEST(SigV2, NeedsAllItsParts) {
  EXPECT_EQ(outcome(request_of("GET", "/b/k"), kBefore), "none");
  EXPECT_EQ(outcome(request_of("GET", "/b/k?AWSAccessKeyId=A&Signature=x"), kBefore), "AccessDenied");
  EXPECT_EQ(outcome(request_of("GET", "/b/k?AWSAccessKeyId=A&Expires=1800000000"), kBefore), "AccessDenied");
  EXPECT_EQ(outcome(request_of("GET", "/b/k?AWSAccessKeyId=A&Signature=x&Expires=soon"), kBefore), "AccessDenied");
  EXPECT_EQ(outcome(request_of("GET", "/b/k?AWSAccessKeyId=A&Signature=x&Expires=99999999999999999"), kBefore),
            "SignatureDoesNotMatch");
}

}  // namespace
}  // namespace millrace::aws::sigv2
