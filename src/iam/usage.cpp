#include "iam/usage.h"

namespace millrace::iam {
namespace {

constexpr auto kFineness = std::chrono::minutes(1);
constexpr std::size_t kRemembered = 4096;

}  // namespace

void Usage::seen(const aws::Call& call) {
  const aws::Principal& principal = call.principal;
  const bool role = principal.kind == aws::Principal::Kind::assumed_role;
  // A session of a user is not a use of the user's key.
  const std::string id = role                                          ? principal.id.substr(0, principal.id.find(':'))
                         : principal.access_key_id.starts_with("AKIA") ? principal.access_key_id
                                                                       : std::string();
  if (id.empty()) return;
  const std::string service = call.service == "sagemaker-runtime" ? "sagemaker" : call.service;
  {
    const std::lock_guard lock(mutex_);
    if (last_.size() >= kRemembered && !last_.contains(id)) last_.clear();
    Last& last = last_[id];
    if (call.now - last.at < kFineness && last.service == service) return;
    last = {call.now, service};
  }
  // IAM is one for all regions, and says that it stands in the first.
  const std::string region = service == "iam" ? "us-east-1" : call.region;
  if (role)
    context_.store.note_role_use(id, call.now, region);
  else
    context_.store.note_use(id, call.now, region, service);
}

}  // namespace millrace::iam
