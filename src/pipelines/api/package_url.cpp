#include "pipelines/api/package_url.h"

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/strings.h"
#include "net/client.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxPackage = 32u << 20;
constexpr std::size_t kMaxUrl = 4'096;
constexpr int kMaxRedirects = 10;
constexpr std::chrono::milliseconds kConnectTimeout{5'000};
constexpr std::chrono::milliseconds kTimeout{30'000};  // over all redirects

struct Url {
  std::string scheme, authority, path;  // path: without query
};

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

Error bad(std::string message) { return {Code::invalid_argument, std::move(message)}; }

Result<Url> read_url(const std::string& text) {
  if (text.size() > kMaxUrl) return fail(bad(fmt::format("the URL is longer than {} bytes", kMaxUrl)));
  for (const char c : text) {
    if (c == ' ' || is_control(c)) return fail(bad("the URL has a blank or a control character"));
  }
  const std::size_t colon = text.find("://");
  if (colon == std::string::npos) return fail(bad(fmt::format("\"{}\" is not a URL", text)));
  Url url;
  url.scheme = to_lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https")
    return fail(bad(fmt::format("a pipeline is fetched over http or https, not over {}", url.scheme)));
  const std::size_t end = text.find_first_of("/?#", colon + 3);
  url.authority = text.substr(colon + 3, end == std::string::npos ? end : end - colon - 3);
  if (url.authority.empty()) return fail(bad(fmt::format("\"{}\" names no host", text)));
  if (url.authority.find('@') != std::string::npos)
    return fail(bad("the URL has a user or a password in it, which would be stored with the pipeline; leave them out"));
  if (end != std::string::npos && text[end] == '/') {
    const std::size_t query = text.find_first_of("?#", end);
    url.path = text.substr(end, query == std::string::npos ? query : query - end);
  }
  // Its last part names the file, in answers and headers.
  const std::string path = percent_decode(url.path).value_or(url.path);
  if (std::any_of(path.begin(), path.end(), is_control)) return fail(bad("the URL's path has a control character"));
  return url;
}

// Location (RFC 9110, section 10.2.2), as an absolute URL.
std::string resolve(const Url& base, std::string_view location) {
  if (location.find("://") != std::string_view::npos) return std::string(location);
  if (location.starts_with("//")) return fmt::format("{}:{}", base.scheme, location);
  if (location.starts_with('/')) return fmt::format("{}://{}{}", base.scheme, base.authority, location);
  const std::size_t slash = base.path.rfind('/');
  return fmt::format("{}://{}{}/{}", base.scheme, base.authority,
                     slash == std::string::npos ? "" : base.path.substr(0, slash), location);
}

std::string file_name(const Url& url) {
  const std::string segment = url.path.substr(url.path.rfind('/') == std::string::npos ? 0 : url.path.rfind('/') + 1);
  return percent_decode(segment).value_or(segment);
}

}  // namespace

Result<UploadedFile> fetch_package(const std::string& url, const Clock& clock, const std::function<bool()>& cancelled) {
  net::Client client;
  const Time deadline = clock.now() + kTimeout;
  std::string next = url;
  std::string name;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    const Url parsed = MR_TRY(read_url(next));
    if (name.empty()) name = file_name(parsed);  // what was asked for, not where it happens to be kept
    net::ClientRequest request;
    request.url = next;
    request.connect_timeout = kConnectTimeout;
    request.timeout = deadline - clock.now();
    if (request.timeout.count() <= 0)
      return fail(Code::deadline_exceeded, fmt::format("{} did not answer within 30 s", url));
    request.max_response_bytes = kMaxPackage;
    request.cancelled = cancelled;
    auto response = client.send(request);
    if (!response) {
      if (response.error().code == Code::resource_exhausted)
        return fail(bad(fmt::format("{} is larger than 32 MiB", url)));
      return fail(response.error().code, fmt::format("{} cannot be fetched: {}", url, response.error().message));
    }
    if (response->status == 301 || response->status == 302 || response->status == 303 || response->status == 307 ||
        response->status == 308) {
      const std::string_view location = response->headers.get("location");
      if (location.empty()) return fail(bad(fmt::format("{} redirects to nowhere", next)));
      next = resolve(parsed, location);
      continue;
    }
    if (response->status != 200)
      return fail(bad(fmt::format("{} answers {}, not the pipeline's file", url, response->status)));
    return UploadedFile{std::move(name), std::move(response->body)};
  }
  return fail(bad(fmt::format("{} redirects more than {} times", url, kMaxRedirects)));
}

}  // namespace millrace::pipelines::api
