#pragma once
// The decision for a live request: gathers the policies that bear on the principal and the resource, fills the global
// condition keys, asks policy::evaluate, and says no in AWS's words.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "iam/context.h"
#include "iam/policy/evaluate.h"
#include "iam/policy/trace.h"

namespace millrace::iam {

using ResourceTags =
    std::function<Result<std::vector<std::pair<std::string, std::string>>>(const std::string& resource_arn)>;

// All that one decision looks at, and what keeps it alive.
struct Considered {
  policy::Question question;
  policy::Policies policies;
  std::vector<std::shared_ptr<const void>> kept;
};
policy::Trace trace_of(const Considered& considered);

class Authoriser {
 public:
  explicit Authoriser(Context& context) : context_(context) {}
  void set_resource_policy(std::string service, aws::ResourcePolicy policy) {
    resource_policies_[std::move(service)] = std::move(policy);
  }
  // The tags of a resource as condition keys ({"s3:ExistingObjectTag/k", "v"}); asked only for policies that read such.
  void set_resource_tags(std::string service, ResourceTags tags) {
    resource_tags_[std::move(service)] = std::move(tags);
  }
  using Parsed = std::shared_ptr<const policy::Document>;
  // `own_policy`: the resource's policy where the caller has it at hand (a role's trust policy).
  Status authorise(const aws::Call& call, const aws::Check& check, const Parsed& own_policy = nullptr);

  // The same question with everything that was considered; the observer is not called.
  Result<policy::Trace> explain(const aws::Call& call, const aws::Check& check, const Parsed& own_policy = nullptr);

  // Called for every decision of authorise().
  using Observer = std::function<void(const aws::Call&, const aws::Check&, Considered, bool allowed)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }
  // One more limit on a call, beside the session policies; null: none.
  using Limit = std::function<Result<Parsed>(const aws::Call&)>;
  void set_limit(Limit limit) { limit_ = std::move(limit); }

  // Parses once per text; the cache is bounded.
  Result<Parsed> parsed(const std::string& text, policy::Kind kind);
  policy::Question question_of(const aws::Call& call, const aws::Check& check) const;

 private:
  struct Held {  // what applies to a principal, by the kind of policy
    std::vector<std::pair<std::string, Parsed>> identity, boundary;
    std::vector<policy::NamedPolicy> identity_policies, boundary_policies;  // the same, as they are asked
    bool reads_resource_tags = false;
  };
  Result<Considered> gather(const aws::Call& call, const aws::Check& check, const Parsed& own_policy);
  Result<std::shared_ptr<const Held>> held_by(const aws::Principal& principal);
  Status collect(const std::string& owner_kind, const std::string& owner, Held& held);
  Result<std::string> managed_text(const std::string& arn);

  Context& context_;
  std::map<std::string, aws::ResourcePolicy, std::less<>> resource_policies_;
  std::map<std::string, ResourceTags, std::less<>> resource_tags_;
  Observer observer_;
  Limit limit_;
  Mutex mutex_;
  std::map<std::string, Parsed> documents_ MR_GUARDED_BY(mutex_);
  std::map<std::string, std::pair<std::uint64_t, std::shared_ptr<const Held>>> held_ MR_GUARDED_BY(mutex_);
};

}  // namespace millrace::iam
