// The verifier on requests whose every part comes from outside, and on requests that our signer signed: those must
// hold, and must not once a signed part has changed.
//
// Input, a line each: what to do (its first byte), method, target, then header fields ("name: value").

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "aws/sigv4.h"
#include "base/strings.h"

namespace {

using namespace millrace;

constexpr std::string_view kSecret = "secret", kHost = "h";
constexpr std::string_view kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const Time kNow = *parse_amz_date("20150830T123600Z");

net::Request read_request(std::string_view text) {
  net::Request request;
  request.method = "GET";
  std::size_t line = 0;
  for (const std::string_view part : split(text, '\n')) {
    if (line == 0) {
      if (!part.empty()) request.method = std::string(part);
    } else if (line == 1) {
      request.target = std::string(part);
      const std::size_t mark = part.find('?');
      request.path = std::string(part.substr(0, mark));
      if (mark != std::string_view::npos) request.raw_query = std::string(part.substr(mark + 1));
    } else if (const std::size_t colon = part.find(':'); colon != std::string_view::npos) {
      request.headers.add(part.substr(0, colon), trim(part.substr(colon + 1)));
    }
    ++line;
  }
  return request;
}

[[noreturn]] void fail_because(const char* what, const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", what, why.c_str());
  std::abort();
}

// Only what a client could send: our signer signs a URL, which has no bytes that end it early.
bool is_plain(std::string_view target) {
  if (!target.starts_with('/')) return false;
  for (const char c : target) {
    if (c <= ' ' || c >= 0x7f || c == '#' || c == '\\') return false;
  }
  return true;
}

void sign_and_verify(net::Request request, bool s3, bool presigned) {
  if (!is_plain(request.target) || request.raw_query.find("X-Amz-") != std::string::npos) return;
  aws::sigv4::Rule rule;
  if (s3) rule.scheme = aws::sigv4::Scheme::verbatim;
  const aws::sigv4::SignOptions options{"us-east-1", s3 ? "s3" : "iam", kNow, true, rule.scheme};
  const aws::Credentials credentials{"AKIDEXAMPLE", std::string(kSecret), ""};
  const std::string url = "http://" + std::string(kHost) + request.target;
  request.headers = {};
  if (presigned) {
    const std::string made = aws::sigv4::presign(request.method, url, credentials, options, std::chrono::seconds(60));
    request.target = made.substr(url.find('/', 7));
    const std::size_t mark = request.target.find('?');
    request.path = request.target.substr(0, mark);
    request.raw_query = request.target.substr(mark + 1);
    request.headers.set("Host", kHost);
  } else {
    aws::sigv4::sign(request.method, url, request.headers, "", credentials, options);
    if (!request.headers.has("Host")) request.headers.set("Host", kHost);
  }
  const auto claim = aws::sigv4::read_claim(request);
  if (!claim || !*claim) fail_because("our own signature cannot be read", claim ? "none" : claim.error().message);
  const std::string_view hash = presigned && s3 ? std::string_view("UNSIGNED-PAYLOAD") : kEmptyHash;
  const Status good = aws::sigv4::verify(request, **claim, kSecret, hash, kNow, rule);
  if (!good) fail_because("our own signature does not hold", good.error().message);
  if (aws::sigv4::verify(request, **claim, "another", hash, kNow, rule))
    fail_because("another key's signature holds", "");
  request.method += "X";
  if (aws::sigv4::verify(request, **claim, kSecret, hash, kNow, rule))
    fail_because("another method's signature holds", "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const net::Request request = read_request(text);
  switch (data[0] % 5) {
    case 0: {
      const auto claim = aws::sigv4::read_claim(request);
      if (claim && *claim) (void)aws::sigv4::verify(request, **claim, kSecret, (*claim)->payload_hash, kNow);
      return 0;
    }
    default:
      sign_and_verify(request, data[0] % 5 > 2, data[0] % 2 == 0);
  }
  return 0;
}
