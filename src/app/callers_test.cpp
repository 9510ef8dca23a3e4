#include "app/callers.h"

#include <gtest/gtest.h>

#include "app/task_token.h"

namespace millrace::app {
namespace {

constexpr uid_t kMe = 1000, kChild = 59'473, kOther = 1001;

struct Case {
  const char* what;
  PeerFacts facts;
  PeerKind expected;
};

PeerFacts facts(uid_t user, uid_t own, std::optional<uid_t> child = std::nullopt) {
  PeerFacts out;
  out.from_loopback = true;
  out.user = user;
  out.own_user = own;
  out.child_user = child;
  return out;
}
PeerFacts with(PeerFacts facts, auto change) {
  change(facts);
  return facts;
}

TEST(Callers, AreToldApartByTheirSockets) {
  const auto lost = [](PeerFacts& f) { f.found = false; };
  const auto idle = [](PeerFacts& f) { f.any_child = false; };
  const auto apart = [](PeerFacts& f) { f.as_own_user = false; };
  const auto ours = [](PeerFacts& f) { f.as_own_user = false, f.own_process = true; };
  const auto containers = [](PeerFacts& f) { f.containers = true; };
  const auto remote = [](PeerFacts& f) { f.found = f.from_loopback = false; };
  const std::vector<Case> cases = {
      {"root: the children's own user", facts(kChild, 0, kChild), PeerKind::child},
      {"root: that user, though no child is known", with(facts(kChild, 0, kChild), idle), PeerKind::child},
      {"root: a user of the machine", facts(kMe, 0, kChild), PeerKind::person},
      {"root: root", facts(0, 0, kChild), PeerKind::unsure},
      {"root: root, with no child about", with(facts(0, 0, kChild), idle), PeerKind::person},
      {"root: root, and all children have their own user", with(facts(0, 0, kChild), apart), PeerKind::person},
      {"root: this very process", with(facts(0, 0, kChild), ours), PeerKind::child},
      {"user: itself", facts(kMe, kMe), PeerKind::unsure},
      {"user: itself, with no child about", with(facts(kMe, kMe), idle), PeerKind::person},
      {"user: another", facts(kOther, kMe), PeerKind::person},
      {"user: root", facts(0, kMe), PeerKind::person},
      {"a loopback socket that is not found", with(facts(0, kMe), lost), PeerKind::child},
      {"another machine", with(facts(0, kMe), remote), PeerKind::person},
      {"containers: a subordinate user", with(facts(100'000, kMe), containers), PeerKind::unsure},
      {"containers: root's", with(facts(0, kMe), containers), PeerKind::unsure},
      {"containers: another user of the machine", with(facts(kOther, kMe), containers), PeerKind::person},
  };
  for (const Case& c : cases) EXPECT_EQ(kind_of(c.facts), c.expected) << c.what;
}

TEST(Callers, ArePeopleOnlyWhereNoChildHoldsTheSocketAndSomebodyDoes) {
  EXPECT_EQ(kind_by_holders(0, 1), PeerKind::person);
  EXPECT_EQ(kind_by_holders(0, 0), PeerKind::child);
  EXPECT_EQ(kind_by_holders(1, 0), PeerKind::child);
  EXPECT_EQ(kind_by_holders(1, 1), PeerKind::child);
}

TEST(TaskTokens, NameTheAttemptTheyWereMadeFor) {
  const std::string key(32, 'k'), launch_key = "run/1/root/t/2", token = task_token(key, launch_key);
  EXPECT_TRUE(is_task_token(token));
  EXPECT_EQ(read_task_token(key, token), launch_key);
  EXPECT_NE(token, task_token(key, "run/1/root/t/1"));
  std::string changed = token;
  changed.back() = changed.back() == '0' ? '1' : '0';
  const std::string other = task_token(key, "run/2/root/t/2");
  for (const std::string& bad :
       {changed, token.substr(0, token.size() - 1), token.substr(0, token.find('.', 14)), std::string("millrace-task."),
        std::string(), other.substr(0, other.rfind('.')) + token.substr(token.rfind('.')),
        task_token("another", launch_key)})
    EXPECT_FALSE(read_task_token(key, bad)) << bad;
  EXPECT_FALSE(is_task_token("eyJhbGciOiJSUzI1NiJ9"));
}

}  // namespace
}  // namespace millrace::app
