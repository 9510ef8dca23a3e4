// Runs over the KFP API: what is shown of them, and what may be done when.

#include <filesystem>

#include <gmock/gmock.h>

#include "base/encode.h"
#include "pipelines/api/api_for_tests.h"

namespace millrace::pipelines::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RunsTest : public ApiTest {
 protected:
  std::vector<std::string> found(std::string_view key, const Value& operation, std::string_view kind,
                                 const Value& value) {
    const Value predicate =
        Value::object({{"key", std::string(key)}, {"operation", operation}, {std::string(kind), value}});
    const Value filter = Value::object({{"predicates", Value::array({predicate})}});
    return names(get("/runs?sort_by=name&filter=" + percent_encode(to_json(filter))), "runs");
  }
  std::string start(std::string_view name, const Value& pipeline, const Value& more = Value::object()) {
    Value body = Value::object({{"display_name", std::string(name)}, {"pipeline_spec", pipeline}});
    for (const auto& [key, value] : more.members()) body.set(key, value);
    return made(post("/runs", body), "run_id");
  }
};

TEST_F(RunsTest, TellOfEachAttempt) {
  const auto tries = world_.path() / "tries";
  const std::string id = start(
      "r", make_pipeline(
               {{"a", fmt::format("echo x >> {0}; wc -l < {0}; test $(wc -l < {0}) -ge 3", tries.string()), {}, 5}}));
  EXPECT_EQ(world_.end_of(id).state, "SUCCEEDED");
  const Value details = get("/runs/" + id).body["run_details"]["task_details"];
  const Value& task = details.items().at(1);
  std::vector<std::string> states;
  std::string before;
  for (const Value& entry : task["state_history"].items()) {
    states.push_back(entry["state"].string_or());
    EXPECT_LE(before, entry["update_time"].string_or());
    before = entry["update_time"].string_or();
    EXPECT_EQ(entry.has("error"), states.back() == "FAILED");
  }
  EXPECT_THAT(states, ElementsAre("PENDING", "RUNNING", "FAILED", "PENDING", "RUNNING", "FAILED", "PENDING", "RUNNING",
                                  "SUCCEEDED"));
  EXPECT_EQ(task["parent_task_id"].string_or(), "root");
  const std::string pod = task["pod_name"].string_or();
  const Value detail = Value::object({{"main_job", pod}, {"failed_main_jobs", Value::array({pod + ".1", pod + ".2"})}});
  EXPECT_EQ(task["executor_detail"], detail) << to_json(task["executor_detail"]);
  for (const auto& [node, text] : {std::pair(pod, "3\n"), std::pair(pod + ".1", "1\n"), std::pair(pod + ".2", "2\n")})
    EXPECT_EQ(get(fmt::format("/runs/{}/nodes/{}/log", id, node)).text, text) << node;
  for (const char* attempt : {".0", ".3", ".x", "."})
    EXPECT_EQ(get(fmt::format("/runs/{}/nodes/{}{}/log", id, pod, attempt)).status, 404) << attempt;
  EXPECT_EQ(details.items().at(0)["child_tasks"].items().at(0), Value::object({{"pod_name", task["pod_name"]}}));
}

TEST_F(RunsTest, AreTerminatedOnceAndStoppedBeforeTheyAreDeleted) {
  const std::string id = start("r", make_pipeline({{"a", "exec sleep 60"}}));
  ASSERT_TRUE(world_.eventually([&] { return world_.run(id).state == "RUNNING"; }));
  EXPECT_EQ(post("/runs/" + id + ":terminate").status, 200);
  const Answer twice = post("/runs/" + id + ":terminate");
  EXPECT_EQ(twice.status, 400);
  EXPECT_EQ(twice.body["code"].int_or(0), 9);
  EXPECT_EQ(world_.end_of(id).state, "FAILED");
  EXPECT_EQ(post("/runs/" + id + ":terminate").status, 400);

  const std::string going = start("r", make_pipeline({{"a", "exec sleep 60"}}));
  ASSERT_TRUE(world_.eventually([&] { return world_.run(going).state == "RUNNING"; }));
  const auto files = world_.path() / "pipelines" / "runs" / going;
  EXPECT_TRUE(std::filesystem::exists(files));
  EXPECT_EQ(remove("/runs/" + going).status, 200);
  EXPECT_EQ(get("/runs/" + going).status, 404);
  EXPECT_FALSE(std::filesystem::exists(files)) << "its logs go with it";
}

