// AWS's published vectors of signature version 4: its test suite (tools/sigv4_published.py), and the examples of the S3
// API Reference ("Signature Calculations for the Authorization Header", "Authenticating Requests: Using Query
// Parameters").
#include <filesystem>
#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "aws/sigv4.h"
#include "aws/sigv4_canonical.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::aws::sigv4 {
namespace {

net::Request request_of(const Value& from) {
  net::Request request;
  request.method = from["method"].as_string();
  request.target = from["target"].as_string();
  const auto question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string::npos) request.raw_query = request.target.substr(question + 1);
  for (const Value& header : from["headers"].items())
    request.headers.add(header.items()[0].as_string(), header.items()[1].as_string());
  return request;
}

std::string hash_of(const Claim& claim, const std::string& body, Scheme scheme = Scheme::common) {
  const std::string hash(signed_hash(claim, scheme));
  return hash.empty() ? sha256_hex(body) : hash;
}

Rule rule_of(Scheme scheme) {
  Rule rule;
  rule.scheme = scheme;
  return rule;
}

Status check(const net::Request& request, const std::string& body, const std::string& secret, Time now,
             Scheme scheme = Scheme::common) {
  const auto claim = MR_TRY(read_claim(request));
  if (!claim) return fail(Code::unauthenticated, "no claim");
  return verify(request, *claim, secret, hash_of(*claim, body, scheme), now, rule_of(scheme));
}

// What of the published request the caller gave, before it was signed: sign() and presign() add the rest.
bool is_added(std::string_view name) {
  const std::string lower = to_lower(name);
  return lower == "host" || lower == "authorization" || lower.starts_with("x-amz-");
}

// The signature of our signer over the same request; nullopt where the case signs other headers than ours does (it
// signs host, content-type, content-md5 and x-amz-*; a presigned URL the host alone), which is the signer's choice.
std::optional<std::string> signed_by_us(const Value& from, const net::Request& request, const Claim& claim,
                                        const std::string& body) {
  const Credentials keys{from["access_key_id"].as_string(), from["secret_access_key"].as_string(), claim.session_token};
  const SignOptions options{from["region"].as_string(), from["service"].as_string(), claim.signed_at, true};
  net::Request ours;
  ours.method = request.method;
  ours.path = request.path;
  const std::string origin = "https://" + std::string(request.headers.get("host"));
  if (claim.presigned) {
    std::string query;
    for (const auto& part : split(request.raw_query, '&')) {
      if (!part.starts_with("X-Amz-")) query += (query.empty() ? "?" : "&") + std::string(part);
    }
    const std::string url = presign(request.method, origin + request.path + query, keys, options, claim.expires);
    ours.raw_query = url.substr(url.find('?') + 1);
    ours.headers.set("Host", request.headers.get("host"));
  } else {
    ours.raw_query = request.raw_query;
    for (const auto& [name, value] : request.headers.fields()) {
      if (!is_added(name)) ours.headers.add(name, value);
    }
    const std::string query = request.raw_query.empty() ? "" : "?" + request.raw_query;
    sign(request.method, origin + request.path + query, ours.headers, body, keys, options);
  }
  const auto signed_claim = read_claim(ours);
  if (!signed_claim || !*signed_claim || (*signed_claim)->signed_headers != claim.signed_headers) return std::nullopt;
  return (*signed_claim)->signature;
}

std::string with_other_end(std::string text, const std::string& signature) {
  const std::size_t at = text.find(signature) + signature.size() - 1;
  text[at] = text[at] == '0' ? '1' : '0';
  return text;
}

