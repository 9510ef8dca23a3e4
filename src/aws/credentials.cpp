#include "aws/credentials.h"

#include <cstdlib>

#include <fmt/core.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "net/client.h"

namespace millrace::aws {
namespace {

constexpr std::chrono::minutes kRenewBefore{5};
constexpr int kAttempts = 5;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

class StaticProvider final : public CredentialsProvider {
 public:
  explicit StaticProvider(Credentials credentials) : credentials_(std::move(credentials)) {}
  Result<Credentials> get() override { return credentials_; }

 private:
  Credentials credentials_;
};

class DefaultProvider final : public CredentialsProvider {
 public:
  Result<Credentials> get() override {
    Credentials credentials{variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"),
                            variable("AWS_SESSION_TOKEN")};
    if (!credentials.access_key_id.empty() && !credentials.secret_access_key.empty()) return credentials;
    const std::string url = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (url.empty()) {
      return fail(Code::unauthenticated,
                  "Unable to locate credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor "
                  "AWS_CONTAINER_CREDENTIALS_FULL_URI is set");
    }
    const MutexLock lock(mutex_);
    if (cached_ && SystemClock().now() + kRenewBefore < expires_) return *cached_;
    return fetch(url);
  }

 private:
  Result<Credentials> fetch(const std::string& url) MR_REQUIRES(mutex_) {
    net::ClientRequest request;
    request.url = url;
    std::string token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
      token = std::string(trim(MR_TRY(read_file(file, 64 * 1024))));
    }
    if (!token.empty()) request.headers.set("Authorization", token);
    request.headers.set("Accept", "application/json");
    Result<net::ClientResponse> response = fail(Code::unavailable, "not asked");
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      response = client_.send(request);
      if (response && response->status < 500) break;
    }
    if (!response)
      return fail(Code::unauthenticated,
                  "Error when retrieving credentials from container-role: " + response.error().message);
    if (response->status != 200) {
      return fail(Code::unauthenticated, fmt::format("Error when retrieving credentials from container-role: {} {}",
                                                     response->status, response->body));
    }
    const Value body = MR_TRY(parse_json(response->body));
    cached_ =
        Credentials{body["AccessKeyId"].string_or(), body["SecretAccessKey"].string_or(), body["Token"].string_or()};
    expires_ = MR_TRY(parse_rfc3339(body["Expiration"].string_or()));
    return *cached_;
  }

  Mutex mutex_;
  net::Client client_;
  std::optional<Credentials> cached_ MR_GUARDED_BY(mutex_);
  Time expires_ MR_GUARDED_BY(mutex_){};
};

}  // namespace

std::unique_ptr<CredentialsProvider> default_credentials() { return std::make_unique<DefaultProvider>(); }
std::unique_ptr<CredentialsProvider> static_credentials(Credentials credentials) {
  return std::make_unique<StaticProvider>(std::move(credentials));
}

}  // namespace millrace::aws
