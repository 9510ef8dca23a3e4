#pragma once
// The AWS services behind the custom resources, as whoever keeps the resources in step with them calls them.
// Implemented above (app/): a signed client with the credentials of a role of its own.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace::kube {

class AwsApi {
 public:
  virtual ~AwsApi() = default;
  // Input and output by the operation's shapes (models/). Waits for the answer. Errors: the service's, with AWS's code
  // as their reason; unavailable where it does not answer.
  virtual Result<Value> call(std::string_view service, std::string_view operation, const Value& input) = 0;
  virtual std::string account() const = 0;
  virtual std::string region() const = 0;
};

}  // namespace millrace::kube
