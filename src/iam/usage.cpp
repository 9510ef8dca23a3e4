#include "iam/usage.h"

#include "iam/request_keys.h"

namespace millrace::iam {
namespace {

constexpr auto kFineness = std::chrono::minutes(1);
constexpr std::size_t kRemembered = 16'384;

}  // namespace

bool Usage::noted(const std::string& what, Time now) {
  const MutexLock lock(mutex_);
  const auto found = last_.find(what);
  if (found != last_.end() && now - found->second < kFineness) return true;
  if (last_.size() >= kRemembered) last_.clear();
  last_[what] = now;
  return false;
}

void Usage::seen(const aws::Call& call, std::string_view action) {
  const aws::Principal& principal = call.principal;
  const bool role = principal.kind == aws::Principal::Kind::assumed_role;
  const bool user = principal.kind == aws::Principal::Kind::user && !is_federated(principal);
  const bool key = principal.access_key_id.starts_with("AKIA");  // a session of a user is not a use of the user's key
  if (!role && !user && !key) return;
  const std::string service = call.service == "sagemaker-runtime" ? "sagemaker" : call.service;
  const std::string name(action.substr(action.find(':') + 1));
  // The entity's id; a role session's goes on with the session's name.
  const std::string id = principal.id.substr(0, principal.id.find(':'));
  // The way of nearly every call ends here: what is noted below was noted with the same call before.
  if (noted(principal.access_key_id + id + " " + service + ":" + name, call.now)) return;
  // IAM is one for all regions, and says that it stands in the first.
  const std::string region = service == "iam" ? "us-east-1" : call.region;
  if (role && !noted(id + " " + service, call.now)) context_.store.note_role_use(id, call.now, region);
  if (key && !noted(principal.access_key_id + " " + service, call.now))
    context_.store.note_use(principal.access_key_id, call.now, region, service);
  if (role || user) uses_.note(id, service, {name, call.now, region});
}

}  // namespace millrace::iam
