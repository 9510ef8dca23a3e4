#include "aws/sigv4.h"

#include <filesystem>
#include <random>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "aws/payload.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"

namespace millrace::aws::sigv4 {
namespace {

constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

net::Request request_of(std::string method, const std::string& target) {
  net::Request request;
  request.method = std::move(method);
  request.target = target;
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.raw_query = target.substr(question + 1);
  return request;
}

// Requests that botocore signed (tools/sigv4_vectors.py).
class Vectors : public ::testing::Test {
 protected:
  Vectors() {
    const auto path = std::filesystem::path(MILLRACE_SOURCE) / "src/aws/testdata" / "sigv4_vectors.json";
    file_ = *parse_json(*read_file(path));
    now_ = *parse_amz_date(file_["time"].as_string());
  }
  static net::Request request(const Value& vector) {
    net::Request request = request_of(vector["method"].as_string(), vector["target"].as_string());
    for (const auto& [name, value] : vector["headers"].members()) request.headers.set(name, value.as_string());
    return request;
  }
  static Rule rule_of(const Value& vector) {
    Rule rule;
    if (vector["service"].as_string() != "s3") return rule;
    rule.scheme = Scheme::verbatim;
    rule.skew = std::chrono::minutes(15);
    return rule;
  }
  static std::string payload_hash(const Value& vector, const Claim& claim) {
    const std::string hash(signed_hash(claim, rule_of(vector).scheme));
    return hash.empty() ? sha256_hex(vector["body"].as_string()) : hash;
  }
  Status check(const net::Request& request, const Value& vector, std::string_view secret, Time now) {
    const auto claim = MR_TRY(read_claim(request));
    if (!claim) return fail(Code::unauthenticated, "no claim");
    return verify(request, *claim, secret, payload_hash(vector, *claim), now, rule_of(vector));
  }
  Value file_;
  Time now_;
};

TEST_F(Vectors, AreVerified) {
  ASSERT_GE(file_["vectors"].size(), 13u);
  for (const Value& vector : file_["vectors"].items()) {
    const auto status = check(request(vector), vector, file_["secret_access_key"].as_string(), now_);
    EXPECT_TRUE(status) << vector["name"].as_string() << ": " << status.error().message;
    EXPECT_EQ((*read_claim(request(vector)))->access_key_id, vector["access_key_id"].as_string());
  }
}

TEST_F(Vectors, AreRefusedWhenAnythingSignedIsOther) {
  for (const Value& vector : file_["vectors"].items()) {
    const std::string name = vector["name"].as_string();
    const auto refused = [&](const net::Request& changed, const char* what) {
      const auto status = check(changed, vector, kSecret, now_);
      EXPECT_FALSE(status) << name << ", " << what;
    };
    EXPECT_EQ(check(request(vector), vector, "another secret", now_).error().reason, "SignatureDoesNotMatch") << name;
    auto changed = request(vector);
    changed.method = "DELETE";
    refused(changed, "method");
    changed = request(vector);
    changed.path += "x";
    refused(changed, "path");
    changed = request(vector);
    changed.raw_query += changed.raw_query.empty() ? "extra=1" : "&extra=1";
    refused(changed, "query");
    changed = request(vector);
    changed.headers.set("Host", "elsewhere.example");
    refused(changed, "host");
    changed = request(vector);
    changed.headers.remove("Host");
    refused(changed, "no host");
    auto other_body = vector;
    other_body.set("body", "other");
    if (!vector["headers"].has("X-Amz-Content-SHA256") && vector["service"].as_string() != "s3") {
      EXPECT_FALSE(check(request(vector), other_body, kSecret, now_)) << name << ", body";
    }
  }
}

TEST_F(Vectors, EndWithTime) {
  for (const Value& vector : file_["vectors"].items()) {
    const bool presigned = vector["target"].as_string().find("X-Amz-Signature") != std::string::npos;
    const std::string name = vector["name"].as_string();
    const bool s3 = vector["service"].as_string() == "s3";
    const auto at = [&](std::chrono::seconds later) { return check(request(vector), vector, kSecret, now_ + later); };
    if (presigned) {
      EXPECT_TRUE(at(std::chrono::hours(1))) << name;
      EXPECT_EQ(at(std::chrono::seconds(3601)).error().message, "Request has expired") << name;
      continue;
    }
    EXPECT_TRUE(at(std::chrono::minutes(s3 ? 15 : 5))) << name;
    EXPECT_TRUE(at(-std::chrono::minutes(s3 ? 15 : 5))) << name;
    for (const auto late : {std::chrono::seconds(901), std::chrono::seconds(-901)}) {
      EXPECT_EQ(at(late).error().reason, "SignatureDoesNotMatch") << name;
    }
  }
}

TEST(Claims, AreReadOrRefusedInAwsWords) {
  struct Case {
    const char* authorization;
    const char* reason;  // null: a claim; empty: none
  };
  const Case cases[] = {
      {"", ""},
      {"Bearer token", ""},
      {"Basic dTpw", ""},
      {"AWS AKIA:sig", "InvalidRequest"},
      {"AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=host, Signature=0", nullptr},
      {"AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request,SignedHeaders=host,Signature=0", nullptr},
      {"AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0", "IncompleteSignature"},
      {"AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, Signature=0", "IncompleteSignature"},
      {"AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=host", "IncompleteSignature"},
      {"AWS4-HMAC-SHA256 Credential=a/20150830/r, SignedHeaders=host, Signature=0", "IncompleteSignature"},
      {"AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws3_request, SignedHeaders=host, Signature=0",
       "IncompleteSignature"},
      {"AWS4-HMAC-SHA256 nonsense", "IncompleteSignature"},
      {"AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=date, Signature=0",
       "SignatureDoesNotMatch"},
  };
  for (const Case& c : cases) {
    auto request = request_of("GET", "/");
    request.headers.set("Host", "h");
    request.headers.set("X-Amz-Date", "20150830T123600Z");
    if (*c.authorization != '\0') request.headers.set("Authorization", c.authorization);
    const auto claim = read_claim(request);
    if (c.reason == nullptr) {
      ASSERT_TRUE(claim && *claim) << c.authorization;
    } else if (*c.reason == '\0') {
      EXPECT_TRUE(claim && !*claim) << c.authorization;
    } else {
      ASSERT_FALSE(claim) << c.authorization;
      EXPECT_EQ(claim.error().reason, c.reason) << claim.error().message;
    }
  }
  const std::string query =
      "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20150830%2Fr%2Fs3%2Faws4_request&X-Amz-Date="
      "20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
  EXPECT_EQ(read_claim(request_of("GET", query)).error().reason, "AuthorizationQueryParametersError");
  for (const char* expires : {"-1", "604801", "soon"}) {
    EXPECT_EQ(read_claim(request_of("GET", query + "&X-Amz-Expires=" + expires)).error().reason,
              "AuthorizationQueryParametersError");
  }
  EXPECT_TRUE(*read_claim(request_of("GET", query + "&X-Amz-Expires=604800")));
}

// What we sign, we verify: over random requests.
TEST(Signing, IsVerifyingsTwin) {
  const auto seed = static_cast<std::uint32_t>(random_u64());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const Time now = from_epoch_ms(1'700'000'000'000);
  const auto text = [&](std::size_t longest) {
    std::string bytes;
    for (std::size_t n = random() % (longest + 1); n > 0; --n) bytes += static_cast<char>(1 + random() % 255);
    return bytes;
  };
  for (int i = 0; i < 500; ++i) {
    const bool s3 = random() % 2 == 0;
    std::string target = "/" + percent_encode(text(20), random() % 2 == 0);
    for (auto n = random() % 4; n > 0; --n) {
      target += (target.find('?') == std::string::npos ? "?" : "&") + percent_encode("k" + text(5)) +
                (random() % 4 == 0 ? "" : "=" + percent_encode(text(8)));
    }
    const std::string body = text(100);
    const Credentials keys{"AKIAEXAMPLE", std::string(kSecret), random() % 2 == 0 ? "token" : ""};
    Rule rule;
    if (s3) rule.scheme = Scheme::verbatim;
    const SignOptions options{"us-east-1", s3 ? "s3" : "sagemaker", now, true, rule.scheme};
    auto request = request_of("POST", target);
    request.headers.set("X-Amz-Meta-Name", "some   value ");
    sign("POST", "http://127.0.0.1:8080" + target, request.headers, body, keys, options);
    const auto claim = read_claim(request);
    ASSERT_TRUE(claim && *claim) << target;
    const auto verified = verify(request, **claim, kSecret, sha256_hex(body), now, rule);
    ASSERT_TRUE(verified) << target << ": " << verified.error().message;
    EXPECT_FALSE(verify(request, **claim, kSecret, sha256_hex(body + "x"), now, rule));
    EXPECT_EQ((*claim)->session_token, keys.session_token);

    if (!s3) continue;
    const std::string url = presign("GET", "http://127.0.0.1:8080" + target, keys, options, std::chrono::seconds(60));
    auto presigned = request_of("GET", url.substr(url.find('/', 7)));
    presigned.headers.set("Host", "127.0.0.1:8080");
    const auto asked = read_claim(presigned);
    ASSERT_TRUE(asked && *asked) << url;
    EXPECT_TRUE(verify(presigned, **asked, kSecret, signed_hash(**asked, rule.scheme), now, rule)) << url;
  }
}

TEST(Signing, RefusesUnsignedAmzHeadersWhereTheyMatter) {
  const Time now = from_epoch_ms(1'700'000'000'000);
  auto request = request_of("PUT", "/b/k");
  sign("PUT", "http://127.0.0.1:8080/b/k", request.headers, "", {"AKIAEXAMPLE", std::string(kSecret), ""},
       {"us-east-1", "s3", now, true, Scheme::verbatim});
  const auto claim = *read_claim(request);
  Rule rule;
  rule.scheme = Scheme::verbatim;
  rule.amz_headers_signed = true;
  EXPECT_TRUE(verify(request, *claim, kSecret, sha256_hex(""), now, rule));
  request.headers.set("x-amz-copy-source", "/secrets/all");
  const auto refused = verify(request, *claim, kSecret, sha256_hex(""), now, rule);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "AccessDenied");
  rule.amz_headers_signed = false;
  EXPECT_TRUE(verify(request, *claim, kSecret, sha256_hex(""), now, rule));
}

// The example of the S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in
// Multiple Chunks": 65 KiB of 'a' in chunks of 64 KiB.
class Chunked : public ::testing::Test {
 protected:
  Chunked() : request_(request_of("PUT", "/examplebucket/chunkObject.txt")) {
    request_.headers.set("Host", "s3.amazonaws.com");
    request_.headers.set("x-amz-date", "20130524T000000Z");
    request_.headers.set("x-amz-storage-class", "REDUCED_REDUNDANCY");
    request_.headers.set("Content-Encoding", "aws-chunked");
    request_.headers.set("Content-Length", "66824");
    request_.headers.set("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    request_.headers.set("x-amz-decoded-content-length", "66560");
    request_.headers.set(
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-"
        "length;"
        "x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
  }
  static std::string body() {
    return "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
           std::string(65536, 'a') +
           "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
           std::string(1024, 'a') +
           "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";
  }
  Result<std::string> decode(const std::string& text) {
    const auto claim = MR_TRY(read_claim(request_));
    Rule rule;
    rule.scheme = Scheme::verbatim;
    MR_TRY(
        verify(request_, *claim, kSecretOfTheExample, claim->payload_hash, *parse_amz_date("20130524T000000Z"), rule));
    const auto source = net::body_from_string(text);
    auto reader = MR_TRY(decode_chunked(request_, *claim, kSecretOfTheExample, *source));
    return reader->read_all(1 << 20);
  }
  static constexpr std::string_view kSecretOfTheExample = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  net::Request request_;
};

TEST_F(Chunked, DecodesThePublishedExample) {
  const auto decoded = decode(body());
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, std::string(66560, 'a'));
}

TEST_F(Chunked, RefusesWhatWasNotSigned) {
  const std::string good = body();
  auto changed = good;
  changed[5000] = 'b';
  EXPECT_FALSE(decode(changed)) << "a byte of the first chunk";
  changed = good;
  changed[66000] = 'b';
  EXPECT_FALSE(decode(changed)) << "a byte of the second chunk";
  EXPECT_FALSE(decode(good.substr(0, good.size() - 89))) << "no last chunk";
  EXPECT_FALSE(decode(good.substr(0, 70000 - 3500))) << "cut short";
  const auto second = good.find("\r\n400;") + 2;
  EXPECT_FALSE(decode(good.substr(0, second) + good.substr(good.find("0;chunk-signature=b6c6")))) << "a chunk left out";
}

TEST_F(Chunked, SurvivesAnyBytes) {
  const auto seed = static_cast<std::uint32_t>(random_u64());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const std::string good = body();
  const std::size_t interesting[] = {0, 5, 20, 85, 90, 65623, 65626, 65630, 65700, 66734, 66740};
  for (int i = 0; i < 300; ++i) {
    std::string bytes = good;
    for (auto n = 1 + random() % 3; n > 0; --n) {
      const std::size_t at = (interesting[random() % std::size(interesting)] + random() % 16) % bytes.size();
      bytes[at] = static_cast<char>(random());
    }
    const auto decoded = decode(bytes);
    if (decoded) {
      EXPECT_EQ(*decoded, std::string(66560, 'a'));
    }
  }
}

// The checks at a payload's end.
TEST(Payloads, AreCheckedAgainstWhatWasPromised) {
  const auto read = [](const char* header, const std::string& value, const std::string& body) -> Result<std::string> {
    auto request = request_of("PUT", "/b/k");
    request.headers.set(header, value);
    const auto source = net::body_from_string(body);
    auto reader = MR_TRY(checked_payload(request, nullptr, "", *source));
    return reader->read_all(1 << 20);
  };
  EXPECT_EQ(*read("Content-MD5", to_base64(as_chars(md5("hello"))), "hello"), "hello");
  EXPECT_EQ(read("Content-MD5", to_base64(as_chars(md5("hello"))), "other").error().reason, "BadDigest");
  EXPECT_EQ(read("Content-MD5", "%%%", "hello").error().reason, "InvalidDigest");
  EXPECT_EQ(*read("x-amz-checksum-sha256", to_base64(as_chars(sha256("hello"))), "hello"), "hello");
  EXPECT_EQ(*read("x-amz-checksum-crc32", "NhCmhg==", "hello"), "hello");  // zlib.crc32(b"hello") = 0x3610a686
  EXPECT_FALSE(read("x-amz-checksum-crc32", "NhCmhg==", "hallo"));
  EXPECT_FALSE(read("x-amz-checksum-crc32c", "NhCmhg==", "hello"));
}

}  // namespace
}  // namespace millrace::aws::sigv4
