#include "pipelines/api/v1beta1/routes.h"

#include <gtest/gtest.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/yaml.h"
#include "pipelines/api/api_for_tests.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

// What the SDK 1.8 makes of two tasks, a condition and a loop.
constexpr std::string_view kWorkflow = R"yaml(apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: greet-
  annotations: {pipelines.kubeflow.org/pipeline_spec: '{"name": "greet people"}'}
spec:
  entrypoint: greet
  arguments: {parameters: [{name: word, value: hello}]}
  templates:
  - name: greet
    inputs: {parameters: [{name: word}]}
    dag:
      tasks:
      - name: say
        template: say
        arguments: {parameters: [{name: word, value: '{{inputs.parameters.word}}'}]}
      - name: each
        template: hear
        dependencies: [say]
        withItems: [a, b]
        arguments:
          parameters: [{name: said, value: '{{tasks.say.outputs.parameters.say-out}}{{item}}'}]
          artifacts: [{name: file, raw: {data: 'of {{item}}'}}]
      - name: never
        template: say
        when: '"{{inputs.parameters.word}}" == "other"'
        arguments: {parameters: [{name: word, value: x}]}
  - name: say
    inputs: {parameters: [{name: word}]}
    container:
      image: alpine
      command: [sh, -c]
      args: ['echo "{{inputs.parameters.word}}" > /tmp/out']
    outputs:
      parameters: [{name: say-out, valueFrom: {path: /tmp/out}}]
      artifacts: [{name: say-out, path: /tmp/out}]
  - name: hear
    inputs:
      parameters: [{name: said}]
      artifacts: [{name: file, path: /tmp/in}]
    container:
      image: alpine
      command: [sh, -c]
      args: ['test "{{inputs.parameters.said}} $(cat /tmp/in)" = "helloa of a" || test "$(cat /tmp/in)" = "of b"']
)yaml";

class V1beta1Test : public ApiTest {
 protected:
  Answer old_get(std::string_view target) { return world_.get(fmt::format("/apis/v1beta1{}", target)); }
  Answer old_post(std::string_view target, const Value& body = Value::object()) {
    return world_.post(fmt::format("/apis/v1beta1{}", target), body);
  }
  Answer old_remove(std::string_view target) { return world_.send("DELETE", fmt::format("/apis/v1beta1{}", target)); }

  static Value run_of(Value spec, Value references = Value::array()) {
    return Value::object(
        {{"name", "r"}, {"pipeline_spec", std::move(spec)}, {"resource_references", std::move(references)}});
  }
  static Value reference(std::string_view type, const std::string& id) {
    return Value::object({{"key", Value::object({{"type", type}, {"id", id}})}, {"relationship", "OWNER"}});
  }
  Value manifest() const { return Value::object({{"workflow_manifest", to_json(workflow_)}}); }
  std::string start(const Value& run) {
    const Answer answer = old_post("/runs", run);
    EXPECT_EQ(answer.status, 200) << answer.text;
    return answer.body["run"]["id"].string_or();
  }
  Value end_of(const std::string& id) {
    world_.end_of(id);
    return old_get("/runs/" + id).body;
  }
  const Value workflow_ = *parse_yaml(kWorkflow);
};

TEST_F(V1beta1Test, an_experiment_of_one_door_is_seen_at_the_other) {
  const Answer made = old_post("/experiments", Value::object({{"name", "mine"}, {"description", "d"}}));
  const std::string id = made.body["id"].string_or();
  EXPECT_EQ(made.body["storage_state"].string_or(), "STORAGESTATE_AVAILABLE") << made.text;
  EXPECT_EQ(get("/experiments/" + id).body["display_name"].string_or(), "mine");
  const std::string other =
      post("/experiments", Value::object({{"display_name", "theirs"}})).body["experiment_id"].string_or();
  EXPECT_EQ(old_get("/experiments/" + other).body["name"].string_or(), "theirs");
  EXPECT_EQ(old_post("/experiments", Value::object({{"name", "mine"}})).status, 409);

  const auto filtered = [&](std::string_view filter) {
    const Answer answer = old_get(fmt::format("/experiments?filter={}", percent_encode(filter)));
    EXPECT_EQ(answer.status, 200) << answer.text;
    return answer.body["experiments"].size();
  };
  EXPECT_EQ(filtered(R"({"predicates":[{"op":1,"key":"name","stringValue":"mine"}]})"), 1u);
  EXPECT_EQ(filtered(R"({"predicates":[{"op":"EQUALS","key":"name","string_value":"nobody"}]})"), 0u);
  EXPECT_EQ(old_post("/experiments/" + id + ":archive").status, 200);
  EXPECT_EQ(filtered(R"({"predicates":[{"op":1,"key":"storage_state","string_value":"STORAGESTATE_ARCHIVED"}]})"), 1u);
  EXPECT_EQ(old_get("/experiments?filter=%7B").status, 400);
  EXPECT_EQ(old_remove("/experiments/" + id).status, 200);
  EXPECT_EQ(old_get("/experiments/" + id).status, 404);
}

