#include "kube/kube.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/json.h"
#include "kube/field_set.h"
#include "kube/patch.h"
#include "kube/protobuf.h"
#include "kube/resource.h"
#include "kube/selector.h"

namespace millrace::kube {
namespace {

// Two tasks of one run; the second still runs.
class TwoTasks final : public pipelines::Pipelines {
 public:
  TwoTasks() {
    run_.id = "run-1";
    run_.display_name = "A run";
    run_.created = from_epoch_ms(1'700'000'000'000);
    pipelines::TaskView done;
    done.id = "root/prepare", done.name = "prepare", done.state = "SUCCEEDED", done.pod_name = "wf-1";
    done.created = done.started = run_.created;
    done.ended = run_.created + Millis(2'000);
    pipelines::TaskView running;
    running.id = "root/train", running.name = "train", running.state = "RUNNING", running.pod_name = "wf-2";
    running.created = running.started = run_.created + Millis(2'000);
    pipelines::TaskView dag;
    dag.id = "root", dag.is_dag = true, dag.state = "RUNNING";
    pipelines::TaskView waiting;  // for the second: no pod yet
    waiting.id = "root/test", waiting.name = "test", waiting.state = "PENDING", waiting.pod_name = "wf-3";
    waiting.created = run_.created;
    run_.tasks = {dag, waiting, done, running};
  }
  net::Response handle(net::Request&, const pipelines::Caller&) override { return {}; }
  bool may_see(const pipelines::Caller&, const std::string&) override { return true; }
  std::string run_of_child(const std::string&) override { return {}; }
  Status resume() override { return {}; }
  void on_child_exit(const std::string&, const proc::ChildStatus&) override {}
  void stop() override {}
  Result<std::vector<pipelines::RunView>> runs(std::size_t) override {
    pipelines::RunView listed = run_;
    listed.tasks.clear();
    return std::vector<pipelines::RunView>{listed};
  }
  Result<pipelines::RunView> run(const std::string&) override { return run_; }
  Result<LogPart> task_log(const std::string&, const std::string& task, std::uint64_t offset) override {
    const std::string text = "one\ntwo\nthree\n";
    return LogPart{offset < text.size() ? text.substr(offset) : "", std::max<std::uint64_t>(offset, text.size()),
                   task == "root/prepare"};
  }
  Status rehearse(const Value&, const Value&, const std::function<Value(const pipelines::RehearsedTask&)>&) override {
    return fail(Code::unimplemented, "not asked for here");
  }
  Result<std::string> run_again(const std::string&, const std::string&,
                                const std::function<Status(const std::string&)>&) override {
    return fail(Code::unimplemented, "not asked for here");
  }
  void on_change(std::function<void(const std::string&)> listener) override { listener_ = std::move(listener); }
  void finish() {
    run_.tasks.back().state = "FAILED";
    run_.tasks.back().error = "the process ended with exit code 3: no luck";
    run_.tasks.back().ended = run_.created + Millis(3'000);
    listener_(run_.id);
  }

 private:
  pipelines::RunView run_;
  std::function<void(const std::string&)> listener_;
};

class KubeTest : public ::testing::Test {
 protected:
  KubeTest() : directory_(std::filesystem::temp_directory_path() / ("kube-" + random_hex(12))) {
    std::filesystem::create_directories(directory_);
    database_ = *db::Database::open((directory_ / "test.db").string());
    kube_ = *Kube::open(*database_, clock_, {std::string(32, 'k'), "token"});
    kube_->set_pipelines(tasks_);
  }
  ~KubeTest() override {
    kube_.reset();
    database_.reset();
    std::filesystem::remove_all(directory_);
  }

  net::Response send(std::string method, std::string target, std::string body = {},
                     std::string type = "application/json", std::string accept = "application/json",
                     std::string token = "Bearer token") {
    net::Request request;
    request.method = std::move(method);
    request.target = target;
    const auto query = target.find('?');
    request.path = target.substr(0, query);
    if (query != std::string::npos) request.raw_query = target.substr(query + 1);
    request.headers.set("Content-Type", type);
    request.headers.set("Accept", accept);
    request.headers.set("Authorization", token);
    request.tls = true;
    const auto reader = net::body_from_string(std::move(body));
    request.body = reader.get();
    return kube_->handle(request);
  }
  Value json(const net::Response& response) {
    const auto value = parse_json(response.body);
    EXPECT_TRUE(value) << response.body;
    return value ? *value : Value();
  }
  Value expect(int status, const net::Response& response) {
    EXPECT_EQ(response.status, status) << response.body;
    return json(response);
  }

  static constexpr const char* kSecrets = "/api/v1/namespaces/kubeflow/secrets";
  std::filesystem::path directory_;
  FakeClock clock_;
  std::unique_ptr<db::Database> database_;
  TwoTasks tasks_;
  std::unique_ptr<Kube> kube_;
};

std::string secret_json(const std::string& name, const std::string& more = R"("data":{"KEY":"dmFsdWU="})") {
  return R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":")" + name + R"("},)" + more + "}";
}

TEST_F(KubeTest, AsksForTheToken) {
  for (const char* token : {"", "Bearer", "Bearer ", "Bearer wrong", "token", "Basic token"}) {
    EXPECT_EQ(send("GET", "/api/v1/namespaces", "", "", "", token).status, 401) << token;
  }
}

TEST_F(KubeTest, StartsWithTheNamespacesOfACluster) {
  const Value list = expect(200, send("GET", "/api/v1/namespaces"));
  EXPECT_EQ(list.at("kind").string_or(), "NamespaceList");
  EXPECT_EQ(list.at("items").size(), 5u);
  EXPECT_EQ(expect(403, send("DELETE", "/api/v1/namespaces/kubeflow")).at("reason").string_or(), "Forbidden");
}

TEST_F(KubeTest, KeepsASecretThroughItsLife) {
  const Value made = expect(201, send("POST", kSecrets, secret_json("aws-secret")));
  EXPECT_EQ(made.at("type").string_or(), "Opaque");
  EXPECT_FALSE(made.at("metadata").at("uid").string_or().empty());
  EXPECT_EQ(expect(409, send("POST", kSecrets, secret_json("aws-secret"))).at("message").string_or(),
            "secrets \"aws-secret\" already exists");
  EXPECT_EQ(kube_->secret("kubeflow", "aws-secret")->at("KEY"), "value");

  const std::string one = std::string(kSecrets) + "/aws-secret";
  const Value patched =
      expect(200, send("PATCH", one, R"({"data":{"MORE":"bW9yZQ=="},"metadata":{"labels":{"a":"b"}}})",
                       "application/strategic-merge-patch+json"));
  EXPECT_EQ(patched.at("data").size(), 2u);
  EXPECT_NE(patched.at("metadata").at("resourceVersion"), made.at("metadata").at("resourceVersion"));
  // Nothing changes: neither does the version.
  const Value same = expect(200, send("PATCH", one, R"({"data":{"MORE":"bW9yZQ=="}})", "application/merge-patch+json"));
  EXPECT_EQ(same.at("metadata").at("resourceVersion"), patched.at("metadata").at("resourceVersion"));
  // A writer who saw an older version loses.
  EXPECT_EQ(expect(409, send("PUT", one, to_json(made))).at("reason").string_or(), "Conflict");
  EXPECT_EQ(expect(200, send("PUT", one, to_json(patched))).at("data").size(), 2u);

  EXPECT_EQ(expect(200, send("DELETE", one)).at("status").string_or(), "Success");
  EXPECT_EQ(expect(404, send("GET", one)).at("message").string_or(), "secrets \"aws-secret\" not found");
  const auto gone = kube_->secret("kubeflow", "aws-secret");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::not_found);
}

TEST_F(KubeTest, EncryptsSecretsAtRest) {
  const std::string last_applied = R"("stringData":{"KEY":"plain-words-in-clear"})";
  expect(201, send("POST", kSecrets, secret_json("hidden", last_applied)));
  kube_.reset();
  database_.reset();
  std::string all;
  for (const auto& file : std::filesystem::directory_iterator(directory_)) {
    std::ifstream in(file.path(), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    all += text.str();
  }
  EXPECT_EQ(all.find("plain-words-in-clear"), std::string::npos);
  EXPECT_EQ(all.find("cGxhaW4td29yZHMtaW4tY2xlYXI"), std::string::npos);
  database_ = *db::Database::open((directory_ / "test.db").string());
  kube_ = *Kube::open(*database_, clock_, {std::string(32, 'k'), "token"});
  EXPECT_EQ(kube_->secret("kubeflow", "hidden")->at("KEY"), "plain-words-in-clear");
}

TEST_F(KubeTest, DryRunsChangeNothing) {
  const std::string all = std::string(kSecrets) + "?dryRun=All";
  expect(201, send("POST", all, secret_json("dry")));
  expect(404, send("GET", std::string(kSecrets) + "/dry"));
  expect(201, send("POST", kSecrets, secret_json("wet")));
  expect(200, send("DELETE", std::string(kSecrets) + "/wet?dryRun=All"));
  expect(200, send("GET", std::string(kSecrets) + "/wet"));
}

TEST_F(KubeTest, RefusesWhatKubernetesRefuses) {
  struct Case {
    const char* what;
    std::string target, body;
    int status;
    const char* says;
  };
  const std::string secrets = kSecrets;
  const Case cases[] = {
      {"a name", secrets, secret_json("Upper_Case"), 422, "RFC 1123 subdomain"},
      {"no name", secrets, R"({"metadata":{}})", 422, "name or generateName is required"},
      {"no namespace", "/api/v1/namespaces/nowhere/secrets", secret_json("a"), 404, "namespaces \"nowhere\" not found"},
      {"another namespace", secrets, R"({"metadata":{"name":"a","namespace":"default"}})", 400,
       "does not match the namespace"},
      {"another kind", secrets, R"({"kind":"Pod","metadata":{"name":"a"}})", 400, "cannot be handled as a Secret"},
      {"base64", secrets, secret_json("a", R"("data":{"K":"%%%"})"), 400, "illegal base64"},
      {"a number", secrets, secret_json("a", R"("data":{"K":5})"), 400,
       "cannot unmarshal number into Go struct field Secret.data of type []uint8"},
      {"a key", secrets, secret_json("a", R"("data":{"a b":""})"), 422, "valid config key"},
      {"a type's key", secrets, secret_json("a", R"("type":"kubernetes.io/tls")"), 422,
       "[data[tls.crt]: Required value, data[tls.key]: Required value]"},
      {"a version", secrets, R"({"metadata":{"name":"a","resourceVersion":"1"}})", 400, "should not be set"},
      {"strict fields", secrets + "?fieldValidation=Strict", secret_json("a", R"("dada":{})"), 400,
       "unknown field \"dada\""},
      {"strict fields of metadata", secrets + "?fieldValidation=Strict",
       R"({"metadata":{"name":"a","lables":{"x":"y"},"ownerReferences":[{"nmae":"b"}]}})", 400,
       "strict decoding error: unknown field \"metadata.ownerReferences[0].nmae\", unknown field \"metadata.lables\""},
      {"a validation", secrets + "?fieldValidation=Some", secret_json("a"), 422,
       "supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""},
      {"a label's key", secrets, R"({"metadata":{"name":"a","labels":{"bad key":"1"}}})", 422,
       "metadata.labels: Invalid value: \"bad key\": name part must consist of alphanumeric characters"},
      {"a label's value", secrets, R"({"metadata":{"name":"a","labels":{"team":"a b c!"}}})", 422,
       "metadata.labels: Invalid value: \"a b c!\": a valid label must be an empty string or"},
      {"a long label", secrets, R"({"metadata":{"name":"a","labels":{"team":")" + std::string(64, 'x') + R"("}}})", 422,
       "must be no more than 63 bytes"},
      {"a label that is no text", secrets, R"({"metadata":{"name":"a","labels":{"team":5}}})", 400,
       "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"},
      {"annotations", secrets,
       R"({"metadata":{"name":"a","annotations":{"k":")" + std::string((256 << 10) + 1, 'x') + R"("}}})", 422,
       "metadata.annotations: Too long: may not be more than 262144 bytes"},
      {"an owner", secrets, R"({"metadata":{"name":"a","ownerReferences":[{"name":"b"}]}})", 422,
       "metadata.ownerReferences[0].uid: Required value: must not be empty"},
      {"a dry run", secrets + "?dryRun=Some", secret_json("a"), 422, "supported values"},
      {"not JSON", secrets, "{", 400, "JSON"},
      {"size", secrets, secret_json("a", R"("stringData":{"K":")" + std::string((1 << 20) + 1, 'x') + "\"}"), 422,
       "Too long"},
      {"body", secrets, std::string((3 << 20) + 1, ' '), 413, "too large"},
      {"pods", "/api/v1/namespaces/kubeflow/pods", "{}", 405, "are a view of the tasks"},
      {"kinds", "/api/v1/namespaces/kubeflow/endpoints", "{}", 404, "could not find the requested resource"},
  };
  for (const Case& c : cases) {
    const Value status = expect(c.status, send("POST", c.target, c.body));
    EXPECT_EQ(status.at("kind").string_or(), "Status") << c.what;
    EXPECT_EQ(status.at("code").int_or(0), c.status) << c.what;
    EXPECT_NE(status.at("message").string_or().find(c.says), std::string::npos) << c.what << ": " << to_json(status);
  }
  EXPECT_EQ(send("PATCH", secrets + "/a", "{}", "application/apply-patch+yaml").status, 422) << "no field manager";
  expect(201, send("POST", kSecrets, secret_json("a")));
  EXPECT_EQ(send("PATCH", secrets + "/a", "{}", "application/other-patch+yaml").status, 415);
}

TEST_F(KubeTest, KeepsImmutableSecretsAsTheyAre) {
  expect(201, send("POST", kSecrets, secret_json("fixed", R"("immutable":true,"data":{"K":""})")));
  const std::string one = std::string(kSecrets) + "/fixed";
  expect(422, send("PATCH", one, R"({"data":{"K":"eA=="}})", "application/merge-patch+json"));
  expect(422, send("PATCH", one, R"({"immutable":false})", "application/merge-patch+json"));
  expect(200, send("PATCH", one, R"({"metadata":{"labels":{"a":"b"}}})", "application/merge-patch+json"));
}

TEST_F(KubeTest, ListsBySelectorAndAsTable) {
  expect(201, send("POST", kSecrets, R"({"metadata":{"name":"a","labels":{"tier":"x"}}})"));
  expect(201, send("POST", kSecrets, R"({"metadata":{"name":"b","labels":{"tier":"y"}}})"));
  EXPECT_EQ(expect(200, send("GET", std::string(kSecrets) + "?labelSelector=tier%3Dx")).at("items").size(), 1u);
  EXPECT_EQ(expect(200, send("GET", std::string(kSecrets) + "?fieldSelector=metadata.name%3Db")).at("items").size(),
            1u);
  EXPECT_EQ(send("GET", std::string(kSecrets) + "?fieldSelector=nothing%3Db").status, 400);
  const Value table = expect(200, send("GET", kSecrets, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io"));
  EXPECT_EQ(table.at("kind").string_or(), "Table");
  ASSERT_EQ(table.at("rows").size(), 2u);
  EXPECT_EQ(table.at("rows").items()[0].at("cells").size(), table.at("columnDefinitions").size());
}

TEST_F(KubeTest, DeletesANamespaceWithWhatIsInIt) {
  expect(201, send("POST", "/api/v1/namespaces", R"({"metadata":{"name":"team"}})"));
  expect(201, send("POST", "/api/v1/namespaces/team/secrets", secret_json("s")));
  expect(200, send("DELETE", "/api/v1/namespaces/team"));
  expect(404, send("GET", "/api/v1/namespaces/team/secrets/s"));
}

TEST_F(KubeTest, ShowsTasksAsPods) {
  const Value pods = expect(200, send("GET", "/api/v1/namespaces/kubeflow/pods"));
  ASSERT_EQ(pods.at("items").size(), 2u);
  EXPECT_EQ(pods.at("items").items()[0].at("status").at("phase").string_or(), "Succeeded");
  EXPECT_EQ(pods.at("items").items()[1].at("status").at("phase").string_or(), "Running");
  EXPECT_EQ(expect(200, send("GET", "/api/v1/pods?fieldSelector=status.phase%3DRunning")).at("items").size(), 1u);
  EXPECT_EQ(expect(200, send("GET", "/api/v1/namespaces/default/pods")).at("items").size(), 0u);
  expect(404, send("GET", "/api/v1/namespaces/kubeflow/pods/wf-3"));
  EXPECT_EQ(expect(200, send("GET", "/api/v1/namespaces/kubeflow/events?fieldSelector=involvedObject.name%3Dwf-1"))
                .at("items")
                .size(),
            4u);
}

std::string drain(net::Response& response) {
  std::string out;
  if (!response.stream) return out;
  while (response.stream->read(out) == net::StreamBody::Next::more) {
  }
  return out;
}

TEST_F(KubeTest, GivesAPodsLog) {
  const auto log = [&](const std::string& query) {
    auto response = send("GET", "/api/v1/namespaces/kubeflow/pods/wf-1/log" + query);
    EXPECT_EQ(response.status, 200) << response.body;
    return drain(response);
  };
  EXPECT_EQ(log(""), "one\ntwo\nthree\n");
  EXPECT_EQ(log("?tailLines=1"), "three\n");
  EXPECT_EQ(log("?tailLines=2"), "two\nthree\n");
  EXPECT_EQ(log("?tailLines=0"), "");
  EXPECT_EQ(log("?tailLines=9"), "one\ntwo\nthree\n");
  EXPECT_EQ(log("?limitBytes=5"), "one\nt");
  EXPECT_EQ(log("?timestamps=true&tailLines=2"),
            "2023-11-14T22:13:22.000000000Z two\n2023-11-14T22:13:22.000000000Z three\n");
  EXPECT_EQ(log("?sinceTime=2023-11-14T22:13:22Z"), "one\ntwo\nthree\n");
  EXPECT_EQ(log("?sinceTime=2023-11-14T22:14:00Z"), "");
  EXPECT_EQ(send("GET", "/api/v1/namespaces/kubeflow/pods/wf-1/log?previous=true").status, 400);
  EXPECT_EQ(send("GET", "/api/v1/namespaces/kubeflow/pods/wf-1/log?tailLines=-1").status, 422);
  EXPECT_EQ(send("GET", "/api/v1/namespaces/kubeflow/pods/wf-1/log?container=side").status, 400);
  // Followed to the end of a task that has ended; of one that runs, it waits.
  auto running = send("GET", "/api/v1/namespaces/kubeflow/pods/wf-2/log?follow=true");
  std::string out;
  EXPECT_EQ(running.stream->read(out), net::StreamBody::Next::more);
  EXPECT_EQ(running.stream->read(out), net::StreamBody::Next::wait);
}

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

TEST_F(KubeTest, KeepsWhatHasFinalizers) {
  expect(201, send("POST", kSecrets, R"({"metadata":{"name":"held","finalizers":["example.com/hold"]}})"));
  const std::string one = std::string(kSecrets) + "/held";
  EXPECT_EQ(expect(200, send("DELETE", one)).at("kind").string_or(), "Secret");
  EXPECT_TRUE(expect(200, send("GET", one)).at("metadata").has("deletionTimestamp"));
  expect(422, send("PATCH", one, R"({"metadata":{"finalizers":["example.com/hold","example.com/more"]}})",
                   "application/merge-patch+json"));
  expect(200, send("PATCH", one, R"({"metadata":{"finalizers":null}})", "application/merge-patch+json"));
  EXPECT_EQ(send("GET", one).status, 404);
}

TEST_F(KubeTest, AppliesOnTheServer) {
  const std::string one = "/api/v1/namespaces/kubeflow/configmaps/c";
  const auto apply = [&](const char* manager, const std::string& data, const char* more = "") {
    return send("PATCH", one + "?fieldManager=" + manager + more,
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata: " + data, "application/apply-patch+yaml");
  };
  const Value made = expect(201, apply("first", "{a: '1', b: '2'}"));
  const Value& owner = made.at("metadata").at("managedFields").items().at(0);
  EXPECT_EQ(owner.at("manager").string_or(), "first");
  EXPECT_EQ(owner.at("operation").string_or(), "Apply");
  EXPECT_EQ(to_json(owner.at("fieldsV1")), R"({"f:data":{"f:a":{},"f:b":{}}})");
  const auto again = expect(200, apply("first", "{a: '1', b: '2'}"));
  EXPECT_EQ(again.at("metadata").at("resourceVersion"), made.at("metadata").at("resourceVersion")) << "nothing changed";

  const Value refused = expect(409, apply("second", "{a: '9', c: '3'}"));
  EXPECT_EQ(refused.at("message").string_or(), "Apply failed with 1 conflict: conflict with \"first\": .data.a");
  EXPECT_EQ(to_json(refused.at("details").at("causes")),
            R"([{"reason":"FieldManagerConflict","message":"conflict with \"first\"","field":".data.a"}])");
  EXPECT_EQ(expect(200, apply("second", "{a: '9', c: '3'}", "&force=true")).at("data").at("a").string_or(), "9");
  // What an owner no longer applies goes; what another owns stays.
  EXPECT_EQ(to_json(expect(200, apply("first", "{}")).at("data")), R"({"a":"9","c":"3"})");
  EXPECT_EQ(to_json(expect(200, apply("second", "{c: '3'}")).at("data")), R"({"c":"3"})");
  // Whoever patches owns what it changed.
  expect(200, send("PATCH", one + "?fieldManager=hand", R"({"data":{"c":"4"}})", "application/merge-patch+json"));
  const Value by_hand = expect(409, apply("second", "{c: '5'}"));
  EXPECT_NE(by_hand.at("message").string_or().find("conflict with \"hand\" using v1"), std::string::npos);
}

TEST_F(KubeTest, DeletesACollection) {
  expect(201, send("POST", kSecrets, R"({"metadata":{"name":"a","labels":{"tier":"x"}}})"));
  expect(201, send("POST", kSecrets, R"({"metadata":{"name":"b"}})"));
  EXPECT_EQ(expect(200, send("DELETE", std::string(kSecrets) + "?labelSelector=tier%3Dx")).at("items").size(), 1u);
  EXPECT_EQ(expect(200, send("GET", kSecrets)).at("items").size(), 1u);
}

TEST_F(KubeTest, NamesInARefusalWhatItIsAbout) {
  const Value missing = expect(404, send("GET", std::string(kSecrets) + "/none"));
  EXPECT_EQ(to_json(missing.at("details")), R"({"name":"none","kind":"secrets"})");
  const Value invalid = expect(422, send("POST", kSecrets, secret_json("Bad_Name")));
  EXPECT_EQ(invalid.at("details").at("kind").string_or(), "Secret");
  ASSERT_EQ(invalid.at("details").at("causes").size(), 1u);
  EXPECT_EQ(invalid.at("details").at("causes").items()[0].at("field").string_or(), "metadata.name");
  EXPECT_EQ(invalid.at("details").at("causes").items()[0].at("reason").string_or(), "FieldValueInvalid");
  const Value lease = expect(404, send("GET", "/apis/coordination.k8s.io/v1/namespaces/default/leases/l"));
  EXPECT_EQ(to_json(lease.at("details")), R"({"name":"l","group":"coordination.k8s.io","kind":"leases"})");
}

TEST_F(KubeTest, WarnsOfFieldsThatItDoesNotKnow) {
  const auto made = send("POST", kSecrets, secret_json("a", R"("dtaa":{})"));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.headers.get("Warning"), R"(299 - "unknown field \"dtaa\"")");
  EXPECT_FALSE(send("POST", std::string(kSecrets) + "?fieldValidation=Ignore", secret_json("b", R"("dtaa":{})"))
                   .headers.has("Warning"));
}

TEST_F(KubeTest, AnswersWhatAClientMayDo) {
  const auto ask = [&](const char* verb, const char* resource) {
    return expect(201, send("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                            std::string(R"({"spec":{"resourceAttributes":{"verb":")") + verb + R"(","resource":")" +
                                resource + "\"}}}"))
        .at("status")
        .at("allowed")
        .bool_or(false);
  };
  EXPECT_TRUE(ask("create", "secrets"));
  EXPECT_TRUE(ask("*", "*"));
  EXPECT_FALSE(ask("create", "pods"));
  EXPECT_FALSE(ask("get", "deployments"));
  EXPECT_EQ(send("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", R"({"spec":{}})").status, 422);
  EXPECT_GT(expect(201, send("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                             R"({"spec":{"namespace":"default"}})"))
                .at("status")
                .at("resourceRules")
                .size(),
            5u);
}

TEST_F(KubeTest, ServesTheKindsBesideSecrets) {
  expect(200, send("GET", "/api/v1/namespaces/kubeflow/serviceaccounts/default"));
  expect(201, send("POST", "/api/v1/namespaces", R"({"metadata":{"name":"team"}})"));
  expect(200, send("GET", "/api/v1/namespaces/team/serviceaccounts/default"));
  EXPECT_EQ(expect(200, send("GET", "/api/v1/nodes")).at("items").size(), 1u);
  EXPECT_EQ(expect(200, send("GET", "/api/v1/namespaces/kubeflow/services")).at("items").size(), 0u);
  EXPECT_EQ(send("POST", "/api/v1/namespaces/kubeflow/services", "{}").status, 405);
  expect(201, send("POST", "/api/v1/namespaces/team/persistentvolumeclaims",
                   R"({"metadata":{"name":"c"},"spec":{"accessModes":["ReadWriteOnce"],
                       "resources":{"requests":{"storage":"1Gi"}}}})"));
  expect(422, send("POST", "/api/v1/namespaces/team/persistentvolumeclaims", R"({"metadata":{"name":"d"}})"));
  expect(201, send("POST", "/apis/coordination.k8s.io/v1/namespaces/team/leases", R"({"metadata":{"name":"l"}})"));
  EXPECT_EQ(send("GET", "/apis/coordination.k8s.io/v1/namespaces/team/secrets").status, 404);
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

TEST_F(KubeTest, AnswersDiscovery) {
  for (const char* path :
       {"/version", "/api", "/apis", "/api/v1", "/openapi/v3", "/openapi/v3/api/v1", "/openapi/v2"}) {
    expect(200, send("GET", path));
  }
  const auto v2 = send("GET", "/openapi/v2", "", "", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
  EXPECT_NE(v2.static_body.find("io.k8s.api.core.v1.Secret"), std::string_view::npos);
  const Value v3 = expect(200, send("GET", "/openapi/v3/apis/coordination.k8s.io/v1"));
  EXPECT_TRUE(v3.at("components").at("schemas").has("io.k8s.api.coordination.v1.Lease"));
  EXPECT_FALSE(v3.at("components").at("schemas").has("io.k8s.api.core.v1.Secret"));
  for (const char* path :
       {"/api/v1/", "/api/v1//", "/api/v2", "/api/v1/namespaces/a/b/c/d/e", "/api/v1/namespaces/x/namespaces"}) {
    EXPECT_EQ(send("GET", path).status, 404) << path;
  }
}

TEST(Patches, FollowTheirSpecifications) {
  struct Case {
    const char* type;
    const char* object;
    const char* patch;
    const char* result;  // null: refused
  };
  const Case cases[] = {
      {"merge-patch", R"({"a":"b","c":{"d":"e","f":"g"}})", R"({"a":"z","c":{"f":null}})",
       R"({"a":"z","c":{"d":"e"}})"},
      {"merge-patch", R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {"merge-patch", R"({"a":"foo"})", "null", nullptr},
      {"json-patch", R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])",
       R"({"foo":"bar","baz":"qux"})"},
      {"json-patch", R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2,3]})"},
      {"json-patch", R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])", R"({"a":[1,2]})"},
      {"json-patch", R"({"a":[1]})", R"([{"op":"add","path":"/a/9","value":2}])", nullptr},
      {"json-patch", R"({"a/b":1,"m~n":2})",
       R"([{"op":"replace","path":"/a~1b","value":3},{"op":"test","path":"/m~0n","value":2}])", R"({"a/b":3,"m~n":2})"},
      {"json-patch", R"({"a":1})", R"([{"op":"test","path":"/a","value":2}])", nullptr},
      {"json-patch", R"({"a":1})", R"([{"op":"remove","path":"/b"}])", nullptr},
      {"json-patch", R"({"a":{"b":1}})",
       R"([{"op":"move","from":"/a/b","path":"/c"},{"op":"copy","from":"/c","path":"/d"}])", R"({"a":{},"c":1,"d":1})"},
      {"json-patch", R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", nullptr},
      {"strategic-merge-patch", R"({"m":{"finalizers":["x","y"]}})",
       R"({"m":{"$deleteFromPrimitiveList/finalizers":["x"],"finalizers":["z"]}})",
       R"({"m":{"finalizers":["y","z"]}})"},
      {"strategic-merge-patch", R"({"data":{"a":"1","b":"2"}})", R"({"data":{"$patch":"replace","c":"3"}})",
       R"({"data":{"c":"3"}})"},
      {"strategic-merge-patch", R"({"ownerReferences":[{"uid":"1","name":"a"}]})",
       R"({"ownerReferences":[{"uid":"1","$patch":"delete"},{"uid":"2"}]})", R"({"ownerReferences":[{"uid":"2"}]})"},
      {"strategic-merge-patch", "{}", R"({"x":{"$patch":"other"}})", nullptr},
  };
  for (const Case& c : cases) {
    const auto result =
        apply_patch(*parse_json(c.object), std::string("application/") + c.type + "+json", *parse_json(c.patch));
    if (c.result == nullptr) {
      EXPECT_FALSE(result) << c.patch;
    } else {
      ASSERT_TRUE(result) << c.patch << ": " << result.error().message;
      EXPECT_EQ(*result, *parse_json(c.result)) << c.patch << " gave " << to_json(*result);
    }
  }
}

TEST(FieldSets, SurviveTheirWireForm) {
  const char* forms[] = {R"({})", R"({"f:data":{".":{},"f:a":{},"f:a.b":{}}})", R"({"f:type":{}})",
                         R"({"f:metadata":{"f:finalizers":{".":{},"v:\"x/y\"":{}},"f:labels":{"f:a":{}}}})",
                         R"({"f:secrets":{"k:{\"name\":\"s\"}":{".":{},"f:name":{}}}})"};
  for (const char* form : forms) EXPECT_EQ(to_fields_v1(from_fields_v1(*parse_json(form))), *parse_json(form)) << form;
  EXPECT_EQ(readable({"f:secrets", R"(k:{"name":"s"})", "f:name"}), ".secrets[name=\"s\"].name");
}

TEST(Selectors, FollowTheGrammar) {
  const Value object =
      *parse_json(R"({"metadata":{"name":"n","labels":{"a":"1","b":""}},"status":{"phase":"Running"}})");
  const std::pair<const char*, bool> labels[] = {{"a=1", true},          {"a==1", true},
                                                 {"a!=1", false},        {"a!=2", true},
                                                 {"c!=2", true},         {"a", true},
                                                 {"!a", false},          {"!c", true},
                                                 {"b=", true},           {"a in (1, 2),b", true},
                                                 {"a notin (1)", false}, {"c notin (1)", true},
                                                 {"c in (1)", false},    {"", true}};
  for (const auto& [text, matches] : labels) {
    const auto selector = Selector::parse(text, "", {});
    ASSERT_TRUE(selector) << text;
    EXPECT_EQ(selector->matches(object), matches) << text;
  }
  for (const char* bad : {"a b", "a in 1", "=x", "a over (1)", "a in (1"})
    EXPECT_FALSE(Selector::parse(bad, "", {})) << bad;
  EXPECT_TRUE(Selector::parse("", "status.phase!=Failed", {"status.phase"})->matches(object));
  EXPECT_FALSE(Selector::parse("", "status.phase=Failed", {"status.phase"})->matches(object));
}

TEST(Ages, ReadLikeKubectls) {
  const std::pair<std::int64_t, const char*> cases[] = {{0, "0s"},       {119, "119s"},     {125, "2m5s"},
                                                        {660, "11m"},    {3 * 3600, "3h"},  {3 * 3600 + 720, "3h12m"},
                                                        {86'400, "24h"}, {3 * 86'400, "3d"}};
  for (const auto& [seconds, text] : cases) EXPECT_EQ(short_duration(std::chrono::seconds(seconds)), text);
}

// Secret a in kubeflow with data k: v, as kubectl create secret generic sends it.
std::string protobuf_secret() {
  const auto field = [](int number, std::string_view bytes) {
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + std::string(bytes);
  };
  const std::string metadata = field(1, "a") + field(3, "") + field(3, "kubeflow");
  const std::string secret = field(1, metadata) + field(2, field(1, "k") + field(2, "v")) + field(3, "Opaque");
  return std::string("k8s\0", 4) + field(1, field(1, "v1") + field(2, "Secret")) + field(2, secret) + field(3, "") +
         field(4, "");
}

TEST(Protobuf, ReadsWhatTypedClientsSend) {
  const auto secret = from_protobuf(protobuf_secret());
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->at("kind").string_or(), "Secret");
  EXPECT_EQ(secret->at("metadata").at("name").string_or(), "a");
  EXPECT_EQ(secret->at("data").at("k").string_or(), "dg==");
  EXPECT_FALSE(from_protobuf("k8s"));
  EXPECT_FALSE(from_protobuf(std::string("k8s\0\x0a\x7f", 6)));
}

TEST(Protobuf, SurvivesAnyBytes) {
  const auto seed = static_cast<std::uint32_t>(random_u64());
  std::mt19937 random(seed);
  RecordProperty("seed", static_cast<int>(seed));
  const std::string good = protobuf_secret();
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (auto n = random() % 4; n > 0; --n) bytes[4 + random() % (bytes.size() - 4)] = static_cast<char>(random());
    bytes.resize(random() % 3 == 0 ? random() % (bytes.size() + 1) : bytes.size());
    (void)from_protobuf(bytes);
  }
}

}  // namespace
}  // namespace millrace::kube
