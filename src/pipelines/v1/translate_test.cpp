#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/yaml.h"
#include "pipelines/v1/tags.h"
#include "pipelines/v1/when.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::v1 {
namespace {

// A workflow as the SDK 1.8 writes it: a dag `main` of `tasks`, and two containers.
constexpr std::string_view kHead = R"(apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: sample-}
spec:
  entrypoint: main
  arguments:
    parameters: [{name: x, value: '5'}, {name: must}]
  templates:
  - name: make
    container: {image: alpine, command: [sh, -c, 'echo > /tmp/out.txt'], args: ['{{inputs.parameters.n}}', /tmp/out.txt]}
    inputs: {parameters: [{name: n}]}
    outputs:
      parameters: [{name: make-out, valueFrom: {path: /tmp/out.txt}}]
      artifacts: [{name: make-out, path: /tmp/out.txt}]
  - name: take
    container: {image: alpine, command: [cat, /tmp/inputs/in/data]}
    inputs: {artifacts: [{name: in, path: /tmp/inputs/in/data}]}
)";

std::string workflow(std::string_view rest) { return fmt::format("{}{}", kHead, rest); }
std::string with_tasks(std::string_view tasks) {
  return workflow(
      fmt::format("  - name: main\n    inputs: {{parameters: [{{name: x}}]}}\n    dag:\n      tasks:\n{}", tasks));
}
constexpr std::string_view kMake =
    "      - {name: m, template: make, arguments: {parameters: [{name: n, value: a}]}}\n";

Result<Translated> read(const std::string& text) {
  const auto document = parse_yaml(text);
  EXPECT_TRUE(document.has_value()) << document.error().message;
  if (!document) return fail(document.error());
  return translate(*document);
}
Value spec_of(const std::string& text) {
  auto translated = read(text);
  EXPECT_TRUE(translated.has_value()) << translated.error().message;
  return translated ? translated->spec : Value();
}
std::string refusal(const std::string& text) {
  const auto translated = read(text);
  return translated ? "accepted" : translated.error().message;
}
Value task(const Value& spec, std::string_view name) { return spec["root"]["dag"]["tasks"][name]; }
std::string condition(std::string_view when) {
  int count = 0;
  const auto made =
      translate_when(when, [&](const Tag&) -> Result<std::string> { return fmt::format("w{}", ++count); });
  return made ? *made : made.error().message;
}

TEST(Workflow, is_known_by_its_kind) {
  EXPECT_TRUE(is_workflow(*parse_json(R"({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"})")));
  EXPECT_FALSE(is_workflow(*parse_json(R"({"apiVersion": "v1", "kind": "Workflow"})")));
  EXPECT_FALSE(is_workflow(*parse_json("[]")));
}

TEST(Workflow, parameters_are_text_and_may_be_missing) {
  const Value inputs = spec_of(with_tasks(kMake))["root"]["inputDefinitions"]["parameters"];
  EXPECT_EQ(to_json(inputs["x"]), R"({"parameterType":"STRING","defaultValue":"5"})");
  EXPECT_EQ(to_json(inputs["must"]), R"({"parameterType":"STRING"})");
  EXPECT_EQ(to_json(text_parameters(*parse_json(R"({"a": 1, "b": "x", "c": [1.5], "d": true})"))),
            R"({"a":"1","b":"x","c":"[1.5]","d":"true"})");
}

TEST(Workflow, paths_of_files_become_placeholders) {
  const Value spec = spec_of(with_tasks(kMake));
  const Value& container = spec["deploymentSpec"]["executors"]["exec-make"]["container"];
  EXPECT_EQ(container["command"].items()[2].as_string(), "echo > {{$.outputs.artifacts['make-out'].path}}");
  EXPECT_EQ(container["args"].items()[0].as_string(), "{{$.inputs.parameters['n']}}");
  EXPECT_EQ(container["args"].items()[1].as_string(), "{{$.outputs.artifacts['make-out'].path}}");
  // An output that is a parameter is an artifact of the same name, too.
  const Value& outputs = spec["components"]["comp-make"]["outputDefinitions"];
  EXPECT_TRUE(outputs["parameters"].has("make-out") && outputs["artifacts"].has("make-out"));
}

TEST(Workflow, a_path_that_only_begins_like_a_file_is_left_alone) {
  const auto command = [](std::string_view text) {
    const Value spec = spec_of(fmt::format(R"({}  - name: main
    container: {{image: alpine, command: ["{}"]}}
    outputs: {{artifacts: [{{name: o, path: /tmp/out}}, {{name: p, path: /tmp/out/in}}]}}
)",
                                           kHead, text));
    return spec["deploymentSpec"]["executors"]["exec-main"]["container"]["command"].items()[0].as_string();
  };
  EXPECT_EQ(command("/tmp/out2 /tmp/out.txt x/tmp/out /var/tmp/out /tmp/out-1"),
            "/tmp/out2 /tmp/out.txt x/tmp/out /var/tmp/out /tmp/out-1");
  EXPECT_EQ(command(">/tmp/out; --o=/tmp/out/x '/tmp/out/in'."),
            ">{{$.outputs.artifacts['o'].path}}; --o={{$.outputs.artifacts['o'].path}}/x "
            "'{{$.outputs.artifacts['p'].path}}'.");
}