TEST_F(V1beta1Test, a_workflow_runs_and_shows_its_nodes) {
  Value spec = manifest();
  spec.set("parameters", Value::array({Value::object({{"name", "word"}, {"value", "hello"}})}));
  const Value detail = end_of(start(run_of(std::move(spec))));
  const Value& run = detail["run"];
  EXPECT_EQ(run["status"].string_or(), "Succeeded") << to_json(run);
  EXPECT_EQ(run["storage_state"].string_or(), "STORAGESTATE_AVAILABLE");
  EXPECT_EQ(to_json(run["pipeline_spec"]["parameters"]), R"([{"name":"word","value":"hello"}])");
  EXPECT_EQ(run["resource_references"].items()[0]["key"]["type"].string_or(), "EXPERIMENT");
  EXPECT_EQ(run["resource_references"].items()[0]["name"].string_or(), "Default");
  EXPECT_EQ(*parse_json(run["pipeline_spec"]["workflow_manifest"].string_or()), workflow_);

  const Value live = *parse_json(detail["pipeline_runtime"]["workflow_manifest"].string_or());
  EXPECT_EQ(live["spec"], workflow_["spec"]);
  EXPECT_EQ(live["status"]["phase"].string_or(), "Succeeded");
  std::map<std::string, Value> nodes;
  for (const auto& [id, node] : live["status"]["nodes"].members()) {
    EXPECT_EQ(node["id"].string_or(), id);
    nodes[node["displayName"].string_or()] = node;
  }
  EXPECT_EQ(nodes["never"]["type"].string_or(), "Skipped");
  EXPECT_EQ(nodes["say"]["type"].string_or(), "Pod");
  EXPECT_EQ(to_json(nodes["say"]["outputs"]["parameters"]), R"([{"name":"say-out","value":"hello"}])");
  EXPECT_EQ(to_json(nodes["say"]["children"]), fmt::format("[\"{}.each\"]", live["metadata"]["name"].string_or()));
  for (const auto& [name, node] : nodes) EXPECT_EQ(name.find("file-of"), std::string::npos);
}

TEST_F(V1beta1Test, an_output_that_was_not_written_fails_its_task) {
  Value lazy = workflow_;
  for (Value& one : lazy.child("spec").child("templates").as_array()) {
    if (one["name"].string_or() == "say") one.child("container").set("args", Value::array({"true"}));
  }
  const Value run = end_of(start(run_of(Value::object({{"workflow_manifest", to_json(lazy)}}))))["run"];
  EXPECT_EQ(run["status"].string_or(), "Failed");
  EXPECT_NE(run["error"].string_or().find("the output say-out was not written"), std::string::npos) << to_json(run);
}

TEST_F(V1beta1Test, what_runs_is_the_translation_and_the_newer_door_shows_it) {
  const std::string id = start(run_of(manifest()));
  world_.end_of(id);
  const Value run = get("/runs/" + id).body;
  EXPECT_EQ(run["pipeline_spec"]["pipeline_spec"]["pipelineInfo"]["displayName"].string_or(), "greet people");
  EXPECT_EQ(run["state"].string_or(), "SUCCEEDED");
  // It is taken over the newer API as well, with numbers for text.
  const std::string other = world_.start(workflow_, Value::object({{"word", 5}}));
  EXPECT_EQ(world_.end_of(other).state, "FAILED");
  EXPECT_EQ(old_get("/runs/" + other).body["run"]["status"].string_or(), "Failed");
}