TEST_F(RunsTest, AreFoundByEachKey) {
  const std::string experiment = made(post("/experiments", Value::object({{"display_name", "e"}})), "experiment_id");
  const std::string pipeline = made(upload("/pipelines/upload?name=p", "p.json", to_json(pipeline_)), "pipeline_id");
  const std::string version = get("/pipelines/" + pipeline + "/versions")
                                  .body["pipeline_versions"]
                                  .items()
                                  .at(0)["pipeline_version_id"]
                                  .string_or();
  const std::string one =
      start("one", pipeline_, Value::object({{"experiment_id", experiment}, {"description", "first"}}));
  const std::string two =
      made(post("/runs", Value::object({{"display_name", "two"},
                                        {"service_account", "me"},
                                        {"pipeline_version_reference", Value::object({{"pipeline_id", pipeline}})}})),
           "run_id");
  const std::string three = start("three", make_pipeline({{"a", "exit 1"}}));
  for (const std::string& id : {one, two, three}) world_.end_of(id);
  EXPECT_EQ(post("/runs/" + one + ":archive").status, 200);

  EXPECT_THAT(found("run_id", "EQUALS", "string_value", one), ElementsAre("one"));
  EXPECT_THAT(found("id", 1, "stringValue", two), ElementsAre("two"));
  EXPECT_THAT(found("display_name", "IN", "string_values", Value::object({{"values", Value::array({"one", "two"})}})),
              ElementsAre("one", "two"));
  EXPECT_THAT(found("name", 9, "string_value", "T"), ElementsAre("three", "two"));
  EXPECT_THAT(found("description", "EQUALS", "string_value", "first"), ElementsAre("one"));
  EXPECT_THAT(found("storage_state", "EQUALS", "string_value", "ARCHIVED"), ElementsAre("one"));
  EXPECT_THAT(found("storage_state", "NOT_EQUALS", "string_value", "ARCHIVED"), ElementsAre("three", "two"));
  EXPECT_THAT(found("state", "EQUALS", "string_value", "FAILED"), ElementsAre("three"));
  EXPECT_THAT(found("status", "EQUALS", "string_value", "SUCCEEDED"), ElementsAre("one", "two"));
  EXPECT_THAT(found("experiment_id", "EQUALS", "string_value", experiment), ElementsAre("one"));
  EXPECT_THAT(found("pipeline_id", "EQUALS", "string_value", pipeline), ElementsAre("two"));
  EXPECT_THAT(found("pipeline_version_id", "EQUALS", "string_value", version), ElementsAre("two"));
  EXPECT_THAT(found("service_account", "EQUALS", "string_value", "me"), ElementsAre("two"));
  EXPECT_THAT(found("namespace", "EQUALS", "string_value", ""), ElementsAre("one", "three", "two"));
  for (const char* key : {"created_at", "scheduled_at", "finished_at"}) {
    EXPECT_THAT(found(key, "GREATER_THAN", "timestamp_value", "2001-01-01T00:00:00Z"),
                ElementsAre("one", "three", "two"));
    EXPECT_THAT(found(key, 6, "timestampValue", "2001-01-01T00:00:00Z"), IsEmpty());
  }
  EXPECT_THAT(names(get("/runs?experiment_id=" + experiment), "runs"), ElementsAre("one"));
  for (const char* sort_by :
       {"run_id", "id", "description", "storage_state", "state", "status", "namespace", "experiment_id", "created_at",
        "scheduled_at%20desc", "finished_at%20DESC", "pipeline_id", "service_account"})
    EXPECT_EQ(names(get(fmt::format("/runs?sort_by={}", sort_by)), "runs").size(), 3u) << sort_by;

  // A list has what the run itself has, but for its details.
  const Answer all = get("/runs");
  for (const Value& listed : all.body["runs"].items()) {
    Value whole = get("/runs/" + listed["run_id"].string_or()).body;
    whole.erase("run_details");
    EXPECT_EQ(listed, whole) << to_json(listed) << to_json(whole);
    EXPECT_NE(listed.has("pipeline_spec"), listed.has("pipeline_version_reference"));
  }
}

