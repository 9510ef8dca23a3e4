#include "kube/kube.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "kube/kube_fixture.h"

namespace millrace::kube {
namespace {

TEST_F(KubeTest, AsksForTheToken) {
  for (const char* token : {"", "Bearer", "Bearer ", "Bearer wrong", "token", "Basic token"}) {
    EXPECT_EQ(send("GET", "/api/v1/namespaces", "", "", "", token).status, 401) << token;
  }
}

TEST_F(KubeTest, LetsNobodyBeSomeoneElse) {
  const auto as = [&](std::initializer_list<std::pair<const char*, const char*>> headers) {
    net::Request request;
    request.method = "GET";
    request.path = kSecrets;
    request.headers.set("Authorization", "Bearer token");
    for (const auto& [name, value] : headers) request.headers.set(name, value);
    const auto reader = net::body_from_string("");
    request.body = reader.get();
    return kube_->handle(request);
  };
  const Value refused = expect(403, as({{"Impersonate-User", "bob"}}));
  EXPECT_EQ(refused.at("details").at("kind").string_or(), "users");
  EXPECT_EQ(refused.at("details").at("name").string_or(), "bob");
  expect(403, as({{"Impersonate-User", "bob"}, {"Impersonate-Group", "system:masters"}}));
  expect(403, as({{"Impersonate-User", "millrace:admin"}, {"Impersonate-Extra-x", "y"}}));
  expect(400, as({{"Impersonate-Group", "system:masters"}}));
  expect(200, as({{"Impersonate-User", "millrace:admin"}}));
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

TEST_F(KubeTest, StopsAPodsTask) {
  const std::string pods = "/api/v1/namespaces/kubeflow/pods";
  expect(404, send("DELETE", pods + "/none"));
  expect(200, send("DELETE", pods + "/wf-2?dryRun=All"));
  EXPECT_EQ(expect(200, send("GET", pods)).at("items").size(), 2u);
  EXPECT_EQ(expect(200, send("DELETE", pods + "/wf-2")).at("kind").string_or(), "Pod");
  expect(404, send("GET", pods + "/wf-2"));
  EXPECT_EQ(expect(200, send("DELETE", pods)).at("items").size(), 1u);
  EXPECT_EQ(expect(200, send("GET", pods)).at("items").size(), 0u);
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

TEST_F(KubeTest, GivesTheLogOfTheAttemptBefore) {
  const std::string pod = "/api/v1/namespaces/kubeflow/pods/wf-2/log";
  auto before = send("GET", pod + "?previous=true&tailLines=1");
  ASSERT_EQ(before.status, 200) << before.body;
  EXPECT_EQ(drain(before), "before\n");
  auto now = send("GET", pod);
  EXPECT_EQ(drain(now), "one\ntwo\nthree\n");
}

TEST_F(KubeTest, ShowsWhatATaskWasGiven) {
  pipelines::ContainerView view;
  view.pod_name = "wf-2";
  view.attempt = 3;
  view.container = *parse_json(R"({"image":"python","command":["sh"],"env":[{"name":"N",)"
                               R"("valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],)"
                               R"("resources":{"limits":{"cpu":"0.5","memory":"1024Mi"},"requests":{"cpu":"0.25"}}})");
  view.pod = *parse_json(R"({"volumes":[{"name":"s","secret":{"secretName":"s","optional":false}}],)"
                         R"("tolerations":[{"key":"k","operator":"Exists"}]})");
  view.labels = {{"team", "blue"}, {"pipeline/runid", "another"}};
  view.previous = {from_epoch_ms(1'700'000'001'000), from_epoch_ms(1'700'000'002'000), 7, "no luck"};
  tasks_.containers_given = {view};
  const std::string pods = "/api/v1/namespaces/kubeflow/pods";
  const Value pod = expect(200, send("GET", pods + "/wf-2"));
  const Value& container = pod.at("spec").at("containers").items().front();
  EXPECT_EQ(to_json(container.at("command")), R"(["sh"])");
  EXPECT_EQ(container.at("name").string_or(), "main");
  EXPECT_EQ(to_json(container.at("resources")),
            R"({"limits":{"cpu":"500m","memory":"1Gi"},"requests":{"cpu":"250m","memory":"1Gi"}})");
  EXPECT_EQ(container.at("env").items().front().at("valueFrom").at("fieldRef").at("apiVersion").string_or(), "v1");
  EXPECT_EQ(pod.at("spec").at("volumes").items().front().at("secret").at("defaultMode").int_or(0), 0644);
  EXPECT_EQ(pod.at("spec").at("tolerations").size(), 3u);
  EXPECT_EQ(pod.at("status").at("qosClass").string_or(), "Burstable");
  const Value& status = pod.at("status").at("containerStatuses").items().front();
  EXPECT_EQ(status.at("lastState").at("terminated").at("exitCode").int_or(0), 7);
  EXPECT_EQ(pod.at("metadata").at("labels").at("team").string_or(), "blue");
  EXPECT_EQ(pod.at("metadata").at("labels").at("pipeline/runid").string_or(), "run-1");
  // The same in lists, whose items do not say their kind, and read once; a table needs none of it.
  Value item = expect(200, send("GET", pods)).at("items").items()[1];
  EXPECT_FALSE(item.has("kind") || item.has("apiVersion"));
  EXPECT_EQ(item.set("kind", "Pod").set("apiVersion", "v1"), pod);
  expect(200, send("GET", pods));
  EXPECT_EQ(tasks_.asked_for_containers, 2);  // once more for a pod of which nothing is known
  expect(200, send("GET", pods, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io"));
  EXPECT_EQ(tasks_.asked_for_containers, 2);
}

TEST_F(KubeTest, RefusesToConnectToAStep) {
  const std::string pod = "/api/v1/namespaces/kubeflow/pods/wf-2";
  const auto ask = [&](const std::string& method, const std::string& path, bool upgrade) {
    net::Request request;
    request.method = method;
    const auto query = path.find('?');
    request.path = path.substr(0, query);
    if (query != std::string::npos) request.raw_query = path.substr(query + 1);
    request.headers.set("Authorization", "Bearer token");
    if (upgrade) request.headers.set("Connection", "Upgrade"), request.headers.set("Upgrade", "SPDY/3.1");
    const auto reader = net::body_from_string("");
    request.body = reader.get();
    return kube_->handle(request);
  };
  for (const char* what : {"exec?command=ls&stdout=true", "attach?stdout=true", "portforward"}) {
    for (const char* method : {"GET", "POST"}) {
      const Value refused = expect(403, ask(method, pod + "/" + what, true));
      EXPECT_EQ(refused.at("reason").string_or(), "Forbidden") << what;
      EXPECT_EQ(refused.at("details").at("name").string_or(), "wf-2");
    }
    EXPECT_EQ(expect(400, ask("POST", pod + "/" + what, false)).at("message").string_or(), "Upgrade request required");
  }
  EXPECT_EQ(expect(400, ask("POST", pod + "/exec?container=side", true)).at("message").string_or(),
            "container side is not valid for pod wf-2");
  expect(404, ask("POST", "/api/v1/namespaces/kubeflow/pods/none/exec", true));
  expect(403, ask("PATCH", pod + "/ephemeralcontainers", false));
  expect(403, ask("POST", pod + "/eviction", false));
  expect(403, ask("GET", pod + "/proxy", false));
  expect(403, ask("GET", pod + "/proxy/metrics/proxy/x", false));
  expect(404, ask("GET", "/api/v1/namespaces/proxy/a/b/c/d", false));
  expect(404, ask("POST", pod + "/nothing", false));
  EXPECT_EQ(expect(200, ask("GET", pod + "/status", false)), expect(200, ask("GET", pod, false)));
  expect(404, ask("PUT", pod + "/status", false));
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

TEST_F(KubeTest, HasNoDefinitionsOfCustomResources) {
  const Value list = expect(200, send("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"));
  EXPECT_EQ(list.at("kind").string_or(), "CustomResourceDefinitionList");
  EXPECT_EQ(list.at("items").size(), 0u);
  expect(404, send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "{}"));
  expect(404, send("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x"));
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

}  // namespace
}  // namespace millrace::kube