TEST_F(V1beta1Test, a_pipeline_of_the_newer_sdk_is_shown_too) {
  const Value run = end_of(world_.start(pipeline_))["run"];
  EXPECT_TRUE(run["pipeline_spec"].has("pipeline_manifest"));
  EXPECT_EQ(to_json(run["pipeline_spec"]["parameters"]), R"([{"name":"word","value":"hello"}])");
}

TEST_F(V1beta1Test, the_default_version_is_the_newest_or_the_chosen_one) {
  const Answer made =
      world_.send("POST", "/apis/v1beta1/pipelines/upload?name=p",
                  "--b\r\nContent-Disposition: form-data; name=\"uploadfile\"; filename=\"p.yaml\"\r\n\r\n" +
                      std::string(kWorkflow) + "\r\n--b--\r\n",
                  "multipart/form-data; boundary=b");
  const std::string id = made.body["id"].string_or();
  EXPECT_EQ(to_json(made.body["parameters"]), R"([{"name":"word","value":"hello"}])") << made.text;
  const std::string first = made.body["default_version"]["id"].string_or();
  EXPECT_EQ((*parse_json(old_get("/pipelines/" + id + "/templates").body["template"].string_or()))["kind"].string_or(),
            "Workflow");
  const std::string second =
      upload(fmt::format("/pipelines/upload_version?pipelineid={}&name=two", id), "p.yaml", kWorkflow)
          .body["pipeline_version_id"]
          .string_or();
  const auto standard = [&] { return old_get("/pipelines/" + id).body["default_version"]["id"].string_or(); };
  EXPECT_EQ(standard(), second);
  EXPECT_EQ(old_post(fmt::format("/pipelines/{}/default_version/{}", id, first)).status, 200);
  EXPECT_EQ(standard(), first);
  const Value references = end_of(start(run_of(Value::object({{"pipeline_id", id}}))))["run"]["resource_references"];
  EXPECT_EQ(references.items()[1]["key"]["id"].string_or(), first);
  const Answer listed = old_get("/pipeline_versions?resource_key.type=PIPELINE&resource_key.id=" + id);
  EXPECT_EQ(listed.body["versions"].size(), 2u) << listed.text;
  EXPECT_EQ(listed.body["versions"].items()[0]["resource_references"].items()[0]["key"]["id"].string_or(), id);
  EXPECT_EQ(old_remove("/pipeline_versions/" + first).status, 200);
  EXPECT_EQ(standard(), second);
  EXPECT_EQ(old_get("/namespaces/kubeflow/pipelines/p").body["id"].string_or(), id);
  EXPECT_EQ(old_remove("/pipelines/" + id).status, 200);
  EXPECT_EQ(old_get("/pipelines/" + id).status, 404);
}

TEST_F(V1beta1Test, runs_are_listed_by_experiment_status_and_name) {
  const std::string experiment = old_post("/experiments", Value::object({{"name", "e"}})).body["id"].string_or();
  const std::string mine = start(run_of(manifest(), Value::array({reference("EXPERIMENT", experiment)})));
  const std::string other = start(run_of(manifest()));
  world_.end_of(mine);
  world_.end_of(other);
  const Answer listed = old_get("/runs?resource_reference_key.type=EXPERIMENT&resource_reference_key.id=" + experiment);
  ASSERT_EQ(listed.body["runs"].size(), 1u) << listed.text;
  EXPECT_EQ(listed.body["runs"].items()[0]["id"].string_or(), mine);
  const auto filtered = [&](std::string_view filter) {
    return old_get(fmt::format("/runs?filter={}", percent_encode(filter))).body["runs"].size();
  };
  EXPECT_EQ(filtered(R"({"predicates":[{"op":1,"key":"status","string_value":"Succeeded"}]})"), 2u);
  EXPECT_EQ(filtered(R"({"predicates":[{"op":1,"key":"name","string_value":"x"}]})"), 0u);
  EXPECT_EQ(old_get("/runs?page_size=1&sort_by=created_at%20desc").body["total_size"].int_or(0), 2);
}

