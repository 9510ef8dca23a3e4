#include <filesystem>
#include <random>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/strings.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::pipelines {
namespace {

constexpr const char* kSmall = R"(components:
  comp-add:
    executorLabel: exec-add
    inputDefinitions:
      parameters:
        a: {parameterType: NUMBER_INTEGER}
        b: {parameterType: NUMBER_INTEGER, isOptional: true, defaultValue: 2}
    outputDefinitions:
      parameters:
        total: {parameterType: NUMBER_INTEGER}
deploymentSpec:
  executors:
    exec-add:
      container:
        image: busybox
        command: [sh, -c]
        args: ["echo {{$.inputs.parameters['a']}}"]
pipelineInfo: {name: small}
root:
  dag:
    tasks:
      first:
        componentRef: {name: comp-add}
        inputs:
          parameters:
            a: {componentInputParameter: x}
        taskInfo: {name: first}
      second:
        componentRef: {name: comp-add}
        dependentTasks: [first]
        inputs:
          parameters:
            a:
              taskOutputParameter: {producerTask: first, outputParameterKey: total}
        taskInfo: {name: Second task}
  inputDefinitions:
    parameters:
      x: {parameterType: NUMBER_INTEGER, defaultValue: 1, isOptional: true}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
)";

Result<PipelineSpec> parse(std::string_view text) {
  const auto package = MR_TRY(read_package(text));
  return parse_pipeline_spec(package.spec, package.platform);
}

TEST(Spec, ReadsASmallPipeline) {
  const auto spec = parse(kSmall);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->name, "small");
  ASSERT_EQ(spec->root.dag->tasks.size(), 2u);
  const Task* second = spec->root.dag->find("second");
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->display_name, "Second task");
  EXPECT_EQ(second->upstream, std::vector<std::string>{"first"});
  EXPECT_EQ(spec->executors.at("exec-add").image, "busybox");
  EXPECT_EQ(spec->components.at("comp-add").parameters.at("b").default_value->int_or(0), 2);
}

TEST(Spec, ReadsTheLabsPipeline) {
  const auto path = std::filesystem::path(MILLRACE_SOURCE) / "lab/mnist_classification.yaml";
  const auto spec = parse(*read_file(path));
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->root.dag->tasks.size(), 6u);
  for (const auto& [name, executor] : spec->executors) EXPECT_FALSE(executor.env_from_keys.empty()) << name;
}

TEST(Spec, NamesTheLineAtFault) {
  struct Case {
    const char* replaced;
    const char* with;
    const char* says;
  };
  const Case cases[] = {
      {"componentRef: {name: comp-add}\n        dependentTasks",
       "componentRef: {name: comp-none}\n        dependentTasks", "comp-none"},
      {"executorLabel: exec-add", "executorLabel: exec-none", "exec-none"},
      {"dependentTasks: [first]", "dependentTasks: [zero]", "zero"},
      {"producerTask: first", "producerTask: zero", "zero"},
      {"outputParameterKey: total", "outputParameterKey: sum", "sum"},
      {"componentInputParameter: x", "componentInputParameter: y", "y"},
      {"parameterType: NUMBER_INTEGER}\n        b", "parameterType: WHOLE}\n        b", "\"WHOLE\" is not known"},
      {"dependentTasks: [first]", "dependentTasks: first", "a list of strings"},
      {"taskInfo: {name: first}", "colour: red", "colour"},
      {"taskInfo: {name: first}", "dependentTasks: [second]", "cycle"},
      {"taskInfo: {name: first}", "parameterIterator: {items: {inputParameter: a}, itemInput: b}",
       "loops over a single task"},
      {"taskInfo: {name: first}", "triggerPolicy: {condition: \"1 ==\"}", "character"},
      {"taskInfo: {name: first}", "retryPolicy: {maxRetryCount: 1, backoffDuration: soon}", "60s"},
      {"taskInfo: {name: first}", "retryPolicy: {maxRetryCount: 1, backoffDuration: 1e300s}", "ten years"},
      {"taskInfo: {name: first}", "retryPolicy: {maxRetryCount: -1}", "a whole number from 0"},
      {"taskInfo: {name: first}", "retryPolicy: {maxRetryCount: often}", "a whole number from 0"},
      {"taskInfo: {name: first}", "retryPolicy: {maxRetryCount: 1, backoffFactor: -2}", "not below 0"},
      {"image: busybox", "pictures: busybox", "pictures"},
      {"executorLabel: exec-add", "executorLabel: exec-add\n    taskConfigPassthroughs: [{field: WINDOWS}]",
       "the field \"WINDOWS\" is not known"},
      {"componentInputParameter: x", "ownInputParameter: b", "no source"},
      {"image: busybox", "image: busybox\n        env: {COLOUR: red}", "a list of {name, value}"},
      {"image: busybox", "image: busybox\n        env: [{name: COLOUR, value: 5}]", "a value that is a string"},
      {"image: busybox", "image: busybox\n        env: [{name: 'A=B', value: x}]", "a name without ="},
      {"        a: {parameterType: NUMBER_INTEGER}\n", "        c: {parameterType: NUMBER_INTEGER}\n", "c"},
  };
  for (const Case& c : cases) {
    const std::string text = replace_all(kSmall, c.replaced, c.with);
    ASSERT_NE(text, kSmall) << c.replaced;
    const auto spec = parse(text);
    ASSERT_FALSE(spec) << c.with;
    EXPECT_NE(spec.error().message.find(c.says), std::string::npos) << c.with << ": " << spec.error().message;
    EXPECT_TRUE(spec.error().message.starts_with("line ") || spec.error().message.starts_with("root"))
        << spec.error().message;
  }
}

