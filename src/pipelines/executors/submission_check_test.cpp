#include "pipelines/executors/submission_check.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::pipelines::executors {
namespace {

using testing::HasSubstr;

// Two tasks of one component; the second one in a group under a condition on the run's parameter "flag".
PipelineSpec pipeline_of(const std::string& container, const std::string& inputs = "") {
  const std::string text = fmt::format(R"(
pipelineInfo: {{name: p}}
schemaVersion: 2.1.0
deploymentSpec:
  executors:
    exec-a:
      container: {{image: busybox, command: [sh, -c, "true"]}}
    exec-b:
      container: {}
components:
  comp-a: {{executorLabel: exec-a}}
  comp-b:
    executorLabel: exec-b
    inputDefinitions: {{parameters: {{n: {{parameterType: STRING, isOptional: true}}}}}}
  comp-group:
    inputDefinitions: {{parameters: {{flag: {{parameterType: STRING}}}}}}
    dag:
      tasks:
        b:
          taskInfo: {{name: b}}
          componentRef: {{name: comp-b}}
          inputs: {{parameters: {{{}}}}}
root:
  inputDefinitions: {{parameters: {{flag: {{parameterType: STRING}}}}}}
  dag:
    tasks:
      a:
        taskInfo: {{name: a}}
        componentRef: {{name: comp-a}}
      group:
        taskInfo: {{name: group}}
        componentRef: {{name: comp-group}}
        inputs: {{parameters: {{flag: {{componentInputParameter: flag}}}}}}
        triggerPolicy: {{condition: "inputs.parameter_values['flag'] != 'no'"}}
)",
                                       container, inputs);
  const auto package = read_package(text);
  EXPECT_TRUE(package) << package.error().message;
  auto spec = parse_pipeline_spec(package->spec, package->platform);
  EXPECT_TRUE(spec) << spec.error().message;
  return spec ? std::move(*spec) : PipelineSpec();
}

std::string why(const PipelineSpec& spec, const Value& parameters, const Options& options = {}) {
  const Status good = check_submission(options, Hooks(), spec, parameters);
  return good ? std::string() : good.error().message;
}

const Value kYes = Value::object({{"flag", "yes"}}), kNo = Value::object({{"flag", "no"}});

TEST(SubmissionCheck, RefusesProgramsThatOnlyAnImageHas) {
  const PipelineSpec spec = pipeline_of("{image: tools, command: [no-such-program-here]}");
  EXPECT_THAT(why(spec, kYes),
              HasSubstr("deploymentSpec.executors.exec-b: the program no-such-program-here of the image tools"));
  EXPECT_EQ(why(spec, kNo), "") << "it is never started";
  EXPECT_EQ(why(spec, Value::object()), "") << "nobody knows yet whether it is";
  Options options;
  options.images["tools"] = "/srv/tools";
  EXPECT_EQ(why(spec, kYes, options), "");
  options = {};
  options.containers = true;
  EXPECT_EQ(why(spec, kYes, options), "");
  EXPECT_EQ(why(pipeline_of("{image: tools, command: [sh]}"), kYes), "");
  EXPECT_EQ(why(pipeline_of("{image: tools, command: [/bin/sh]}"), kYes), "");
  EXPECT_THAT(why(pipeline_of("{image: tools, command: [/opt/none/at/all]}"), kYes), HasSubstr("/opt/none/at/all"));
  EXPECT_THAT(why(pipeline_of("{image: tools}"), kYes), HasSubstr("has no command in the pipeline"));
  EXPECT_THAT(why(pipeline_of("{image: tools, args: [--all]}"), kYes), HasSubstr("has no command in the pipeline"));
  EXPECT_EQ(why(pipeline_of(R"({image: tools, command: [none-here], env: [{name: PATH, value: /opt}]})"), kYes), "");
}

TEST(SubmissionCheck, ResolvesWhatTasksAskFor) {
  const std::string container =
      "{image: x, command: [sh], resources: {accelerator: {resourceType: nvidia.com/gpu, "
      "resourceCount: \"{{$.inputs.parameters['n']}}\"}}}";
  const PipelineSpec of_input = pipeline_of(container, "n: {componentInputParameter: flag}");
  EXPECT_THAT(why(of_input, Value::object({{"flag", "2"}})), HasSubstr("it asks for 2 nvidia.com/gpu"));
  EXPECT_EQ(why(of_input, Value::object({{"flag", "0"}})), "");
  EXPECT_EQ(why(of_input, kNo), "");
  const PipelineSpec constant = pipeline_of(container, "n: {runtimeValue: {constant: '4'}}");
  EXPECT_THAT(why(constant, kYes), HasSubstr("it asks for 4 nvidia.com/gpu"));
  EXPECT_THAT(why(constant, Value::object()), HasSubstr("it asks for 4 nvidia.com/gpu")) << "it may be reached";
}

}  // namespace
}  // namespace millrace::pipelines::executors
