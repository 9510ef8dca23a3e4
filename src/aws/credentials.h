#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace millrace::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty for long-term keys
};

// The default chain every AWS SDK follows, as far as a child of ours needs it: the environment
// (AWS_ACCESS_KEY_ID…), then the container credentials endpoint (AWS_CONTAINER_CREDENTIALS_FULL_URI with
// AWS_CONTAINER_AUTHORIZATION_TOKEN). Errors: unauthenticated, "Unable to locate credentials…".
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  virtual Result<Credentials> get() = 0;  // cached until five minutes before they expire
};
std::unique_ptr<CredentialsProvider> default_credentials();
std::unique_ptr<CredentialsProvider> static_credentials(Credentials credentials);

}  // namespace millrace::aws