TEST(Workflow, tags_become_placeholders_and_other_braces_stay) {
  const auto argument = [](std::string_view text) {
    const Value spec =
        spec_of(fmt::format("{}  - name: main\n    container: {{image: a, args: [\"{}\"]}}\n", kHead, text));
    return spec["deploymentSpec"]["executors"]["exec-main"]["container"]["args"].items()[0].as_string();
  };
  EXPECT_EQ(argument("{{workflow.uid}}-{{ pod.name }}"), "{{$.pipeline_job_uuid}}-{{$.pod_name}}");
  EXPECT_EQ(argument("{{workflow.name}} {{workflow.namespace}}"), "{{$.pipeline_job_resource_name}} kubeflow");
  EXPECT_EQ(argument("{{workflow.parameters.x}}"), "{{$.inputs.parameters['workflow.parameters.x']}}");
  EXPECT_EQ(argument("f'{{name}} {{{{x}}}}' {{{{workflow.uid}}}}"),
            "f'{{name}} {{{{x}}}}' {{{{$.pipeline_job_uuid}}}}");
}

TEST(Workflow, arguments_come_from_where_their_tag_says) {
  const Value spec = spec_of(with_tasks(
      R"(      - {name: m, template: make, arguments: {parameters: [{name: n, value: '{{inputs.parameters.x}}'}]}}
      - name: again
        template: make
        arguments: {parameters: [{name: n, value: '<{{tasks.m.outputs.parameters.make-out}}>'}]}
      - {name: t, template: take, arguments: {artifacts: [{name: in, from: '{{tasks.m.outputs.artifacts.make-out}}'}]}}
)"));
  EXPECT_EQ(to_json(task(spec, "m")["inputs"]["parameters"]["n"]), R"({"componentInputParameter":"x"})");
  EXPECT_EQ(to_json(task(spec, "again")["inputs"]["parameters"]["n"]),
            R"({"runtimeValue":{"constant":"<{{$.inputs.parameters['pipelinechannel--n-1']}}>"}})");
  EXPECT_EQ(task(spec, "again")["inputs"]["parameters"]["pipelinechannel--n-1"]["taskOutputParameter"]["producerTask"]
                .string_or(),
            "m");
  EXPECT_EQ(task(spec, "t")["inputs"]["artifacts"]["in"]["taskOutputArtifact"]["outputArtifactKey"].string_or(),
            "make-out");
}

TEST(Workflow, text_for_a_file_is_written_by_a_task) {
  const Value spec =
      spec_of(with_tasks("      - {name: t, template: take, arguments: {artifacts: [{name: in, raw: {data: 'a "
                         "{{inputs.parameters.x}}'}}]}}\n"));
  const Value& args = spec["deploymentSpec"]["executors"]["exec-main-file-of-t-in"]["container"]["args"];
  EXPECT_EQ(args.items()[0].as_string(), "a {{$.inputs.parameters['text-1']}}");
  EXPECT_EQ(task(spec, "t")["inputs"]["artifacts"]["in"]["taskOutputArtifact"]["producerTask"].string_or(),
            "file-of-t-in");
}

TEST(Workflow, a_loop_is_a_dag_around_its_task) {
  const Value spec = spec_of(with_tasks(R"(      - name: loop
        template: make
        arguments: {parameters: [{name: n, value: '{{item.a}}'}]}
        withItems: [{a: 1}, {a: 2}]
)"));
  const Value loop = task(spec, "loop");
  EXPECT_EQ(loop["parameterIterator"]["items"]["raw"].string_or(), R"([{"a":1},{"a":2}])");
  const Value inner = spec["components"][loop["componentRef"]["name"].as_string()]["dag"]["tasks"]["loop"];
  EXPECT_EQ(
      to_json(inner["inputs"]["parameters"]["n"]),
      R"({"componentInputParameter":"loop.item","parameterExpressionSelector":"parseJson(string_value)[\"a\"]"})");
}

TEST(Workflow, items_with_tags_are_filled_in_by_a_task) {
  const Value spec = spec_of(with_tasks(R"(      - name: loop
        template: make
        arguments: {parameters: [{name: n, value: '{{item}}'}]}
        withItems: ['{{workflow.parameters.x}}', plain]
)"));
  EXPECT_EQ(task(spec, "loop")["inputs"]["parameters"]["loop.items"]["taskOutputParameter"]["producerTask"].string_or(),
            "items-of-loop");
  EXPECT_EQ(to_json(task(spec, "items-of-loop")["inputs"]["parameters"]["text-0"]),
            R"({"componentInputParameter":"x"})");
}

TEST(Workflow, what_waits_for_a_condition_waits_for_the_dag_around_it) {
  const std::string_view conditional =
      "      - {name: m, template: make, when: '\"{{inputs.parameters.x}}\" == \"5\"', "
      "arguments: {parameters: [{name: n, value: a}]}}\n";
  const Value alone = spec_of(with_tasks(conditional));
  EXPECT_EQ(task(alone, "m")["triggerPolicy"]["condition"].string_or(),
            "string(inputs.parameter_values['pipelinechannel--when-1']) == '5'");
  const Value awaited = spec_of(with_tasks(fmt::format(
      "{}      - {{name: n, template: make, dependencies: [m], arguments: {{parameters: [{{name: n, value: b}}]}}}}\n",
      conditional)));
  EXPECT_FALSE(task(awaited, "m").has("triggerPolicy"));
  EXPECT_TRUE(awaited["components"]["comp-main-m-each"]["dag"]["tasks"]["m"].has("triggerPolicy"));
}

TEST(Workflow, an_exit_handler_runs_after_all_and_knows_how_it_ended) {
  std::string text = with_tasks(kMake);
  text.insert(text.find("  entrypoint"), "  onExit: bye\n");
  text += "  - name: bye\n    container: {image: alpine, args: ['{{workflow.status}}']}\n";
  const Value spec = spec_of(text);
  const Value bye = task(spec, "bye");
  EXPECT_EQ(bye["triggerPolicy"]["strategy"].string_or(), "ALL_UPSTREAM_TASKS_COMPLETED");
  EXPECT_EQ(to_json(bye["dependentTasks"]), R"(["exit-handler-main"])");
  EXPECT_EQ(bye["inputs"]["parameters"]["workflow.status"]["taskFinalStatus"]["producerTask"].string_or(),
            "exit-handler-main");
}

TEST(Workflow, pods_become_settings_of_the_platform) {
  const auto translated = read(workflow(R"(  - name: main
    container:
      image: alpine
      env:
      - {name: PLAIN, value: v}
      - {name: KEY, valueFrom: {secretKeyRef: {name: sec, key: k}}}
      - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
      resources: {limits: {cpu: 500m, memory: 1Gi}}
      volumeMounts: [{name: v, mountPath: /data}, {name: s, mountPath: /keys}]
    volumes:
    - {name: v, persistentVolumeClaim: {claimName: claim}}
    - {name: s, secret: {secretName: sec}}
    nodeSelector: {disk: fast}
    activeDeadlineSeconds: 60
    retryStrategy: {limit: '3', backoff: {duration: 1m30s, factor: 2}}
    metadata:
      labels: {pipelines.kubeflow.org/enable_caching: "true", team: a}
      annotations: {pipelines.kubeflow.org/task_display_name: shown}
)"));
  ASSERT_TRUE(translated.has_value()) << translated.error().message;
  EXPECT_EQ(to_json(translated->platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-main"]),
            R"({"secretAsEnv":[{"secretName":"sec","keyToEnv":[{"secretKey":"k","envVar":"KEY"}]}],)"
            R"("fieldPathAsEnv":[{"name":"POD","fieldPath":"metadata.name"}],"podMetadata":{"labels":{"team":"a"}},)"
            R"("pvcMount":[{"constant":"claim","mountPath":"/data"}],)"
            R"("secretAsVolume":[{"secretName":"sec","mountPath":"/keys"}],)"
            R"("nodeSelector":{"labels":{"disk":"fast"}},"activeDeadlineSeconds":"60"})");
  const Value main = task(translated->spec, "main");
  EXPECT_EQ(to_json(main["retryPolicy"]), R"({"maxRetryCount":3,"backoffDuration":"90s","backoffFactor":2})");
  EXPECT_EQ(main["taskInfo"]["name"].string_or(), "shown");
  EXPECT_TRUE(main["cachingOptions"]["enableCache"].bool_or(false));
}

// As @graph_component compiles: `again` calls itself by way of the dag that its condition is.
constexpr std::string_view kAgain = R"(  - name: again
    inputs: {{parameters: [{{name: n}}], artifacts: [{{name: in}}]}}
    dag:
      tasks:
      - {{name: take, template: take, arguments: {{artifacts: [{{name: in, from: '{{{{inputs.artifacts.in}}}}'}}]}}}}
      - {{name: make, template: make, arguments: {{parameters: [{{name: n, value: '{{{{inputs.parameters.n}}}}'}}]}}}}
      - name: condition
        template: condition
        {}
        dependencies: [make]
        arguments:
          parameters: [{{name: made, value: '{{{{tasks.make.outputs.parameters.make-out}}}}'}}]
          artifacts: [{{name: file, from: '{{{{tasks.make.outputs.artifacts.make-out}}}}'}}]
  - name: condition
    inputs: {{parameters: [{{name: made}}], artifacts: [{{name: file}}]}}
    dag:
      tasks:
      - name: again
        template: again
        arguments:
          parameters: [{{name: n, value: '{{{{inputs.parameters.made}}}}'}}]
          artifacts: [{{name: in, from: '{{{{inputs.artifacts.file}}}}'}}]
{}  - name: main
    inputs: {{parameters: [{{name: x}}]}}
    dag:
      tasks:
      - {{name: m, template: make, arguments: {{parameters: [{{name: n, value: a}}]}}}}
      - name: start
        template: again
        arguments:
          parameters: [{{name: n, value: '{{{{inputs.parameters.x}}}}'}}]
          artifacts: [{{name: in, from: '{{{{tasks.m.outputs.artifacts.make-out}}}}'}}]
)";
constexpr std::string_view kWhen = "when: '\"{{tasks.make.outputs.parameters.make-out}}\" == \"more\"'";

TEST(Workflow, a_template_that_calls_itself_is_a_component_that_contains_itself) {
  const Value spec = spec_of(workflow(fmt::format(kAgain, kWhen, "")));
  const Value& inner = spec["components"]["comp-condition"]["dag"]["tasks"]["again"];
  EXPECT_EQ(to_json(inner["componentRef"]), R"({"name":"comp-again"})");
  EXPECT_EQ(to_json(inner["inputs"]), R"({"parameters":{"n":{"componentInputParameter":"made"}},)"
                                      R"("artifacts":{"in":{"componentInputArtifact":"file"}}})");
  const Value& outer = spec["components"]["comp-again"]["dag"]["tasks"]["condition"];
  EXPECT_EQ(outer["componentRef"]["name"].string_or(), "comp-condition");
  EXPECT_FALSE(outer["triggerPolicy"]["condition"].string_or().empty());
  EXPECT_EQ(refusal(workflow(fmt::format(kAgain, "", ""))),
            "line 35, spec.templates.condition.dag.tasks.again: the template again calls itself with no condition that "
            "could end it, so the pipeline is refused");
}

// A parameter of the workflow that a task deep within needs is handed on by every round.
TEST(Workflow, rounds_hand_on_what_is_needed_of_the_run) {
  const Value spec = spec_of(workflow(fmt::format(kAgain, kWhen,
                                                  "      - {name: more, template: make, arguments: {parameters: "
                                                  "[{name: n, value: '{{workflow.parameters.must}}'}]}}\n")));
  for (const auto& [component, task] : {std::pair("comp-condition", "again"), std::pair("comp-again", "condition")}) {
    const Value& called = spec["components"][component]["dag"]["tasks"][task];
    EXPECT_EQ(called["inputs"]["parameters"]["workflow.parameters.must"]["componentInputParameter"].string_or(),
              "workflow.parameters.must")
        << component;
    EXPECT_TRUE(spec["components"][component]["inputDefinitions"]["parameters"].has("workflow.parameters.must"))
        << component;
  }
  EXPECT_EQ(
      task(spec, "start")["inputs"]["parameters"]["workflow.parameters.must"]["componentInputParameter"].string_or(),
      "must");
}

// An entry that is called from within is a component as any other; the root calls it.
TEST(Workflow, an_entry_may_call_itself) {
  const Value spec = spec_of(workflow(R"(  - name: main
    inputs: {parameters: [{name: x}]}
    dag:
      tasks:
      - {name: m, template: make, arguments: {parameters: [{name: n, value: '{{inputs.parameters.x}}'}]}}
      - name: more
        template: main
        when: '"{{tasks.m.outputs.parameters.make-out}}" == "more"'
        arguments: {parameters: [{name: x, value: '{{tasks.m.outputs.parameters.make-out}}'}]}
)"));
  EXPECT_EQ(task(spec, "main")["componentRef"]["name"].string_or(), "comp-main");
  EXPECT_EQ(task(spec, "main")["inputs"]["parameters"]["x"]["componentInputParameter"].string_or(), "x");
  EXPECT_EQ(spec["components"]["comp-main"]["dag"]["tasks"]["more"]["componentRef"]["name"].string_or(), "comp-main");
}

TEST(Workflow, names_of_claims_and_secrets_may_be_inputs) {
  const auto translated = read(workflow(R"(  - name: main
    inputs: {parameters: [{name: x}]}
    container:
      image: alpine
      env: [{name: KEY, valueFrom: {secretKeyRef: {name: '{{inputs.parameters.x}}', key: k}}}]
      envFrom: [{prefix: P_, configMapRef: {name: all, optional: true}}]
      volumeMounts: [{name: v, mountPath: /data}]
    volumes: [{name: v, persistentVolumeClaim: {claimName: '{{inputs.parameters.x}}'}}]
)"));
  ASSERT_TRUE(translated.has_value()) << translated.error().message;
  EXPECT_EQ(to_json(translated->platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-main"]),
            R"({"configMapAsEnv":[{"configMapName":"all","allKeys":"P_","optional":true}],)"
            R"("secretAsEnv":[{"secretNameParameter":{"ownInputParameter":"x"},)"
            R"("keyToEnv":[{"secretKey":"k","envVar":"KEY"}]}],)"
            R"("pvcMount":[{"pvcNameParameter":{"ownInputParameter":"x"},"mountPath":"/data"}]})");
}

TEST(Workflow, a_volume_op_makes_a_claim_and_its_delete_removes_it) {
  const Value spec = spec_of(workflow(R"(  - name: disk
    inputs: {parameters: [{name: x}]}
    resource:
      action: create
      manifest: |
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: {name: '{{workflow.name}}-{{inputs.parameters.x}}'}
        spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
    outputs:
      parameters:
      - {name: disk-name, valueFrom: {jsonPath: '{.metadata.name}'}}
      - {name: disk-size, valueFrom: {jsonPath: '{.status.capacity.storage}'}}
  - name: remove
    inputs: {parameters: [{name: disk-name}]}
    container:
      image: kubectl
      command: [kubectl, delete, PersistentVolumeClaim, '{{inputs.parameters.disk-name}}', --wait=false]
  - name: main
    inputs: {parameters: [{name: x}]}
    dag:
      tasks:
      - {name: disk, template: disk, arguments: {parameters: [{name: x, value: '{{inputs.parameters.x}}'}]}}
      - name: remove
        template: remove
        arguments: {parameters: [{name: disk-name, value: '{{tasks.disk.outputs.parameters.disk-name}}'}]}
)"));
  const Value& made = spec["components"]["comp-disk"];
  EXPECT_EQ(to_json(made["dag"]["outputs"]["parameters"]["disk-name"]["valueFromParameter"]),
            R"({"producerSubtask":"claim","outputParameterKey":"name"})");
  EXPECT_EQ(
      to_json(made["dag"]["tasks"]["claim"]["inputs"]["parameters"]),
      R"({"pipelinechannel--x":{"componentInputParameter":"x"},"pvc_name":{"runtimeValue":{"constant":)"
      R"("{{$.pipeline_job_resource_name}}-{{$.inputs.parameters['pipelinechannel--x']}}"}},)"
      R"("size":{"runtimeValue":{"constant":"1Gi"}},"access_modes":{"runtimeValue":{"constant":["ReadWriteOnce"]}}})");
  EXPECT_EQ(spec["deploymentSpec"]["executors"]["exec-disk"]["container"]["image"].string_or(), "argostub/createpvc");
  EXPECT_EQ(spec["deploymentSpec"]["executors"]["exec-remove"]["container"]["image"].string_or(), "argostub/deletepvc");
}

TEST(Workflow, text_and_tags_are_joined_for_a_dag_too) {
  const Value spec = spec_of(workflow(R"(  - name: inner
    inputs: {parameters: [{name: y}]}
    dag: {tasks: [{name: m, template: make, arguments: {parameters: [{name: n, value: '{{inputs.parameters.y}}'}]}}]}
  - name: main
    inputs: {parameters: [{name: x}]}
    dag: {tasks: [{name: i, template: inner, arguments: {parameters: [{name: y, value: 'a-{{inputs.parameters.x}}'}]}}]}
)"));
  EXPECT_EQ(task(spec, "i")["inputs"]["parameters"]["y"]["runtimeValue"]["constant"].string_or(),
            "a-{{$.inputs.parameters['pipelinechannel--y-1']}}");
}

TEST(Workflow, a_limit_of_pods_is_the_run_s) {
  std::string text = with_tasks(kMake);
  text.insert(text.find("  entrypoint"), "  parallelism: 3\n");
  const auto translated = read(text);
  ASSERT_TRUE(translated.has_value()) << translated.error().message;
  EXPECT_EQ(to_json(translated->platform["platforms"]["kubernetes"]["pipelineConfig"]), R"({"parallelism":3})");
}

TEST(Workflow, what_cannot_be_had_is_refused_with_its_place) {
  struct Case {
    std::string_view rest, sentence;
  };
  constexpr Case kCases[] = {
      {"  - name: main\n    resource: {action: create}\n", "a template of the kind resource is not executed"},
      {"  - name: main\n    resource: {action: create, manifest: 'kind: ConfigMap'}\n",
       "this one is to create a ConfigMap"},
      {"  - name: main\n    container: {image: a}\n    sidecars: [{}]\n", "sidecars is not executed by Millrace"},
      {"  - name: main\n    container: {image: a}\n    initContainers: [{}]\n", "initContainers is not executed"},
      {"  - name: main\n    dag: {tasks: [{name: m, template: main}]}\n", "the template main calls itself"},
      {"  - name: main\n    dag: {tasks: [{name: m, template: gone}]}\n", "there is no template \"gone\""},
      {"  - name: main\n    dag: {tasks: []}\n", "the dag has no tasks"},
      {"  - name: main\n    dag: {tasks: [{name: m, template: make}]}\n", "the argument \"n\" is missing"},
      {"  - name: main\n    container: {image: a, args: ['{{tasks.x.ip}}']}\n", "has no meaning here"},
      {"  - name: main\n    container: {image: a, args: ['{{inputs.parameters.y}}']}\n", "no input parameter \"y\""},
      {"  - name: main\n    container: {image: a, args: ['{{workflow.parameters.y}}']}\n", "no parameter \"y\""},
      {"  - name: main\n    container: {image: a, args: ['{{workflow.status}}']}\n", "known to its exit handler only"},
      {"  - name: main\n    container: {image: a, livenessProbe: {}}\n", "livenessProbe is not executed"},
      {"  - name: main\n    container: {image: a, resources: {limits: {ephemeral-storage: 1Gi}}}\n",
       "the resource ephemeral-storage is not known here"},
  };
  for (const Case& c : kCases) {
    const std::string said = refusal(workflow(c.rest));
    EXPECT_NE(said.find(c.sentence), std::string::npos) << said;
    if (c.rest.find("{{workflow") == std::string_view::npos) {
      EXPECT_TRUE(said.starts_with("line ")) << said;
    }
  }
  EXPECT_EQ(refusal(workflow("  - name: main\n    container: {image: a}\n    sidecars: [{}]\n")),
            "line 20, spec.templates.main.sidecars: sidecars is not executed by Millrace, so the pipeline is refused");
}

TEST(When, text_numbers_and_words) {
  EXPECT_EQ(condition("\"{{inputs.parameters.a}}\" == \"heads\""), "string(inputs.parameter_values['w1']) == 'heads'");
  EXPECT_EQ(condition("{{inputs.parameters.a}} > 2"), "double(inputs.parameter_values['w1']) > double('2')");
  EXPECT_EQ(condition("{{inputs.parameters.a}} == heads"), "string(inputs.parameter_values['w1']) == 'heads'");
  EXPECT_EQ(condition("{{inputs.parameters.a}} != -1"), "double(inputs.parameter_values['w1']) != double('-1')");
  EXPECT_EQ(condition("{{inputs.parameters.a}} <= {{item}}"),
            "double(inputs.parameter_values['w1']) <= double(inputs.parameter_values['w2'])");
  EXPECT_EQ(condition("\"\" == \"it's\""), "'' == 'it\\'s'");
  EXPECT_EQ(condition("!(a == b) && true || c != d"), "((!('a' == 'b')) && (true)) || ('c' != 'd')");
}

TEST(When, mistakes_are_named) {
  EXPECT_NE(condition("a").find("one of == != < <= > >= is expected"), std::string::npos);
  EXPECT_NE(condition("\"a == b").find("the quote does not end"), std::string::npos);
  EXPECT_NE(condition("(a == b").find("a ) is expected"), std::string::npos);
  EXPECT_NE(condition("\"{{item}}x\" == y").find("text around a tag"), std::string::npos);
  EXPECT_NE(condition(std::string(100, '!') + "a == b").find("nested too deeply"), std::string::npos);
}

}  // namespace
}  // namespace millrace::pipelines::v1