TEST_F(V1beta1Test, metrics_are_reported_once) {
  const std::string id = start(run_of(manifest()));
  world_.end_of(id);
  const auto metric = [](std::string_view name, Value value) {
    return Value::object({{"name", name}, {"node_id", "n"}, {"number_value", std::move(value)}, {"format", "RAW"}});
  };
  const Value body = Value::object({{"metrics", Value::array({metric("a", 0.5), metric("a", 0.6), metric("b", "x")})}});
  const Answer answer = old_post("/runs/" + id + ":reportMetrics", body);
  ASSERT_EQ(answer.body["results"].size(), 3u) << answer.text;
  const auto status = [&](std::size_t i) { return answer.body["results"].items()[i]["status"].string_or(); };
  EXPECT_EQ(status(0) + " " + status(1) + " " + status(2), "OK DUPLICATE_REPORTING INVALID_ARGUMENT");
  EXPECT_EQ(to_json(old_get("/runs/" + id).body["run"]["metrics"]),
            R"([{"name":"a","node_id":"n","number_value":0.5,"format":"RAW"}])");
  EXPECT_EQ(old_post("/runs/none:reportMetrics", body).status, 404);
  EXPECT_EQ(old_remove("/runs/" + id).status, 200);
  EXPECT_EQ(old_get("/runs/" + id).status, 404);
}

TEST_F(V1beta1Test, what_is_wrong_is_said) {
  struct Case {
    Value run;
    int status;
    std::string_view sentence;
  };
  Value unknown = manifest(), missing = manifest();
  unknown.set("parameters", Value::array({Value::object({{"name", "nobody"}, {"value", "x"}})}));
  Value lacking = workflow_;
  lacking.child("spec").child("arguments").child("parameters").as_array()[0].erase("value");
  missing.set("workflow_manifest", to_json(lacking));
  const Case cases[] = {
      {run_of(Value::object()), 400, "needs a workflow_manifest"},
      {run_of(Value::object({{"workflow_manifest", "{"}})), 400, "pipeline_spec.workflow_manifest"},
      {run_of(Value::object({{"workflow_manifest", "{\"kind\": \"Pod\"}"}})), 400, "not a KFP pipeline"},
      {run_of(unknown), 400, "nobody"},
      {run_of(missing), 400, "word"},
      {run_of(Value::object({{"pipeline_id", "none"}})), 404, "Pipeline none not found"},
      {run_of(manifest(), Value::array({reference("EXPERIMENT", "none")})), 404, "Experiment none not found"},
      {Value::object({{"nmae", "r"}}), 400, "nmae"},
      {run_of(Value::object({{"runtime_config", "x"}})), 400, "runtime_config"},
      {run_of(Value::object({{"runtime_config", Value::object({{"parameters", "x"}})}})), 400, "parameters"},
      {run_of(Value::object({{"parameters", Value::array({Value(1)})}})), 400, "needs a workflow_manifest"},
  };
  for (const Case& c : cases) {
    const Answer answer = old_post("/runs", c.run);
    EXPECT_EQ(answer.status, c.status) << answer.text;
    EXPECT_NE(answer.text.find(c.sentence), std::string::npos) << answer.text;
  }
  EXPECT_EQ(old_get("/runs").body["total_size"].int_or(0), 0);
  EXPECT_EQ(old_get("/nothing").status, 404);
  EXPECT_EQ(old_remove("/healthz").status, 501);
  EXPECT_EQ(old_get("/jobs/x").status, 404);
}

