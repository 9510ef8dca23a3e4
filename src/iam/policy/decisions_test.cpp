// The table of decisions, asked of the evaluator and of the naïve one; and the two asked the same random questions.

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/strings.h"
#include "iam/policy/generated_case.h"
#include "iam/policy/trace.h"

namespace millrace::iam::policy {
namespace {

Value table() {
  return *parse_json(*read_file(std::filesystem::path(MILLRACE_SOURCE) / "src/iam/policy/testdata" / "decisions.json"));
}

// A lone statement represents a document of the current version.
std::vector<Value> documents_of(const Value& list) {
  std::vector<Value> out;
  for (const Value& item : list.items()) {
    out.push_back(item.has("Effect") ? Value::object({{"Version", "2012-10-17"}, {"Statement", item}}) : item);
  }
  return out;
}

void add_context(const Value& keys, naive::Request& request) {
  for (const auto& [key, values] : keys.members()) {
    request.context[key].clear();
    for (const Value& item : values.items()) request.context[key].push_back(item.as_string());
  }
}

TEST(Decisions, AreTheTables) {
  const Value all = table();
  ASSERT_GE(all["cases"].size(), 400u);
  std::set<std::string> seen, used;
  for (const Value& test : all["cases"].items()) {
    const std::string rule = test["rule"].as_string();
    SCOPED_TRACE(rule + ": " + test["name"].as_string());
    EXPECT_TRUE(all["rules"].has(rule)) << "no such rule";
    EXPECT_TRUE(seen.insert(rule + ": " + test["name"].as_string()).second) << "twice the same name";
    used.insert(rule);
    naive::PolicySet set{documents_of(test["identity"]), documents_of(test["resource"]), documents_of(test["boundary"]),
                         documents_of(test["session"])};
    const Value& who = all["requesters"].at(test["who"].as_string());
    naive::Request request;
    request.caller = {who["kind"].as_string(), who["account"].as_string(), who["arn"].as_string(),
                      who["role"].string_or()};
    request.action = test["do"].as_string();
    request.resource = test["on"].as_string();
    request.resource_account = test["owner"].string_or();
    add_context(who["context"], request);
    add_context(test["context"], request);
    const bool trust = test["kind"].string_or() == "trust";
    const Parsed parsed = parse_all(set, trust ? Kind::trust : Kind::resource);
    ASSERT_EQ(parsed.refused, "");
    const Question question = question_of(request);
    const Decision decision = trust ? evaluate_trust(*parsed.policies.resource.front().document, question)
                                    : evaluate(parsed.policies, question);
    EXPECT_EQ(said(decision), test["is"].as_string());
    EXPECT_EQ(rule_name(decision.rule), test["because"].as_string());
    if (test.has("sid")) {
      EXPECT_EQ(decision.sid, test["sid"].as_string());
    }
    if (!trust) {
      EXPECT_EQ(naive::decide(set, request), test["is"].as_string()) << "the naive evaluator";
    }
  }
  EXPECT_EQ(used.size(), all["rules"].size()) << "a rule without a row";
}

std::string shown(const naive::PolicySet& set, const naive::Request& request) {
  std::string out = fmt::format("{} {} does {} on {} of {}\n", request.caller.kind, request.caller.arn, request.action,
                                request.resource, request.resource_account);
  for (const auto& [key, values] : request.context) out += fmt::format("  {} = [{}]\n", key, join(values, "|"));
  const auto add = [&](const char* kind, const std::vector<Value>& list) {
    for (const Value& document : list) out += fmt::format("{}: {}\n", kind, to_json(document));
  };
  add("identity", set.identity);
  add("resource", set.resource);
  add("boundary", set.boundary);
  add("session", set.session);
  return out;
}

#ifdef __OPTIMIZE__
constexpr std::uint64_t kRounds = 20'000;
#else
constexpr std::uint64_t kRounds = 4'000;  // the naive evaluator is slow
#endif

// MILLRACE_SEED repeats a run; MILLRACE_ROUNDS makes it longer.
TEST(Decisions, AreThoseOfTheNaiveEvaluator) {
  const char* given = std::getenv("MILLRACE_SEED");
  const char* asked = std::getenv("MILLRACE_ROUNDS");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : random_u64();
  const std::uint64_t rounds = asked != nullptr ? std::strtoull(asked, nullptr, 10) : kRounds;
  fmt::print("seed {}, {} cases\n", seed, rounds);
  std::mt19937_64 random(seed);
  CaseMaker maker([&](std::size_t n) { return static_cast<std::size_t>(random() % n); });
  std::map<std::string, std::size_t> outcomes;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const naive::Request request = maker.request();
    const naive::PolicySet set{maker.documents(Kind::identity, 3, 1), maker.documents(Kind::resource, 2, 2),
                               maker.documents(Kind::identity, 2, 3), maker.documents(Kind::identity, 2, 3)};
    const Parsed parsed = parse_all(set);
    ASSERT_EQ(parsed.refused, "");
    const Question question = question_of(request);
    const Decision decision = evaluate(parsed.policies, question);
    ASSERT_EQ(said(decision), naive::decide(set, request)) << "seed " << seed << ", case " << i << "\n"
                                                           << shown(set, request);
    ++outcomes[std::string(rule_name(decision.rule))];
    if (i % 16 != 0) continue;
    // The trace tells the same story: what decided applies, and nothing that denies is left unsaid.
    const Trace told = trace(parsed.policies, question);
    EXPECT_EQ(said(told.decision), said(decision));
    for (const StatementTrace& step : told.statements) {
      if (step.decided) {
        EXPECT_TRUE(step.applies) << shown(set, request);
      }
      if (step.applies && step.effect == Effect::deny) {
        EXPECT_TRUE(decision.explicitly_denied) << shown(set, request);
      }
    }
  }
  for (const auto& [name, count] : outcomes) fmt::print("  {}: {}\n", name, count);
  if (rounds >= 20'000) {
    EXPECT_EQ(outcomes.size(), 9u) << "every rule decides now and then";
  }
}

}  // namespace
}  // namespace millrace::iam::policy
