#include "iam/simulation.h"

#include <gtest/gtest.h>

namespace millrace::iam {
namespace {

constexpr const char* kAccount = "123456789012";

SimulatedPolicy held(const std::string& text, policy::Kind kind = policy::Kind::identity) {
  auto policy = simulated_policy("p", "", text, kind);
  EXPECT_TRUE(policy) << policy.error().message;
  return policy ? *policy : SimulatedPolicy{};
}

std::string statement(const std::string& effect, const std::string& action, const std::string& resource,
                      const std::string& more = "") {
  return R"({"Version":"2012-10-17","Statement":[{"Effect":")" + effect + R"(","Action":")" + action +
         R"(","Resource":")" + resource + "\"" + more + "}]}";
}

Simulation simulation_of(const std::string& text) {
  Simulation simulation;
  simulation.identity.push_back(held(text));
  simulation.caller.kind = policy::Requester::Kind::user;
  simulation.caller.account = kAccount;
  simulation.caller.arn = "arn:aws:iam::123456789012:user/ann";
  simulation.resource_owner = kAccount;
  return simulation;
}

TEST(Simulation, SaysWhatAllowsAndWhatIsMissing) {
  const Simulation plain = simulation_of(statement("Allow", "s3:*", "*"));
  const Value allowed = simulate(plain, "s3:GetObject", {"*"});
  EXPECT_EQ(allowed["EvalDecision"].string_or(), "allowed");
  EXPECT_EQ(allowed["MatchedStatements"].size(), 1u);
  EXPECT_FALSE(allowed.has("ResourceSpecificResults")) << "everything is no resource of its own";
  EXPECT_FALSE(allowed.has("EvalDecisionDetails"));
  EXPECT_EQ(simulate(plain, "iam:GetUser", {"*"})["EvalDecision"].string_or(), "implicitDeny");

  Simulation conditional =
      simulation_of(statement("Allow", "s3:*", "*", R"(,"Condition":{"Bool":{"aws:SecureTransport":"true"}})"));
  const Value missing = simulate(conditional, "s3:GetObject", {"*"});
  EXPECT_EQ(missing["EvalDecision"].string_or(), "implicitDeny");
  EXPECT_EQ(missing["MissingContextValues"], Value::array({"aws:SecureTransport"}));
  EXPECT_TRUE(simulate(conditional, "iam:GetUser", {"*"})["MissingContextValues"].empty())
      << "a statement that does not speak of the action asks for nothing";
  conditional.context["aws:securetransport"] = {"true"};
  EXPECT_EQ(simulate(conditional, "s3:GetObject", {"*"})["EvalDecision"].string_or(), "allowed");
}

TEST(Simulation, TheWorstResourceSpeaksForAll) {
  Simulation simulation = simulation_of(statement("Allow", "s3:*", "arn:aws:s3:::a/*"));
  simulation.identity.push_back(held(statement("Deny", "s3:PutObject", "arn:aws:s3:::a/x")));
  const Value result = simulate(simulation, "s3:PutObject", {"arn:aws:s3:::a/y", "arn:aws:s3:::a/x"});
  EXPECT_EQ(result["EvalDecision"].string_or(), "explicitDeny");
  EXPECT_EQ(result["MatchedStatements"].size(), 1u) << "the deny alone";
  const auto& each = result["ResourceSpecificResults"].items();
  ASSERT_EQ(each.size(), 2u);
  EXPECT_EQ(each[0]["EvalResourceDecision"].string_or(), "allowed");
  EXPECT_EQ(each[1]["EvalResourceDecision"].string_or(), "explicitDeny");
  EXPECT_TRUE(result.has("EvalDecisionDetails")) << "present, and empty within an account";
  EXPECT_TRUE(result["EvalDecisionDetails"].empty());
}

TEST(Simulation, BoundaryAndOrganizationLimit) {
  Simulation simulation = simulation_of(statement("Allow", "*", "*"));
  simulation.boundary.push_back(held(statement("Allow", "s3:*", "*")));
  const Value bounded = simulate(simulation, "iam:GetUser", {"*"});
  EXPECT_EQ(bounded["EvalDecision"].string_or(), "implicitDeny");
  EXPECT_EQ(bounded["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"], Value(false));
  EXPECT_EQ(simulate(simulation, "s3:GetObject", {"*"})["EvalDecision"].string_or(), "allowed");

  simulation.organization = {{held(statement("Allow", "*", "*"))}, {held(statement("Allow", "ec2:*", "*"))}};
  const Value forbidden = simulate(simulation, "s3:GetObject", {"*"});
  EXPECT_EQ(forbidden["EvalDecision"].string_or(), "implicitDeny");
  EXPECT_EQ(forbidden["OrganizationsDecisionDetail"]["AllowedByOrganizations"], Value(false));
  EXPECT_FALSE(forbidden.has("PermissionsBoundaryDecisionDetail")) << "the simulation ended before";
}

TEST(Simulation, AcrossAccountsBothMustAllow) {
  Simulation simulation = simulation_of(statement("Allow", "s3:*", "*"));
  simulation.resource_owner = "210987654321";
  const auto decision = [&] {
    return simulate(simulation, "s3:GetObject", {"arn:aws:s3:::a/y"})["EvalDecision"].string_or();
  };
  EXPECT_EQ(decision(), "implicitDeny");
  simulation.resource_policy.push_back(held(statement("Allow", "s3:GetObject", "arn:aws:s3:::a/*",
                                                      R"(,"Principal":{"AWS":"arn:aws:iam::123456789012:user/ann"})"),
                                            policy::Kind::resource));
  EXPECT_EQ(decision(), "allowed");
  simulation.identity.clear();
  EXPECT_EQ(decision(), "implicitDeny");
  const Value details = simulate(simulation, "s3:GetObject", {"arn:aws:s3:::a/y"})["EvalDecisionDetails"];
  EXPECT_EQ(details["IAM Policy"].string_or(), "implicitDeny");
  EXPECT_EQ(details["Resource Policy"].string_or(), "allowed");
}

TEST(Simulation, RefusesWhatIsNoPolicy) {
  const auto none = simulated_policy("PolicyInputList.1", "", "{}");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().reason, "InvalidInput");
  EXPECT_NE(none.error().message.find("PolicyInputList.1"), std::string::npos);
}

}  // namespace
}  // namespace millrace::iam