TEST_F(V1beta1Test, jobs_are_recurring_runs) {
  const std::string experiment = old_post("/experiments", Value::object({{"name", "mine"}})).body["id"].string_or();
  const auto hourly = [](std::string_view until) {
    return Value::object(
        {{"periodic_schedule",
          Value::object({{"interval_second", "3600"}, {"start_time", "2026-01-02T00:00:00Z"}, {"end_time", until}})}});
  };
  Value workflow = workflow_;
  // Macros count in defaults, too.
  workflow.child("spec")
      .child("arguments")
      .set("parameters",
           Value::array({Value::object({{"name", "word"}, {"value", "[[Index]]-[[ScheduledTime.15h]]"}})}));
  const Value body = Value::object({{"name", "j"},
                                    {"enabled", true},
                                    {"max_concurrency", "2"},
                                    {"trigger", hourly("2026-01-02T02:00:00Z")},
                                    {"pipeline_spec", Value::object({{"workflow_manifest", to_json(workflow)}})},
                                    {"resource_references", Value::array({reference("EXPERIMENT", experiment)})}});
  const Answer job = old_post("/jobs", body);
  ASSERT_EQ(job.status, 200) << job.text;
  const std::string id = job.body["id"].string_or();
  EXPECT_EQ(job.body["status"].string_or(), "Enabled");
  EXPECT_EQ(job.body["mode"].string_or(), "ENABLED");
  EXPECT_EQ(job.body["trigger"], hourly("2026-01-02T02:00:00Z"));
  EXPECT_EQ(job.body["pipeline_spec"]["workflow_manifest"].string_or(), to_json(workflow));
  EXPECT_EQ(job.body["resource_references"].items().at(0)["name"].string_or(), "mine");
  EXPECT_EQ(old_get("/jobs/" + id).body, job.body);
  EXPECT_EQ(get("/recurringruns/" + id).body["experiment_id"].string_or(), experiment);

  const std::string mine = "/runs?sort_by=scheduled_at&resource_reference_key.type=JOB&resource_reference_key.id=" + id;
  ASSERT_TRUE(world_.eventually([&] { return old_get(mine).body["total_size"].int_or(0) == 2; }));
  const Answer runs = old_get(mine);
  for (std::size_t i = 0; i < 2; ++i) {
    const Value& run = runs.body["runs"].items().at(i);
    EXPECT_EQ(run["pipeline_spec"]["parameters"].items().at(0)["value"].string_or(), fmt::format("{0}-0{0}h", i + 1));
    EXPECT_EQ(run["resource_references"].items().at(1)["key"], Value::object({{"type", "JOB"}, {"id", id}}));
    EXPECT_EQ(run["pipeline_spec"]["workflow_manifest"].string_or(), to_json(workflow));
    world_.end_of(run["id"].string_or());
  }

  // A pipeline without a version is the one that is the default now. A job is off where nobody says that it is on.
  const std::string pipeline = upload("/pipelines/upload?name=p", "p.yaml", kWorkflow).body["pipeline_id"].string_or();
  const Answer pinned = old_post(
      "/jobs",
      Value::object(
          {{"name", "k"}, {"max_concurrency", 1}, {"pipeline_spec", Value::object({{"pipeline_id", pipeline}})}}));
  EXPECT_EQ(pinned.body["status"].string_or(), "Disabled") << pinned.text;
  EXPECT_EQ(pinned.body["pipeline_spec"]["pipeline_id"].string_or(), pipeline);
  EXPECT_EQ(pinned.body["resource_references"].items().at(1)["key"]["type"].string_or(), "PIPELINE_VERSION");
  const std::string other = pinned.body["id"].string_or();
  EXPECT_EQ(old_post("/jobs/" + other + "/enable").status, 200);
  EXPECT_EQ(old_get("/jobs/" + other).body["enabled"], Value(true));
  EXPECT_EQ(old_post("/jobs/" + other + "/disable").status, 200);
  EXPECT_FALSE(old_get("/jobs/" + other).body.has("enabled"));
  const Answer listed = old_get("/jobs?resource_reference_key.type=EXPERIMENT&resource_reference_key.id=" + experiment);
  EXPECT_EQ(listed.body["total_size"].int_or(0), 1) << listed.text;
  EXPECT_EQ(listed.body["jobs"].items().at(0)["id"].string_or(), id);
  EXPECT_EQ(old_get("/jobs?page_size=1&sort_by=name%20desc").body["jobs"].items().at(0)["name"].string_or(), "k");
  for (const Value& bad : {Value::object({{"name", "j"}, {"max_concurrency", 1}}),
                           Value::object({{"name", "j"}, {"pipeline_spec", manifest()}}),
                           Value::object({{"name", "j"}, {"enabled", "yes"}, {"pipeline_spec", manifest()}})})
    EXPECT_EQ(old_post("/jobs", bad).status, 400) << to_json(bad);
  EXPECT_EQ(old_remove("/jobs/" + id).status, 200);
  EXPECT_EQ(old_get("/jobs/" + id).status, 404);
  EXPECT_EQ(old_get(mine).body["total_size"].int_or(0), 2) << "its runs stay";
}

