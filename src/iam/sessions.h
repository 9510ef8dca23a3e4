#pragma once
// STS: temporary credentials, and roles taken on by users, roles and services.

#include <chrono>
#include <string_view>

#include "iam/context.h"
#include "iam/iam.h"

namespace millrace::iam {

class Authoriser;

// What a session's record holds beside its principal.
struct SessionDetail {
  std::vector<std::string> transitive_keys;  // of its tags: those that a session taken on from it gets too
};

class Sessions {
 public:
  explicit Sessions(Context& context) : context_(context) {}
  aws::Service service(Authoriser& authoriser);
  // Errors, reason as AWS: InvalidClientTokenId (unknown, another's token, its user or role is gone), ExpiredToken.
  Result<aws::Authenticator::Found> find(std::string_view access_key_id, std::string_view session_token, Time now);
  Result<aws::Principal> assume_for_service(std::string_view role_arn, std::string_view service,
                                            std::string_view session_name);
  Result<SessionCredentials> issue(const aws::Principal& principal, std::chrono::seconds duration,
                                   const SessionDetail& detail = {});

  // Session credentials may not do everything: those of a user without MFA nothing in IAM, federated ones also nothing
  // in STS but GetCallerIdentity (IAM User Guide, "Compare AWS STS credentials").
  static Status check_reach(const aws::Principal& principal, std::string_view service, std::string_view operation);

 private:
  Operations operations(Authoriser& authoriser);
  Result<Entity> role_by_arn(std::string_view role_arn);
  aws::Principal session_principal(const Entity& role, std::string_view session_name) const;
  Result<SessionDetail> detail_of(const std::string& access_key_id);
  Result<aws::Output> assume_role(Authoriser& authoriser, aws::Call& call, const Value& input);
  Result<aws::Output> get_session_token(aws::Call& call, const Value& input);
  Result<aws::Output> get_federation_token(aws::Call& call, const Value& input);
  Result<aws::Output> get_access_key_info(const Value& input);
  Context& context_;
};

}  // namespace millrace::iam
