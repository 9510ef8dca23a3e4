#include "app/cli/package.h"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

constexpr std::string_view kPipeline = R"(pipelineInfo:
  name: two
root:
  dag:
    tasks:
      first:
        componentRef:
          name: comp-one
        surprise: 1
      second:
        componentRef:
          name: comp-none
      third:
        componentRef:
          name: comp-one
        inputs:
          parameters:
            x: {}
components:
  comp-one:
    executorLabel: exec-one
deploymentSpec:
  executors:
    exec-one:
      container:
        image: python
        command: [echo]
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
)";

TEST(CliCheck, FindsEveryProblemWithItsLine) {
  const auto findings = find_problems(std::string(kPipeline));
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].line, 9U);
  EXPECT_EQ(findings[0].path, "root.dag.tasks.first.surprise");
  EXPECT_NE(findings[1].what.find("comp-none"), std::string::npos);
  EXPECT_EQ(findings[2].line, 18U);
  EXPECT_EQ(findings[2].path, "root.dag.tasks.third.inputs.parameters.x");
}

TEST(CliCheck, ASyntaxErrorHasItsLine) {
  const auto findings = find_problems("a: 1\nb: [1, 2\nc: 3\n");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_GE(findings[0].line, 2U);
  EXPECT_FALSE(findings[0].what.empty());
}

}  // namespace
}  // namespace millrace::app
