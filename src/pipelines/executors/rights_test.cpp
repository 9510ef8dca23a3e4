#include "pipelines/executors/rights.h"

#include <gtest/gtest.h>

namespace millrace::pipelines::executors {
namespace {

const Value kParameters = Value::object({{"which", "chosen"}, {"number", 3}, {"list", Value::array({"in-a-list"})}});

PipelineSpec pipeline(const std::vector<Executor>& executors) {
  PipelineSpec out;
  for (std::size_t i = 0; i < executors.size(); ++i) out.executors["e" + std::to_string(i)] = executors[i];
  return out;
}
Executor with_secret(const std::string& name, const std::string& variable = "PW") {
  Executor out;
  out.env_from_keys.push_back({true, {Value(name)}, false, {{"key", variable}}});
  return out;
}
Executor with_claim(const std::string& name) {
  Executor out;
  out.volumes.push_back({VolumeMount::Kind::claim, {Value(name)}, "", "/v"});
  return out;
}
Executor with_config_map_files(const std::string& name) {
  Executor out;
  out.files_from_keys.push_back({false, {Value(name)}, false, "/etc/c"});
  return out;
}
Executor with_any_secret() {
  Executor out;
  out.env_from_keys.push_back({true, {Value(), 0}, false, {{"key", "PW"}}});
  return out;
}
Rights of(const PipelineSpec& spec, const Rights* own = nullptr) {
  return rights_for_children(spec, {"parent", "account", "minio://root", kParameters}, own);
}

TEST(Rights, AreWhatThePipelineNames) {
  const Rights rights = of(pipeline({with_secret("s"), with_claim("c"), with_config_map_files("m")}));
  EXPECT_EQ(rights.secrets, std::set<std::string>{"s"});
  EXPECT_EQ(rights.claims, std::set<std::string>{"c"});
  EXPECT_EQ(rights.config_maps, std::set<std::string>{"m"});
  EXPECT_EQ(rights.runs, std::vector<std::string>{"parent"});
  EXPECT_EQ(rights.service_account, "account");
  EXPECT_EQ(rights.pipeline_root, "minio://root");
  EXPECT_TRUE(rights.node_role);
}

TEST(Rights, HoldWhatParametersNameWhereTheyMay) {
  EXPECT_EQ(of(pipeline({with_any_secret()})).secrets, (std::set<std::string>{"chosen", "in-a-list"}));
  EXPECT_TRUE(of(pipeline({with_secret("s")})).claims.empty());
}

TEST(Rights, GrowWithNoGeneration) {
  const Rights first = of(pipeline({with_secret("s"), with_claim("c")}));
  const Rights second =
      rights_for_children(pipeline({with_any_secret(), with_secret("s"), with_secret("t"), with_claim("d")}),
                          {"child", "account", "", kParameters}, &first);
  EXPECT_EQ(second.secrets, std::set<std::string>{"s"});
  EXPECT_TRUE(second.claims.empty());
  EXPECT_EQ(second.runs, (std::vector<std::string>{"parent", "child"}));
  EXPECT_TRUE(second.descends_from("parent"));
  EXPECT_FALSE(second.descends_from("stranger"));
}

TEST(Rights, HaveTheNodesRoleOnlyWhereATaskBringsNoKeys) {
  const Executor keys = with_secret("aws", "AWS_ACCESS_KEY_ID");
  EXPECT_FALSE(of(pipeline({keys})).node_role);
  EXPECT_TRUE(of(pipeline({keys, with_secret("s")})).node_role);
  const Rights none = of(pipeline({keys}));
  EXPECT_FALSE(of(pipeline({with_secret("s")}), &none).node_role);
}

TEST(Rights, AreCheckedAgainstWhatAPipelineNames) {
  const Rights rights = of(pipeline({with_secret("s"), with_claim("c")}));
  EXPECT_TRUE(check_rights(rights, pipeline({with_secret("s"), with_claim("c")})));
  EXPECT_TRUE(check_rights(rights, pipeline({with_any_secret()})));  // known when it runs
  for (const Executor& executor : {with_secret("other"), with_claim("other"), with_config_map_files("other")}) {
    const Status refused = check_rights(rights, pipeline({with_secret("s"), executor}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::permission_denied);
    EXPECT_NE(refused.error().message.find("\"other\""), std::string::npos) << refused.error().message;
  }
}

TEST(Rights, AreCheckedByNameWhenATaskStarts) {
  const Rights rights = of(pipeline({with_secret("s")}));
  EXPECT_TRUE(check_named(nullptr, Named::secret, "any"));
  EXPECT_TRUE(check_named(&rights, Named::secret, "s"));
  EXPECT_FALSE(check_named(&rights, Named::config_map, "s"));
  EXPECT_FALSE(check_named(&rights, Named::claim, "s"));
}

TEST(Rights, LetImportWhatTheFamilyMade) {
  Rights rights = of(pipeline({with_secret("s")}));
  for (const char* uri : {"minio://b/p/parent/t/1/o", "minio://b/p/me/t/1/o", "s3://bucket/key"})
    EXPECT_TRUE(check_import(&rights, "me", uri)) << uri;
  rights.node_role = false;
  for (const char* uri : {"minio://b/p/other/t/1/o", "/etc/passwd", "file:///me/x", "minio://b/me/../other/o",
                          "s3://bucket/key", "minio://b/p/parent-not/o"})
    EXPECT_FALSE(check_import(&rights, std::string(uri).starts_with("file") ? "you" : "me", uri)) << uri;
  EXPECT_TRUE(check_import(nullptr, "me", "/etc/passwd"));  // a person's: refused by others where need be
}

TEST(Rights, LetBringToS3OnlyWithTheNodesRole) {
  const Value artifacts = Value::object(
      {{"o", Value::object({{"artifacts", Value::array({Value::object({{"uri", "s3://bucket/key"}})})}})}});
  Rights rights;
  EXPECT_FALSE(check_stores(&rights, artifacts));
  rights.node_role = true;
  EXPECT_TRUE(check_stores(&rights, artifacts));
  EXPECT_TRUE(check_stores(nullptr, artifacts));
}

TEST(Rights, AreReadAsTheyWereWritten) {
  const Rights rights = of(pipeline({with_secret("s"), with_claim("c"), with_config_map_files("m")}));
  const Rights read = rights_from(to_value(rights));
  EXPECT_EQ(read.secrets, rights.secrets);
  EXPECT_EQ(read.config_maps, rights.config_maps);
  EXPECT_EQ(read.claims, rights.claims);
  EXPECT_EQ(read.runs, rights.runs);
  EXPECT_EQ(read.service_account, rights.service_account);
  EXPECT_EQ(read.pipeline_root, rights.pipeline_root);
  EXPECT_EQ(read.node_role, rights.node_role);
  const Rights nothing = rights_from(Value());
  EXPECT_TRUE(nothing.secrets.empty() && nothing.runs.empty() && !nothing.node_role);
}

}  // namespace
}  // namespace millrace::pipelines::executors
