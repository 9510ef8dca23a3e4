#pragma once
// The container-credentials endpoint that every AWS SDK looks for: temporary credentials of a role for one child.
//
// A child gets a URL and a token. Both are derived from the server's key, so that they outlive a restart and nothing
// has to be stored; the token opens that one URL only, and only while the child runs. Source: AWS SDKs and Tools
// Reference Guide, "Container credential provider".

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "iam/iam.h"
#include "net/http.h"

namespace millrace::app {

class ContainerCredentials {
 public:
  // `runs`: is the child with this launch key running, or being started?
  using Runs = std::function<bool(const std::string& launch_key)>;
  ContainerCredentials(iam::Iam& iam, std::string encryption_key, Runs runs)
      : iam_(iam), key_(std::move(encryption_key)), runs_(std::move(runs)) {}

  // The variables for the child `launch_key`, which will act as `role_arn` and works for the run
  // `origin`.
  std::vector<std::pair<std::string, std::string>> environment(std::string_view endpoint, std::string_view role_arn,
                                                               std::string_view service, std::string_view launch_key,
                                                               std::string_view origin) const;
  static bool handles(const net::Request& request);
  net::Response handle(net::Request& request);

 private:
  std::string token_for(std::string_view path) const;
  iam::Iam& iam_;
  std::string key_;
  Runs runs_;
};

}  // namespace millrace::app
