#include "pipelines/runner/containers.h"

#include "pipelines/world_for_tests.h"

namespace millrace::pipelines::runner {
namespace {

// One task. What it asks for comes from the pipeline and from the run's parameter.
Value asking_pipeline() {
  Value spec = make_pipeline({{"a", "true"}});
  Value& container = spec.child("deploymentSpec").child("executors").child("exec-a").child("container");
  container.set("env",
                Value::array({Value::object({{"name", "GREETING"}, {"value", "{{$.inputs.parameters['in']}}"}})}));
  container.set("resources", Value::object({{"resourceCpuRequest", "0.25"},
                                            {"resourceMemoryLimit", "{{$.inputs.parameters['in']}}"}}));
  const auto asks = *parse_json(R"({
    "secretAsEnv": [
      {"secretName": "keys", "optional": true, "keyToEnv": [{"secretKey": "id", "envVar": "KEY_ID"}]},
      {"secretName": "all", "optional": true, "allKeys": "ALL_"}],
    "secretAsVolume": [{"secretName": "keys", "optional": true, "mountPath": "/keys"}],
    "pvcMount": [{"constant": "keys", "mountPath": "/data", "subPath": "own"}],
    "emptyDirMounts": [{"volumeName": "x", "mountPath": "/work", "sizeLimit": "1Mi"}],
    "podMetadata": {"labels": {"team": "blue"}, "annotations": {"why": "tests"}},
    "activeDeadlineSeconds": 60})");
  const Value platform = Value::object(
      {{"platforms",
        Value::object(
            {{"kubernetes", Value::object({{"deploymentSpec",
                                            Value::object({{"executors", Value::object({{"exec-a", asks}})}})}})}})}});
  return Value::object({{"pipeline_spec", spec}, {"platform_spec", platform}});
}

TEST(Containers, AreAsTheirTasksGotThem) {
  World world(16, true);
  const std::string id = world.start(asking_pipeline(), Value::object({{"word", "64Mi"}}));
  ASSERT_EQ(world.end_of(id).state, "SUCCEEDED") << world.run(id).error;
  const auto containers = world.pipelines().containers(id);
  ASSERT_TRUE(containers) << containers.error().message;
  ASSERT_EQ(containers->size(), 1u);
  const ContainerView& view = containers->front();
  EXPECT_EQ(view.pod_name, world.task(id, "a").pod_name);
  EXPECT_EQ(view.attempt, 1);
  EXPECT_FALSE(view.previous);
  EXPECT_EQ(view.container["image"].string_or(), "busybox");
  EXPECT_EQ(to_json(view.container["command"]), R"(["/bin/sh","-c"])");
  EXPECT_EQ(to_json(view.container["env"]),
            R"([{"name":"GREETING","value":"64Mi"},{"name":"KEY_ID","valueFrom":{"secretKeyRef":)"
            R"({"name":"keys","key":"id","optional":true}}}])");
  EXPECT_EQ(to_json(view.container["envFrom"]), R"([{"secretRef":{"name":"all","optional":true},"prefix":"ALL_"}])");
  EXPECT_EQ(to_json(view.container["resources"]), R"({"limits":{"memory":"64Mi"},"requests":{"cpu":"0.25"}})");
  EXPECT_EQ(to_json(view.container["volumeMounts"]),
            R"([{"name":"keys","mountPath":"/data","subPath":"own"},{"name":"scratch","mountPath":"/work"},)"
            R"({"name":"keys-2","mountPath":"/keys"}])");
  EXPECT_EQ(to_json(view.pod["volumes"]), R"([{"name":"keys","persistentVolumeClaim":{"claimName":"keys"}},)"
                                          R"({"name":"scratch","emptyDir":{"sizeLimit":"1Mi"}},)"
                                          R"({"name":"keys-2","secret":{"secretName":"keys","optional":true}}])");
  EXPECT_EQ(view.pod["activeDeadlineSeconds"].int_or(0), 60);
  EXPECT_EQ(view.labels.at("team"), "blue");
  EXPECT_EQ(view.annotations.at("why"), "tests");
  EXPECT_EQ(world.pipelines().containers("none").error().code, Code::not_found);
}

TEST(Containers, KeepWhatTheAttemptBeforeLeft) {
  World world;
  const auto tried = world.path() / "tried";
  const std::string id = world.start(make_pipeline(
      {{"a",
        fmt::format("test -e {0} && {{ echo second; exit 0; }}; touch {0}; echo first; exit 7", tried.string()),
        {},
        1}}));
  ASSERT_EQ(world.end_of(id).state, "SUCCEEDED");
  const auto log = [&](int attempt) { return *world.pipelines().task_log(id, "root/a", 0, attempt); };
  EXPECT_EQ(log(1).text, "first\n");
  EXPECT_TRUE(log(1).complete);
  EXPECT_EQ(log(2).text, "second\n");
  EXPECT_EQ(log(0).text, "second\n");
  const auto containers = world.pipelines().containers(id);
  ASSERT_TRUE(containers && containers->size() == 1);
  EXPECT_EQ(containers->front().attempt, 2);
  ASSERT_TRUE(containers->front().previous);
  EXPECT_EQ(containers->front().previous->exit_code, 7);
  EXPECT_LE(containers->front().previous->started, containers->front().previous->ended);
}

}  // namespace
}  // namespace millrace::pipelines::runner
