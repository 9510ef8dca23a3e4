// Who may use what: a step of a pipeline has the rights of its run, and no more.

#include <gmock/gmock.h>

#include "pipelines/api/api_for_tests.h"

namespace millrace::pipelines::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

Value secret(std::string_view name, std::string_view kind = "secretAsEnv", std::string_view member = "secretName") {
  Value entry = Value::object({{std::string(member), std::string(name)}});
  if (kind == "pvcMount") entry.set("mountPath", "/v");
  return Value::object({{std::string(kind), Value::array({std::move(entry)})}});
}

// A pipeline of one step, with a setting of the Kubernetes platform.
Value with_platform(const Value& spec, const Value& setting, std::string_view executor = "exec-a") {
  Value executors = Value::object({{std::string(executor), setting}});
  Value deployment = Value::object({{"deploymentSpec", Value::object({{"executors", std::move(executors)}})}});
  Value platform = Value::object({{"platforms", Value::object({{"kubernetes", std::move(deployment)}})}});
  return Value::object({{"pipeline_spec", spec}, {"platform_spec", std::move(platform)}});
}

class AccessTest : public ApiTest {
 protected:
  static Value body(const Value& spec) { return Value::object({{"display_name", "r"}, {"pipeline_spec", spec}}); }
  std::string start(const Value& spec) { return made(post("/runs", body(spec)), "run_id"); }
  // A run that is under way until the world is closed, and a step of which asks from here on.
  std::string be_step_of(const Value& spec) {
    const std::string id = start(spec);
    world_.caller = Caller::of_run(id);
    return id;
  }
  void be_person() { world_.caller = {}; }
  const Value waits_ = make_pipeline({{"a", "sleep 100"}});
  const Value ends_ = make_pipeline({{"a", "true"}});
};

struct Right {
  const char *method, *target;
  bool step, foreign;  // with the step's own run, and with another's
};

// {run}: the run asked for. Anything but 403 is a yes: what else is wrong with a request is another test's.
constexpr Right kRights[] = {
    {"GET", "/healthz", true, true},
    {"POST", "/experiments", true, true},
    {"GET", "/experiments", true, true},
    {"GET", "/experiments/x", true, true},
    {"DELETE", "/experiments/x", false, false},
    {"POST", "/experiments/x:archive", false, false},
    {"POST", "/experiments/x:unarchive", false, false},
    {"POST", "/runs", true, true},
    {"GET", "/runs", true, true},
    {"GET", "/runs/{run}", true, false},
    {"DELETE", "/runs/{run}", false, false},
    {"POST", "/runs/{run}:retry", false, false},
    {"POST", "/runs/{run}:archive", true, false},
    {"POST", "/runs/{run}:unarchive", true, false},
    {"GET", "/runs/{run}/visualizations", true, false},
    {"GET", "/runs/{run}/nodes/x/log", true, false},
    {"GET", "/runs/{run}/nodes/x/artifacts/o:read", true, false},
    {"POST", "/recurringruns", false, false},
    {"GET", "/recurringruns", false, false},
    {"GET", "/recurringruns/x", false, false},
    {"DELETE", "/recurringruns/x", false, false},
    {"POST", "/recurringruns/x:enable", false, false},
    {"POST", "/recurringruns/x:disable", false, false},
    {"GET", "/artifacts", true, true},
    {"GET", "/artifacts/1", true, true},
    {"GET", "/artifacts/1:download", true, true},
    {"GET", "/artifacts/1:files", true, true},
    {"GET", "/auth", true, true},
    {"POST", "/pipelines", true, true},
    {"POST", "/pipelines/create", true, true},
    {"POST", "/pipelines/upload", true, true},
    {"POST", "/pipelines/upload_version", true, true},
    {"GET", "/pipelines", true, true},
    {"GET", "/pipelines/x", true, true},
    {"GET", "/pipelines/names/x", true, true},
    {"PATCH", "/pipelines/x", false, false},
    {"DELETE", "/pipelines/x", false, false},
    {"GET", "/pipelines/x/versions", true, true},
    {"POST", "/pipelines/x/versions", true, true},
    {"GET", "/pipelines/x/versions/y", true, true},
    {"PATCH", "/pipelines/x/versions/y", false, false},
    {"DELETE", "/pipelines/x/versions/y", false, false},
    {"POST", "/runs/{run}:terminate", true, false},  // last: the step's run ends
};
constexpr Right kOldRights[] = {
    {"GET", "/runs/{run}", true, false},
    {"GET", "/runs", true, true},
    {"POST", "/runs", true, true},
    {"DELETE", "/runs/{run}", false, false},
    {"POST", "/runs/{run}/retry", false, false},
    {"POST", "/runs/{run}:archive", true, false},
    {"POST", "/runs/{run}:unarchive", true, false},
    {"POST", "/runs/{run}:reportMetrics", true, false},
    {"GET", "/runs/{run}/nodes/x/log", true, false},
    {"GET", "/runs/{run}/nodes/x/artifacts/o:read", true, false},
    {"POST", "/jobs", false, false},
    {"GET", "/jobs", false, false},
    {"GET", "/jobs/x", false, false},
    {"DELETE", "/jobs/x", false, false},
    {"POST", "/jobs/x/enable", false, false},
    {"POST", "/jobs/x/disable", false, false},
    {"DELETE", "/pipelines/x", false, false},
    {"POST", "/pipelines/x/default_version/y", false, false},
    {"GET", "/pipelines/x/templates", true, true},
    {"DELETE", "/pipeline_versions/y", false, false},
    {"POST", "/runs/{run}/terminate", true, false},
};