// set_cpu_limit(a parameter) of the SDK writes such inputs beside the executor's own resources.
TEST(Spec, TakesMachineSettingsWrittenAsInputs) {
  const std::string text = replace_all(kSmall, "            a: {componentInputParameter: x}\n",
                                       "            a: {componentInputParameter: x}\n"
                                       "            cpu_limit: {runtimeValue: {constant: '1'}}\n"
                                       "            accelerator_type: {runtimeValue: {constant: gpu}}\n"
                                       "            accelerator_count: {runtimeValue: {constant: '0'}}\n");
  const auto spec = parse(text);
  EXPECT_TRUE(spec) << spec.error().message;
}

TEST(Spec, SplitsWhatIsPassedOnFromWhatTheTaskGets) {
  std::string text = replace_all(kSmall, "    executorLabel: exec-add\n",
                                 "    executorLabel: exec-add\n"
                                 "    taskConfigPassthroughs:\n"
                                 "    - {field: RESOURCES}\n"
                                 "    - {field: ENV, applyToTask: true}\n"
                                 "    - {field: KUBERNETES_NODE_SELECTOR}\n");
  text = replace_all(
      text, "        image: busybox\n",
      "        image: busybox\n        env: [{name: A, value: b}]\n        resources: {resourceCpuLimit: '9'}\n");
  text = replace_all(text, "        a: {parameterType: NUMBER_INTEGER}\n",
                     "        a: {parameterType: NUMBER_INTEGER}\n        config: {parameterType: TASK_CONFIG}\n");
  text +=
      "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-add: {nodeSelector: {labels: {disk: "
      "ssd}}}}}}}\n";
  const auto spec = parse(text);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->components.at("comp-add").task_config, "config");
  const Executor& own = spec->executors.at("exec-add");
  ASSERT_NE(own.passed_on, nullptr);
  EXPECT_TRUE(own.resources.cpu_limit.empty() && own.placement.labels.empty());
  EXPECT_EQ(own.environment.size(), 1u);
  EXPECT_EQ(own.passed_on->resources.cpu_limit, "9");
  EXPECT_EQ(own.passed_on->environment.size(), 1u);
  EXPECT_EQ(own.passed_on->placement.labels.size(), 1u);
}

// Names of tasks, outputs and the pipeline become names of directories.
TEST(Spec, RefusesNamesThatLeadElsewhere) {
  const std::string long_name(129, 'n');
  for (const std::string& name : {std::string("../../x"), std::string("a/b"), std::string(".."), std::string("."),
                                  std::string("/etc"), std::string("a\\nb"), std::string(), long_name}) {
    for (const char* place : {"      first:\n", "        total: {parameterType", "name: small"}) {
      const std::string_view key = place == std::string_view("      first:\n") ? "first"
                                   : place == std::string_view("name: small")  ? "small"
                                                                               : "total";
      const std::string text = replace_all(kSmall, place, replace_all(place, key, "\"" + name + "\""));
      const auto spec = parse(text);
      ASSERT_FALSE(spec) << text;
      EXPECT_TRUE(spec.error().message.starts_with("line ")) << spec.error().message;
      if (!name.empty()) {
        EXPECT_NE(spec.error().message.find("a name here has 1 to 128 bytes"), std::string::npos)
            << name << ": " << spec.error().message;
      }
    }
  }
}