// Enumerations come as numbers, too, as proto's JSON lets them.
TEST_F(V1beta1Test, references_by_number_count) {
  const std::string experiment = old_post("/experiments", Value::object({{"name", "mine"}})).body["id"].string_or();
  const Value key = Value::object({{"type", 1}, {"id", experiment}});
  const Value references = Value::array({Value::object({{"key", key}, {"relationship", 1}})});
  const std::string id = start(run_of(manifest(), references));
  EXPECT_EQ(get("/runs/" + id).body["experiment_id"].string_or(), experiment);
  const std::string listed = "/runs?resource_reference_key.type=1&resource_reference_key.id=";
  EXPECT_EQ(old_get(listed + experiment).body["total_size"].int_or(0), 1);
  EXPECT_EQ(old_get(listed + "none").status, 404);
}

TEST_F(V1beta1Test, without_a_name_it_is_called_as_its_pipeline) {
  Value spec = manifest();
  spec.set("pipeline_name", "greetings");
  const Answer run = old_post("/runs", Value::object({{"pipeline_spec", spec}}));
  EXPECT_EQ(run.body["run"]["name"].string_or(), "greetings") << run.text;
  EXPECT_EQ(old_post("/runs", Value::object({{"pipeline_spec", manifest()}})).status, 400);
  const auto job = [&](const Value& mode) {
    return old_post(
        "/jobs",
        Value::object({{"max_concurrency", "1"},
                       {"mode", mode},
                       {"trigger", Value::object({{"cron_schedule", Value::object({{"cron", "0 0 0 1 1 *"}})}})},
                       {"pipeline_spec", spec}}));
  };
  EXPECT_EQ(job("ENABLED").body["name"].string_or(), "greetings");
  EXPECT_EQ(job("ENABLED").body["enabled"], Value(true)) << "the other word for it";
  EXPECT_EQ(job(1).body["enabled"], Value(true));
  EXPECT_FALSE(job("DISABLED").body.has("enabled"));
  EXPECT_EQ(job("ON").status, 400);
}

TEST_F(V1beta1Test, lists_show_metrics) {
  Value measured = workflow_;
  for (Value& one : measured.child("spec").child("templates").as_array()) {
    if (one["name"].string_or() != "say") continue;
    one.child("container")
        .set(
            "args",
            Value::array(
                {R"(echo hello > /tmp/out; echo '{"metrics": [{"name": "acc", "numberValue": 0.5, "format": "RAW"}]}' > /tmp/m)"}));
    one.child("outputs").child("artifacts").push(Value::object({{"name", "mlpipeline-metrics"}, {"path", "/tmp/m"}}));
  }
  const Value metrics =
      end_of(start(run_of(Value::object({{"workflow_manifest", to_json(measured)}}))))["run"]["metrics"];
  ASSERT_EQ(metrics.size(), 1u);
  EXPECT_EQ(metrics.items()[0]["number_value"].double_or(0), 0.5);
  EXPECT_EQ(old_get("/runs").body["runs"].items().at(0)["metrics"], metrics);
}

TEST_F(V1beta1Test, macros_that_any_run_knows_are_filled_in) {
  Value spec = manifest();
  spec.set("parameters", Value::array({Value::object({{"name", "word"}, {"value", "[[RunUUID]] [[Index]]"}})}));
  const std::string id = start(run_of(spec));
  EXPECT_EQ(old_get("/runs/" + id).body["run"]["pipeline_spec"]["parameters"].items().at(0)["value"].string_or(),
            id + " [[Index]]");
}

}  // namespace
}  // namespace millrace::pipelines::api::v1beta1
