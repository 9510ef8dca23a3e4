#include "kube/watch.h"

#include <sstream>

#include "kube/kube_fixture.h"

namespace millrace::kube {
namespace {

// "ADDED a", "BOOKMARK": the events of a watch.
std::vector<std::string> types_of(const std::string& events) {
  std::vector<std::string> types;
  std::istringstream lines(events);
  for (std::string line; std::getline(lines, line);) {
    const Value event = *parse_json(line);
    const std::string name = event.at("object").at("metadata").at("name").string_or();
    types.push_back(event.at("type").string_or() + (name.empty() ? "" : " " + name));
  }
  return types;
}

TEST_F(KubeTest, StreamsAListWithABookmark) {
  expect(201, send("POST", kSecrets, secret_json("one")));
  const std::string watch = std::string(kSecrets) + "?watch=true&sendInitialEvents=true&allowWatchBookmarks=true";
  EXPECT_EQ(send("GET", watch).status, 422);
  auto stream = send("GET", watch + "&resourceVersionMatch=NotOlderThan");
  const std::string events = drain(stream);
  EXPECT_EQ(types_of(events), (std::vector<std::string>{"ADDED one", "BOOKMARK"}));
  EXPECT_NE(events.find(R"("k8s.io/initial-events-end":"true")"), std::string::npos);
  expect(201, send("POST", kSecrets, secret_json("two")));
  EXPECT_EQ(types_of(drain(stream)), (std::vector<std::string>{"ADDED two"}));
  clock_.advance(Millis(61'000));
  EXPECT_EQ(types_of(drain(stream)), (std::vector<std::string>{"BOOKMARK"})) << "about once a minute";
}

TEST_F(KubeTest, ReadsBooleansAsClientsWriteThem) {
  for (const char* yes : {"true", "True", "1", ""})
    EXPECT_TRUE(send("GET", std::string(kSecrets) + "?watch=" + yes).stream) << yes;
  for (const char* no : {"false", "False", "0"})
    EXPECT_FALSE(send("GET", std::string(kSecrets) + "?watch=" + no).stream) << no;
}

TEST_F(KubeTest, ExpiresAWatchFromBeforeARestart) {
  const std::string version = expect(200, send("GET", kSecrets)).at("metadata").at("resourceVersion").string_or();
  expect(201, send("POST", kSecrets, secret_json("one")));
  kube_.reset();
  kube_ = *Kube::open(*database_, clock_, {std::string(32, 'k'), "token"});
  auto watch = send("GET", std::string(kSecrets) + "?watch=true&resourceVersion=" + version);
  EXPECT_EQ(watch.status, 200);
  const auto error = parse_json(drain(watch));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->at("type").string_or(), "ERROR");
  EXPECT_EQ(error->at("object").at("code").int_or(0), 410);
  EXPECT_EQ(error->at("object").at("reason").string_or(), "Expired");
}

TEST_F(KubeTest, WatchesBySelector) {
  auto watch = send("GET", std::string(kSecrets) + "?watch=true&labelSelector=team%3Da");
  drain(watch);
  expect(201, send("POST", kSecrets, secret_json("s")));
  const auto label = [&](const char* team) {
    expect(200,
           send("PATCH", std::string(kSecrets) + "/s",
                std::string(R"({"metadata":{"labels":{"team":")") + team + "\"}}}", "application/merge-patch+json"));
  };
  label("a"), label("b");
  EXPECT_EQ(types_of(drain(watch)), (std::vector<std::string>{"ADDED s", "DELETED s"}));
}

TEST_F(KubeTest, ListsInPagesOfOneVersion) {
  for (const char* name : {"a", "b", "c"}) expect(201, send("POST", kSecrets, secret_json(name)));
  const Value first = expect(200, send("GET", std::string(kSecrets) + "?limit=1"));
  EXPECT_EQ(first.at("metadata").at("remainingItemCount").int_or(0), 2);
  expect(200, send("DELETE", std::string(kSecrets) + "/b"));
  const Value second = expect(
      200, send("GET", std::string(kSecrets) + "?limit=5&continue=" + first.at("metadata").at("continue").string_or()));
  ASSERT_EQ(second.at("items").size(), 2u) << "as they were when the list began";
  EXPECT_EQ(second.at("items").items()[0].at("metadata").at("name").string_or(), "b");
  EXPECT_EQ(send("GET", std::string(kSecrets) + "?continue=junk").status, 400);
  const Value late = expect(504, send("GET", std::string(kSecrets) + "?resourceVersion=99999"));
  EXPECT_EQ(late.at("details").at("retryAfterSeconds").int_or(0), 1);
  EXPECT_EQ(send("GET", std::string(kSecrets) + "?resourceVersion=junk").status, 400);
}

TEST_F(KubeTest, TellsAWatchOfChanges) {
  expect(201, send("POST", kSecrets, secret_json("old")));
  const std::string version = expect(200, send("GET", kSecrets)).at("metadata").at("resourceVersion").string_or();
  auto watch = send("GET", std::string(kSecrets) + "?watch=true&resourceVersion=" + version);
  ASSERT_TRUE(watch.stream);
  EXPECT_EQ(drain(watch), "") << "what the client has seen is not told again";
  expect(201, send("POST", kSecrets, secret_json("new")));
  expect(200,
         send("PATCH", std::string(kSecrets) + "/old", R"({"data":{"K":"eA=="}})", "application/merge-patch+json"));
  const std::string told = drain(watch);
  EXPECT_NE(told.find(R"({"type":"ADDED")"), std::string::npos);
  EXPECT_NE(told.find(R"({"type":"MODIFIED")"), std::string::npos);
  expect(200, send("DELETE", std::string(kSecrets) + "/new"));
  EXPECT_NE(drain(watch).find(R"({"type":"DELETED")"), std::string::npos);
  // Resumed from before, all of it comes again, deletions too.
  auto resumed = send("GET", std::string(kSecrets) + "?watch=true&resourceVersion=" + version);
  EXPECT_EQ(types_of(drain(resumed)), (std::vector<std::string>{"ADDED new", "MODIFIED old", "DELETED new"}));

  auto pods = send("GET", "/api/v1/namespaces/kubeflow/pods?watch=true");
  bool woken = false;
  pods.stream->attach([&] { woken = true; });
  EXPECT_NE(drain(pods).find(R"("ADDED")"), std::string::npos);
  tasks_.finish();
  EXPECT_TRUE(woken);
  EXPECT_NE(drain(pods).find(R"("exitCode":3)"), std::string::npos);
  pods.stream->attach({});
}

}  // namespace
}  // namespace millrace::kube