TEST(Published, TheSuiteIsVerified) {
  const auto path = std::filesystem::path(MILLRACE_SOURCE) / "src/aws/testdata" / "sigv4_published.json";
  const Value suite = *parse_json(*read_file(path));
  const Value cases = suite["cases"];
  EXPECT_FALSE(suite["source"].as_string().empty());
  std::map<std::string, int> run;
  for (const Value& from : cases.items()) {
    const std::string name = from["name"].as_string() + ", " + from["flavour"].as_string();
    SCOPED_TRACE(name);
    net::Request request = request_of(from);
    const std::string canonical = from["canonical"].as_string();
    if (!from.has("signature")) {
      // Two cases tell of an encoded path alone: it is encoded once more.
      const std::string ours =
          canonical_request(request.method, request.path, request.raw_query, {}, {}, "", Scheme::common);
      EXPECT_EQ(split(ours, '\n')[1], split(canonical, '\n')[1]);
      ++run["path"];
      continue;
    }
    const Time now = *parse_amz_date(from["time"].as_string());
    const std::string secret = from["secret_access_key"].as_string(), signature = from["signature"].as_string();
    const std::string body = from["body"].as_string();
    if (from["omit_session_token"].as_bool() && from["flavour"].as_string() == "query") {
      // AWS IoT's way: the token joins the query after it was signed. Everywhere else it is part of what is signed.
      EXPECT_EQ(check(request, body, secret, now).error().reason, "SignatureDoesNotMatch");
      const std::string token = "&X-Amz-Security-Token=";
      const std::size_t begin = request.raw_query.find(token), end = request.raw_query.find('&', begin + 1);
      ASSERT_NE(begin, std::string::npos);
      request.raw_query.erase(begin, end == std::string::npos ? end : end - begin);
    }
    const auto claim = read_claim(request);
    ASSERT_TRUE(claim && *claim);
    EXPECT_EQ((*claim)->access_key_id, from["access_key_id"].as_string());
    EXPECT_EQ((*claim)->signature, signature);
    // The cases that leave a path as it is follow the rule of S3; "service" is one that does not.
    const bool verbatim = !from["normalize"].as_bool();
    const std::string ours =
        canonical_request(request.method, request.path, request.raw_query, request.headers, (*claim)->signed_headers,
                          hash_of(**claim, body), verbatim ? Scheme::verbatim : Scheme::common);
    EXPECT_EQ(ours, canonical);
    EXPECT_EQ(signature_of(secret, (*claim)->scope, string_to_sign((*claim)->signed_at, (*claim)->scope, ours)),
              signature);
    if (verbatim) {
      const auto kept = verify(request, **claim, secret, hash_of(**claim, body), now, rule_of(Scheme::verbatim));
      EXPECT_TRUE(kept) << kept.error().message;
      // By the common rule the path is normalised first, which alters all of these but the one of a space.
      EXPECT_EQ(static_cast<bool>(check(request, body, secret, now)),
                from["name"].as_string() == "get-space-unnormalized");
      ++run["not normalised, " + from["flavour"].as_string()];
      continue;
    }
    const auto verified = check(request, body, secret, now);
    EXPECT_TRUE(verified) << verified.error().message;
    for (std::size_t at = 0; at < signature.size(); ++at) {
      Claim forged = **claim;
      forged.signature[at] = forged.signature[at] == '0' ? '1' : '0';
      const auto refused = verify(request, forged, secret, hash_of(forged, body), now);
      ASSERT_FALSE(refused) << at;
      EXPECT_EQ(refused.error().reason, "SignatureDoesNotMatch") << at;
    }
    if (const auto made = signed_by_us(from, request, **claim, body)) {
      EXPECT_EQ(*made, signature);
      ++run["signed by us, " + from["flavour"].as_string()];
    }
    // A hash that the request names is held against the body as that is read (payload.h).
    if ((*claim)->payload_hash.empty()) {
      EXPECT_FALSE(check(request, body + "x", secret, now));
    }
    ++run[from["flavour"].as_string()];
  }
  const std::map<std::string, int> all = {{"header", 31},
                                          {"query", 31},
                                          {"not normalised, header", 7},
                                          {"not normalised, query", 7},
                                          {"path", 2},
                                          {"signed by us, header", 22},
                                          {"signed by us, query", 23}};
  EXPECT_EQ(run, all) << "a case has vanished";
}