TEST_F(RunsTest, TakeEscapesASecondTimeAndLeaveAPlusAlone) {
  start("a+b c", pipeline_);
  const std::string plus = R"({"predicates":[{"operation":"EQUALS","key":"name","string_value":"a+b c"}]})";
  EXPECT_EQ(get("/runs?filter=" + percent_encode(plus)).body["total_size"].int_or(0), 1);
  // As upstream's users write it, and as its page sends it.
  const std::string escaped = R"({"predicates":[{"operation":"EQUALS","key":"name","string_value":"a%2Bb%20c"}]})";
  EXPECT_EQ(get("/runs?filter=" + percent_encode(escaped)).body["total_size"].int_or(0), 1);
  EXPECT_EQ(get("/runs?filter=" + percent_encode(percent_encode(plus))).body["total_size"].int_or(0), 1);
  const std::string percent = R"({"predicates":[{"operation":"EQUALS","key":"name","string_value":"100%"}]})";
  start("100%", pipeline_);
  EXPECT_EQ(get("/runs?filter=" + percent_encode(percent)).body["total_size"].int_or(0), 1);
}

TEST_F(RunsTest, SayWhatUpstreamSays) {
  const Answer created =
      post("/runs",
           Value::object({{"display_name", "r"}, {"pipeline_spec", pipeline_}, {"plugins_input", Value::object()}}));
  const std::string id = made(created, "run_id");
  EXPECT_EQ(created.body["service_account"].string_or(), "pipeline-runner");
  EXPECT_EQ(created.body["finished_at"].string_or(), "1970-01-01T00:00:00Z");
  EXPECT_EQ(created.body["scheduled_at"], created.body["created_at"]);
  world_.end_of(id);
  const Value run = get("/runs/" + id).body;
  EXPECT_NE(run["finished_at"].string_or(), "1970-01-01T00:00:00Z");
  EXPECT_EQ(get("/experiments/" + run["experiment_id"].string_or()).body["last_run_created_at"], run["created_at"]);
  const Answer plugins =
      post("/runs", Value::object({{"display_name", "r"},
                                   {"pipeline_spec", pipeline_},
                                   {"plugins_input", Value::object({{"mlflow", Value::object()}})}}));
  EXPECT_EQ(plugins.status, 501);
  EXPECT_THAT(plugins.body["message"].string_or(), HasSubstr("plugins"));
  const Answer large = world_.send("POST", "/apis/v2beta1/runs", std::string((32u << 20) + 1, ' '));
  EXPECT_EQ(large.status, 400);
  EXPECT_THAT(large.body["message"].string_or(), HasSubstr("32 MiB"));
  EXPECT_EQ(get("/auth?namespace=n&resources=VIEWERS&verb=GET").status, 200);
  for (const char* query : {"resources=VIEWERS&verb=GET", "namespace=n&verb=GET", "namespace=n&resources=VIEWERS", ""})
    EXPECT_EQ(get(fmt::format("/auth?{}", query)).status, 400) << query;
}

}  // namespace
}  // namespace millrace::pipelines::api