TEST_F(AccessTest, OfEachOperationIsTheRuns) {
  const std::string other = start(waits_), own = be_step_of(waits_);
  const auto allowed = [&](std::string_view root, const Right& right, const std::string& run) {
    std::string target = std::string(root) + right.target;
    if (const auto at = target.find("{run}"); at != std::string::npos) target.replace(at, 5, run);
    return world_.send(right.method, target, "{}").status != 403;
  };
  for (const auto& [root, rights] :
       {std::pair{std::string_view("/apis/v2beta1"), std::span<const Right>(kRights)},
        std::pair{std::string_view("/apis/v1beta1"), std::span<const Right>(kOldRights)}}) {
    for (const Right& right : rights) {
      EXPECT_EQ(allowed(root, right, other), right.foreign) << root << " " << right.method << " " << right.target;
      EXPECT_EQ(allowed(root, right, own), right.step) << root << " " << right.method << " " << right.target << " own";
      world_.caller = Caller{Caller::Kind::stranger};
      EXPECT_EQ(allowed(root, right, own), std::string_view(right.target) == "/healthz") << right.target << " stranger";
      world_.caller = Caller::of_run(own);
    }
  }
  EXPECT_EQ(world_.send("GET", "/artifacts/minio/mlpipeline/v2/x").status, 403);
  be_person();
  EXPECT_NE(world_.run(other).state, "FAILED");
}

TEST_F(AccessTest, IsNobodysWhereTheApiIsClosed) {
  world_.close();
  world_.task_api = TaskApi::closed;
  world_.open();
  const std::string own = be_step_of(waits_);
  const Answer refused = get("/runs/" + own);
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.text, HasSubstr("--task-api=closed"));
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(AccessTest, ListsAndCountsShowTheFamilyAlone) {
  const std::string other = start(waits_), own = be_step_of(waits_);
  const std::string child = start(ends_);
  world_.caller = Caller::of_run(child);
  const std::string grandchild = start(ends_);
  world_.caller = Caller::of_run(own);
  for (const char* root : {"/apis/v2beta1", "/apis/v1beta1"}) {
    const Answer answer = world_.get(std::string(root) + "/runs");
    std::vector<std::string> ids;
    for (const Value& run : answer.body["runs"].items()) ids.push_back(run["run_id"].string_or(run["id"].string_or()));
    EXPECT_THAT(ids, UnorderedElementsAre(own, child, grandchild)) << root;
    EXPECT_EQ(answer.body["total_size"].int_or(0), 3) << root;
  }
  EXPECT_EQ(get("/runs/" + grandchild).status, 200);
  world_.caller = Caller::of_run(child);
  EXPECT_EQ(get("/runs/" + own).status, 403) << "a run does not see the one that started it";
  EXPECT_EQ(get("/runs/" + grandchild).status, 200);
  be_person();
  EXPECT_EQ(get("/runs").body["total_size"].int_or(0), 4);
}