// A component may contain itself, if something on the way could end it.
TEST(Spec, TakesRecursionThatCanEnd) {
  const auto said = [](std::string_view tasks) {
    const auto spec = parse(fmt::format(R"(components:
  leaf: {{executorLabel: exec}}
  again:
    inputDefinitions: {{parameters: {{item: {{parameterType: STRING, isOptional: true}}}}}}
    dag:
      tasks:
{}
  other: {{dag: {{tasks: {{back: {{componentRef: {{name: again}}}}}}}}}}
deploymentSpec: {{executors: {{exec: {{container: {{image: a}}}}}}}}
pipelineInfo: {{name: p}}
root: {{dag: {{tasks: {{start: {{componentRef: {{name: again}}}}}}}}}}
schemaVersion: 2.1.0
)",
                                        tasks));
    return spec ? std::string("taken") : spec.error().message;
  };
  const std::string leaf = "        first: {componentRef: {name: leaf}}\n";
  const std::string when = ", triggerPolicy: {condition: \"'a' == 'b'\"}";
  EXPECT_EQ(said(leaf + "        turn: {componentRef: {name: again}, dependentTasks: [first]" + when + "}"), "taken");
  EXPECT_EQ(said(leaf + "        turn: {componentRef: {name: other}" + when + "}"), "taken");
  // What waits for a task with a condition is skipped with it, …
  EXPECT_EQ(said("        first: {componentRef: {name: leaf}" + when +
                 "}\n        turn: {componentRef: {name: again}, dependentTasks: [first]}"),
            "taken");
  const std::string items = "        turn: {componentRef: {name: again}, parameterIterator: {itemInput: item, items: ";
  EXPECT_EQ(said(items + "{raw: '[]'}}}"), "taken");
  EXPECT_EQ(said(items + "{inputParameter: list}}, inputs: {parameters: {pipelinechannel--list: "
                         "{componentInputParameter: item}, list: {componentInputParameter: item}}}}")
                .find("no condition"),
            std::string::npos);
  const std::string endless =
      "components.again.dag.tasks.turn: the task leads back to the component that it is in, with no condition on "
      "the way that could end it";
  EXPECT_EQ(said("        turn: {componentRef: {name: again}}"), "line 7, " + endless);
  EXPECT_EQ(said(items + "{raw: '[\"a\"]'}}}"), "line 7, " + endless);
  // … but not what runs after a failure too.
  EXPECT_EQ(said("        first: {componentRef: {name: leaf}" + when +
                 "}\n        turn: {componentRef: {name: again}, dependentTasks: [first], triggerPolicy: {strategy: "
                 "ALL_UPSTREAM_TASKS_COMPLETED}}"),
            "line 8, " + endless);
  EXPECT_NE(said("        turn: {componentRef: {name: other}}").find("no condition on the way"), std::string::npos);
}

// kubernetes_manifest_format of the SDK's compiler.
TEST(Spec, ReadsManifestsOfACluster) {
  const std::string indented = "    " + replace_all(kSmall, "\n", "\n    ");
  const std::string version =
      "apiVersion: pipelines.kubeflow.org/v2beta1\nkind: PipelineVersion\nmetadata: {name: v1}\nspec:\n"
      "  pipelineName: p\n  platformSpec: {platforms: {kubernetes: {pipelineConfig: {workspace: {size: 1Gi}}}}}\n"
      "  pipelineSpec:\n" +
      indented + "\n";
  const std::string pipeline = "apiVersion: pipelines.kubeflow.org/v2beta1\nkind: Pipeline\nmetadata: {name: p}\n---\n";
  for (const std::string& text : {version, pipeline + version}) {
    const auto spec = parse(text);
    ASSERT_TRUE(spec) << spec.error().message;
    EXPECT_EQ(spec->name, "small");
    EXPECT_TRUE(spec->has_workspace);
  }
}

TEST(Spec, SaysWhatIsNoPipeline) {
  for (const char* text : {"", "- a\n- b\n", "just words", "{}", "a: [1,", "a: 1\n---\nb: 2\n---\nc: 3\n",
                           "kind: Workflow\napiVersion: argoproj.io/v1alpha1\n",
                           "name: component\nimplementation: {container: {image: x}}\n"}) {
    const auto spec = parse(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().message.find('\n'), std::string::npos);
    EXPECT_FALSE(spec.error().message.empty());
  }
}

TEST(Spec, SurvivesAnyBytes) {
  const auto seed = static_cast<std::uint32_t>(random_u64());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const std::string good = kSmall;
  const std::string alphabet = "{}[]:,-&*!|>'\"\n a1$";
  for (int i = 0; i < 2'000; ++i) {
    std::string text = good;
    for (auto n = 1 + random() % 4; n > 0; --n) text[random() % text.size()] = alphabet[random() % alphabet.size()];
    if (random() % 4 == 0) text.erase(random() % text.size(), random() % 40);
    const auto spec = parse(text);
    if (!spec) continue;
    // What was accepted holds together: every name leads somewhere.
    for (const Task& task : spec->root.dag->tasks) {
      EXPECT_TRUE(spec->components.contains(task.component)) << text;
      for (const auto& upstream : task.upstream) EXPECT_NE(spec->root.dag->find(upstream), nullptr) << text;
    }
    for (const auto& [name, component] : spec->components) {
      if (!component.dag) {
        EXPECT_TRUE(spec->executors.contains(component.executor)) << text;
      }
    }
  }
}

}  // namespace
}  // namespace millrace::pipelines
