#include "pipelines/engine/constants.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::pipelines::engine {
namespace {

std::string outcome(const char* constant) {
  const Value parameters =
      *parse_json(R"({"p--a":"Ann","p--n":3,"p--l":[1,"x"],"p--x":"{{$.inputs.parameters['p--a']}}"})");
  return to_json(with_inputs(*parse_json(constant), parameters));
}

TEST(Constants, ReferToOtherInputs) {
  EXPECT_EQ(outcome(R"("hi {{$.inputs.parameters['p--a']}}-{{$.inputs.parameters['p--n']}}!")"), R"("hi Ann-3!")");
  EXPECT_EQ(
      outcome(
          R"(["{{$.inputs.parameters['p--n']}}",{"{{$.inputs.parameters['p--a']}}":"{{$.inputs.parameters['p--l']}}"},2])"),
      R"(["3",{"Ann":"[1,\"x\"]"},2])");
  EXPECT_EQ(outcome(R"("[{{$.inputs.parameters['gone']}}]")"), R"("[]")");
}

TEST(Constants, AReferenceAloneKeepsItsType) {
  EXPECT_EQ(outcome(R"("{{$.inputs.parameters['p--n']}}")"), "3");
  EXPECT_EQ(outcome(R"("{{$.inputs.parameters['p--l']}}")"), R"([1,"x"])");
  EXPECT_EQ(outcome(R"("{{$.inputs.parameters['gone']}}")"), "null");
}

TEST(Constants, WhatAValueSaysIsNeverLookedAtAgain) {
  EXPECT_EQ(outcome(R"("{{$.inputs.parameters['p--x']}}-")"), R"("{{$.inputs.parameters['p--a']}}-")");
}

TEST(Constants, AreLookedThroughForReferences) {
  for (const char* text : {R"("a {{$.inputs.parameters['p--a']}}")", R"([1,{"x":["{{$.inputs.parameters['p--a']}}"]}])",
                           R"({"{{$.inputs.parameters['p--a']}}":1})"})
    EXPECT_TRUE(names_inputs(*parse_json(text))) << text;
  for (const char* text : {R"("{{$.pipeline_job_name}}")", "null", "2", R"([{"a":["b"]}])"})
    EXPECT_FALSE(names_inputs(*parse_json(text))) << text;
}

TEST(Constants, AnythingElseStays) {
  for (const char* text :
       {R"("{{$.pipeline_job_name}} {{$}} {{$x}}")", R"("{{$.inputs.parameters['p--a'")", "null", "1.5", "{}"})
    EXPECT_EQ(outcome(text), text);
}

}  // namespace
}  // namespace millrace::pipelines::engine