TEST_F(AccessTest, ARunStartedByAStepHasWhatThePipelineOfThatStepWasGiven) {
  be_step_of(with_platform(waits_, secret("mine")));
  EXPECT_EQ(post("/runs", body(with_platform(ends_, secret("mine")))).status, 200);
  for (const auto& [kind, member] :
       {std::pair{"secretAsEnv", "secretName"}, std::pair{"configMapAsEnv", "configMapName"}}) {
    const Answer refused = post("/runs", body(with_platform(ends_, secret("other", kind, member))));
    EXPECT_EQ(refused.status, 403) << kind;
    EXPECT_THAT(refused.text, HasSubstr("\\\"other\\\"")) << kind;
  }
  Value run = body(ends_);
  EXPECT_EQ(post("/runs", Value(run).set("service_account", "admin")).status, 403);
  EXPECT_EQ(
      post("/runs", Value(run).set("runtime_config", Value::object({{"pipeline_root", "minio://elsewhere/x"}}))).status,
      403);
  EXPECT_EQ(post("/runs", run).status, 200);
}

TEST_F(AccessTest, NoWayLeadsRoundIt) {
  be_person();
  const Value wants = with_platform(ends_, secret("other"));
  const std::string stored = made(upload("/pipelines/upload?name=stored", "p.json", to_json(wants)), "pipeline_id");
  be_step_of(waits_);
  const auto reference = [](const std::string& id) {
    return Value::object({{"display_name", "r"}, {"pipeline_version_reference", Value::object({{"pipeline_id", id}})}});
  };
  EXPECT_EQ(post("/runs", reference(stored)).status, 403) << "a pipeline that people have stored";
  const std::string own = made(upload("/pipelines/upload?name=own", "p.json", to_json(wants)), "pipeline_id");
  EXPECT_EQ(post("/runs", reference(own)).status, 403) << "one that the step has stored";
  EXPECT_EQ(upload("/pipelines/upload_version?name=v2&pipelineid=" + stored, "p.json", to_json(ends_)).status, 403)
      << "a newer version of a pipeline of people's";
  EXPECT_EQ(upload("/pipelines/upload_version?name=v2&pipelineid=" + own, "p.json", to_json(ends_)).status, 200);
  EXPECT_EQ(post("/runs", reference(own)).status, 200) << "the newest version wants nothing";
  Value old = Value::object({{"name", "r"}, {"pipeline_spec", Value::object({{"pipeline_manifest", to_json(wants)}})}});
  EXPECT_EQ(world_.post("/apis/v1beta1/runs", old).status, 403) << "the older API";
}

TEST_F(AccessTest, GenerationsComeToAnEnd) {
  be_step_of(waits_);
  int generations = 0;
  for (; generations < 100; ++generations) {
    const Answer answer = post("/runs", body(waits_));
    if (answer.status != 200) {
      EXPECT_EQ(answer.status, 403);
      EXPECT_THAT(answer.text, HasSubstr("generations"));
      break;
    }
    world_.caller = Caller::of_run(answer.body["run_id"].string_or());
  }
  EXPECT_EQ(generations, 16);
}

TEST_F(AccessTest, WhatAStepStartsHasACacheOfItsOwn) {
  Value cached = ends_;
  cached.child("root").child("dag").child("tasks").child("a").set("cachingOptions",
                                                                  Value::object({{"enableCache", true}}));
  EXPECT_FALSE(world_.task(world_.end_of(start(cached)).id, "a").cached);
  EXPECT_TRUE(world_.task(world_.end_of(start(cached)).id, "a").cached);
  const std::string parent = be_step_of(waits_);
  EXPECT_FALSE(world_.task(world_.end_of(start(cached)).id, "a").cached) << "people's runs may have had more rights";
  EXPECT_TRUE(world_.task(world_.end_of(start(cached)).id, "a").cached);
  be_step_of(waits_);
  (void)parent;
  EXPECT_FALSE(world_.task(world_.end_of(start(cached)).id, "a").cached);
}

}  // namespace
}  // namespace millrace::pipelines::api
