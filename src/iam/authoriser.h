#pragma once
// The decision for a live request: gathers the policies that bear on the principal and the resource, fills the global
// condition keys, asks policy::evaluate, and says no in AWS's words.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "iam/context.h"
#include "iam/policy/evaluate.h"
#include "iam/policy/trace.h"

namespace millrace::iam {

using ResourceTags =
    std::function<Result<std::vector<std::pair<std::string, std::string>>>(const std::string& resource_arn)>;

class Decider {
 public:
  explicit Decider(Context& context) : context_(context) {}
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

  // The same question with everything that was considered; asks nothing of the service that is called.
  Result<policy::Trace> explain(const aws::Call& call, const aws::Check& check, const Parsed& own_policy = nullptr);

  // Parses once per text; the cache is bounded.
  Result<Parsed> parsed(const std::string& text, policy::Kind kind);
  policy::Question question_of(const aws::Call& call, const aws::Check& check) const;

 private:
  struct Held {  // what applies to a principal, by the kind of policy
    std::vector<std::pair<std::string, Parsed>> identity, boundary;
    std::vector<policy::NamedPolicy> identity_policies, boundary_policies;  // the same, as they are asked
    bool reads_resource_tags = false;
  };
  struct Case {  // all that one decision looks at, and what keeps it alive
    policy::Question question;
    policy::Policies policies;
    std::shared_ptr<const Held> held;
    std::vector<Parsed> kept;
  };
  Result<Case> gather(const aws::Call& call, const aws::Check& check, const Parsed& own_policy);
  Result<std::shared_ptr<const Held>> held_by(const aws::Principal& principal);
  Status collect(const std::string& owner_kind, const std::string& owner, Held& held);
  Result<std::string> managed_text(const std::string& arn);

  Context& context_;
  std::map<std::string, aws::ResourcePolicy, std::less<>> resource_policies_;
  std::map<std::string, ResourceTags, std::less<>> resource_tags_;
  std::mutex mutex_;
  std::map<std::string, Parsed> documents_;
  std::map<std::string, std::pair<std::uint64_t, std::shared_ptr<const Held>>> held_;
};

}  // namespace millrace::iam
