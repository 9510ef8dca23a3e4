#pragma once
// Identity: the IAM and STS services, the credential store, and the decision over policies.
// Start reading: policy/evaluate.h (pure), then ops/.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "aws/credentials.h"
#include "aws/gateway.h"
#include "base/result.h"
#include "base/time.h"
#include "db/database.h"
#include "iam/decisions.h"
#include "iam/run_calls.h"

namespace millrace::iam {

struct Options {
  std::string account = "123456789012";
  std::string encryption_key;  // 32 bytes; secrets at rest are sealed with it
};

struct SessionCredentials {
  aws::Credentials credentials;
  Time expires{};
};

class Iam : public aws::Authenticator, public aws::Authoriser {
 public:
  static Result<std::unique_ptr<Iam>> open(db::Database& database, const Clock& clock, Options options);

  virtual aws::Service iam_service() = 0;
  virtual aws::Service sts_service() = 0;

  // Resource policies by the service in the ARN ("s3"); set once while wiring.
  virtual void set_resource_policy(std::string service, aws::ResourcePolicy policy) = 0;
  // Tags of a resource as condition keys ({"s3:ExistingObjectTag/k", "v"}), by the service in its ARN; asked only when
  // a policy that bears on the request reads such keys.
  virtual void set_resource_tags(
      std::string service,
      std::function<Result<std::vector<std::pair<std::string, std::string>>>(const std::string& resource_arn)>
          tags) = 0;

  // The account's administrator keys, made at first use and the same ever after (what `millrace env` prints).
  virtual Result<aws::Credentials> administrator() = 0;

  // A service takes a role on: the role's trust policy must allow `service` ("sagemaker.amazonaws.com") to do
  // sts:AssumeRole, else permission_denied, reason AccessDenied, AWS's wording.
  virtual Result<aws::Principal> assume_for_service(std::string_view role_arn, std::string_view service,
                                                    std::string_view session_name) = 0;
  // Temporary credentials of a role for a child of ours (the node's role; a job's execution role). `origin`: the run it
  // works for, empty for none.
  virtual Result<SessionCredentials> issue_session(std::string_view role_arn, std::string_view service,
                                                   std::string_view session_name, std::chrono::seconds duration,
                                                   std::string_view origin) = 0;

  // What authorise() would answer, with every statement that bears on it; not recorded.
  virtual Result<policy::Trace> explain(const aws::Principal& principal, const aws::Check& check) = 0;
  virtual const Decisions& decisions() const = 0;  // those that were made
  virtual RunCalls& run_calls() = 0;

  // Makes the role with this trust policy unless it exists. Returns its ARN.
  virtual Result<std::string> ensure_role(std::string_view name, std::string_view trust_policy) = 0;
};

// The key file's bytes: 32, of mode 0600. Errors: not_found; permission_denied when others may read it; data_loss.
Result<std::string> read_encryption_key(const std::string& path);
// Makes the key file, which must not be there yet.
Result<std::string> make_encryption_key(const std::string& path);

}  // namespace millrace::iam
