#pragma once
// The decision for a live request: gathers the policies that bear on the principal and the resource, fills the global
// condition keys, asks policy::evaluate, and says no in AWS's words.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "iam/context.h"
#include "iam/policy/evaluate.h"

namespace millrace::iam {

class Decider {
 public:
  explicit Decider(Context& context) : context_(context) {}
  void set_resource_policy(std::string service, aws::ResourcePolicy policy) {
    resource_policies_[std::move(service)] = std::move(policy);
  }
  using Parsed = std::shared_ptr<const policy::Document>;
  // `own_policy`: the resource's policy where the caller has it at hand (a role's trust policy).
  Status authorise(const aws::Call& call, const aws::Check& check, const Parsed& own_policy = nullptr);

  // Parses once per text; the cache is bounded.
  Result<Parsed> parsed(const std::string& text, policy::Kind kind);
  policy::Question question_of(const aws::Call& call, const aws::Check& check) const;

 private:
  struct Held {  // what applies to a principal, by the kind of policy
    std::vector<std::pair<std::string, Parsed>> identity, boundary;
  };
  Result<std::shared_ptr<const Held>> held_by(const aws::Principal& principal);
  Status collect(const std::string& owner_kind, const std::string& owner, Held& held);
  Result<std::string> managed_text(const std::string& arn);

  Context& context_;
  std::map<std::string, aws::ResourcePolicy, std::less<>> resource_policies_;
  std::mutex mutex_;
  std::map<std::string, Parsed> documents_;
  std::map<std::string, std::pair<std::uint64_t, std::shared_ptr<const Held>>> held_;
};

}  // namespace millrace::iam
