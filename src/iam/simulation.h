#pragma once
// The policy simulator: what a set of policies would say to actions on resources, without doing them. Pure but for the
// documents, which are given.
// Source: IAM API reference, SimulateCustomPolicy, EvaluationResult, ResourceSpecificResult.

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "iam/policy/evaluate.h"
#include "iam/policy_text.h"

namespace millrace::iam {

struct SimulatedPolicy {
  std::string id;    // "PolicyInputList.1", or the policy's name
  std::string type;  // "user", "group", "role", "aws-managed", "user-managed", "resource"; empty: not said
  policy::Document document;
  std::vector<Span> spans;  // of its statements
  // What a statement reads of the context, and the statement as it would speak if all that were given.
  struct Reading {
    std::set<std::string> keys;
    policy::Statement without;
  };
  std::vector<Reading> readings;  // of the statements that read anything
};
// Error: InvalidInput with what is wrong in the document.
Result<SimulatedPolicy> simulated_policy(std::string id, std::string type, const std::string& text,
                                         policy::Kind kind = policy::Kind::identity);

struct Simulation {
  std::vector<SimulatedPolicy> identity, boundary;
  std::vector<std::vector<SimulatedPolicy>> organization;  // service control policies, from the root to the account
  std::vector<SimulatedPolicy> resource_policy;            // one at most
  policy::Requester caller;
  std::string resource_owner;  // account of resources whose ARN names none
  policy::Context context;
};

// One EvaluationResult: `action` on each of `resources`; {"*"} represents all.
Value simulate(const Simulation& simulation, const std::string& action, const std::vector<std::string>& resources);

}  // namespace millrace::iam