constexpr const char* kSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
constexpr const char* kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Published, TheExamplesOfS3AreVerified) {
  struct Example {
    const char *name, *method, *target, *date;
    std::vector<std::pair<const char*, const char*>> headers;
    const char *hash, *signed_headers, *signature;
  };
  const Example examples[] = {
      {"GET Object",
       "GET",
       "/test.txt",
       "",
       {{"Range", "bytes=0-9"}},
       kEmptyHash,
       "host;range;x-amz-content-sha256;x-amz-date",
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {"PUT Object",
       "PUT",
       "/test%24file.text",
       "Fri, 24 May 2013 00:00:00 GMT",
       {{"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
       "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
       "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"GET Bucket Lifecycle",
       "GET",
       "/?lifecycle",
       "",
       {},
       kEmptyHash,
       "host;x-amz-content-sha256;x-amz-date",
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"GET Bucket (List Objects)",
       "GET",
       "/?max-keys=2&prefix=J",
       "",
       {},
       kEmptyHash,
       "host;x-amz-content-sha256;x-amz-date",
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
  const Time now = *parse_amz_date("20130524T000000Z");
  int made = 0;
  for (const Example& example : examples) {
    SCOPED_TRACE(example.name);
    Value headers = Value::array();
    const auto add = [&](const std::string& name, const std::string& value) {
      headers.push(Value::array({name, value}));
    };
    add("Host", "examplebucket.s3.amazonaws.com");
    if (*example.date != '\0') add("Date", example.date);
    for (const auto& [name, value] : example.headers) add(name, value);
    add("x-amz-date", "20130524T000000Z");
    add("x-amz-content-sha256", example.hash);
    const auto authorization = [&](const std::string& signature) {
      return "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=" +
             std::string(example.signed_headers) + ",Signature=" + signature;
    };
    net::Request request =
        request_of(Value::object({{"method", example.method}, {"target", example.target}, {"headers", headers}}));
    request.headers.set("Authorization", authorization(example.signature));
    const auto verified = check(request, "", kSecret, now, Scheme::verbatim);
    EXPECT_TRUE(verified) << verified.error().message;
    request.headers.set("Authorization", with_other_end(authorization(example.signature), example.signature));
    EXPECT_FALSE(check(request, "", kSecret, now, Scheme::verbatim));
    // The other two sign headers (range, date) that our signer leaves unsigned.
    if (std::string_view(example.signed_headers) != "host;x-amz-content-sha256;x-amz-date") continue;
    net::Headers ours;
    sign("GET", std::string("https://examplebucket.s3.amazonaws.com") + example.target, ours, "",
         {"AKIAIOSFODNN7EXAMPLE", kSecret, ""}, {"us-east-1", "s3", now, true, Scheme::verbatim});
    EXPECT_TRUE(ours.get("authorization").ends_with(example.signature)) << ours.get("authorization");
    ++made;
  }
  EXPECT_EQ(made, 2);
}

TEST(Published, ThePresignedExampleOfS3IsVerified) {
  net::Request request = request_of(Value::object(
      {{"method", "GET"},
       {"target",
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%"
        "2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"},
       {"headers", Value::array({Value::array({"Host", "examplebucket.s3.amazonaws.com"})})}}));
  const Time signed_at = *parse_amz_date("20130524T000000Z");
  EXPECT_TRUE(check(request, "", kSecret, signed_at, Scheme::verbatim));
  const std::string origin = "https://examplebucket.s3.amazonaws.com";
  EXPECT_EQ(presign("GET", origin + "/test.txt", {"AKIAIOSFODNN7EXAMPLE", kSecret, ""},
                    {"us-east-1", "s3", signed_at, true, Scheme::verbatim}, std::chrono::seconds(86'400)),
            origin + request.target);
  EXPECT_TRUE(check(request, "", kSecret, signed_at + std::chrono::seconds(86'400), Scheme::verbatim));
  EXPECT_FALSE(check(request, "", kSecret, signed_at + std::chrono::seconds(86'401), Scheme::verbatim));
  request.method = "PUT";
  EXPECT_FALSE(check(request, "", kSecret, signed_at, Scheme::verbatim));
}

// "Transferring Payload in Multiple Chunks": 65 KiB of 'a' in chunks of 64 KiB and 1 KiB, and the empty last one; and
// the same with a trailing checksum.
TEST(Published, TheChunkedExamplesOfS3AreRead) {
  const std::string a64(65'536, 'a'), a1(1'024, 'a');
  struct Example {
    const char *hash, *signature, *first, *second, *last;
    bool trailer;
  };
  const Example examples[] = {
      {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
       "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
       "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
       "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9", false},
      {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
       "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
       "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
       "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992", true},
  };
  for (const Example& example : examples) {
    SCOPED_TRACE(example.hash);
    const auto chunk = [](const std::string& data, const char* size, const std::string& signature) {
      return std::string(size) + ";chunk-signature=" + signature + "\r\n" + data + (data.empty() ? "" : "\r\n");
    };
    std::string body =
        chunk(a64, "10000", example.first) + chunk(a1, "400", example.second) + chunk("", "0", example.last);
    if (example.trailer) {
      body +=
          "x-amz-checksum-crc32c:sOO8/Q==\r\n"
          "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n";
    }
    body += "\r\n";
    Value headers = Value::array(
        {Value::array({"Host", "s3.amazonaws.com"}), Value::array({"x-amz-date", "20130524T000000Z"}),
         Value::array({"x-amz-storage-class", "REDUCED_REDUNDANCY"}),
         Value::array({"x-amz-content-sha256", example.hash}), Value::array({"Content-Encoding", "aws-chunked"}),
         Value::array({"x-amz-decoded-content-length", "66560"}), Value::array({"Content-Length", "66824"})});
    std::string signed_headers =
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
        "x-amz-storage-class";
    if (example.trailer) {
      headers = Value::array(
          {Value::array({"Host", "s3.amazonaws.com"}), Value::array({"x-amz-date", "20130524T000000Z"}),
           Value::array({"x-amz-storage-class", "REDUCED_REDUNDANCY"}),
           Value::array({"x-amz-content-sha256", example.hash}), Value::array({"Content-Encoding", "aws-chunked"}),
           Value::array({"x-amz-decoded-content-length", "66560"}),
           Value::array({"x-amz-trailer", "x-amz-checksum-crc32c"})});
      signed_headers =
          "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;"
          "x-amz-trailer";
    }
    net::Request request = request_of(
        Value::object({{"method", "PUT"}, {"target", "/examplebucket/chunkObject.txt"}, {"headers", headers}}));
    request.headers.set("Authorization",
                        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                        "SignedHeaders=" +
                            signed_headers + ",Signature=" + example.signature);
    const auto claim = read_claim(request);
    ASSERT_TRUE(claim && *claim);
    const auto verified = verify(request, **claim, kSecret, (*claim)->payload_hash, *parse_amz_date("20130524T000000Z"),
                                 rule_of(Scheme::verbatim));
    ASSERT_TRUE(verified) << verified.error().message;
    const auto read = [&](const std::string& wire) -> Result<std::string> {
      const auto source = net::body_from_string(wire);
      const auto decoded = MR_TRY(decode_chunked(request, **claim, kSecret, *source));
      return decoded->read_all(1 << 20);
    };
    const auto text = read(body);
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(*text, a64 + a1);
    std::string changed = body;
    changed[200] = 'b';
    EXPECT_FALSE(read(changed));
    EXPECT_FALSE(read(with_other_end(body, example.last)));
  }
}

}  // namespace
}  // namespace millrace::aws::sigv4
