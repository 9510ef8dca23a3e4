#pragma once
// STS: temporary credentials, and roles taken on by users, roles and services.

#include <chrono>
#include <string_view>

#include "iam/context.h"
#include "iam/iam.h"

namespace millrace::iam {

class Decider;

class Sessions {
 public:
  explicit Sessions(Context& context) : context_(context) {}
  aws::Service service(Decider& decider);
  Result<aws::Authenticator::Found> find(std::string_view access_key_id, std::string_view session_token, Time now);
  Result<aws::Principal> assume_for_service(std::string_view role_arn, std::string_view service,
                                            std::string_view session_name);
  Result<SessionCredentials> issue(const aws::Principal& principal, std::chrono::seconds duration);

 private:
  Result<Entity> role_by_arn(std::string_view role_arn);
  aws::Principal session_principal(const Entity& role, std::string_view session_name) const;
  Result<aws::Output> assume_role(Decider& decider, aws::Call& call, const Value& input);
  Context& context_;
};

}  // namespace millrace::iam
