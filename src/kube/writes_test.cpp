#include "kube/writes.h"

#include "kube/kube_fixture.h"

namespace millrace::kube {
namespace {

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

TEST_F(KubeTest, KeepsWhatHasFinalizers) {
  expect(422, send("POST", kSecrets, R"({"metadata":{"name":"held","finalizers":["hold"]}})"));
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

}  // namespace
}  // namespace millrace::kube
