#include "app/cli/details.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::app {
namespace {

TEST(CliDetails, ValuesComeFromTheConsoleAndIdsFromTheArtifacts) {
  Value run =
      *parse_json(R"({"run_details":{"task_details":[{"task_id":"root"},{"task_id":"root/a"},{"task_id":7}]}})");
  const Value console = *parse_json(R"({"tasks":[{"id":"root/a","cached":true,"attempt":2,"depends_on":["root/b"],
      "inputs":{"parameters":{"x":1},"artifacts":{}},
      "outputs":{"parameters":{},"artifacts":{"model":{"artifacts":[
        {"name":"m","uri":"minio://b/m","type":{"schemaTitle":"system.Model"},"metadata":{"k":"v"}},
        {"name":"n","uri":"minio://b/n","type":{"schemaTitle":"system.Model"},"metadata":{}}]}}}}]})");
  add_task_facts(run, console);
  add_task_values(run, console, *parse_json(R"([{"artifact_id":"5","uri":"minio://b/m"}])"));
  const Value& task = run["run_details"]["task_details"].items()[1];
  EXPECT_TRUE(task["cached"].bool_or(false));
  EXPECT_EQ(task["attempt"].int_or(0), 2);
  EXPECT_EQ(task["depends_on"].items()[0].string_or(), "root/b");
  EXPECT_EQ(to_json(task["values"]["inputs"]), R"({"parameters":{"x":1},"artifacts":{}})");
  EXPECT_EQ(to_json(task["values"]["outputs"]["artifacts"]["model"]),
            R"([{"artifact_id":"5","name":"m","type":"system.Model","uri":"minio://b/m","metadata":{"k":"v"}},)"
            R"({"name":"n","type":"system.Model","uri":"minio://b/n"}])");
  EXPECT_FALSE(run["run_details"]["task_details"].items()[0].has("values"));
}

TEST(CliDetails, WhatHasNoTasksStaysAsItIs) {
  for (const char* text : {"{}", R"({"run_details":{}})", R"({"run_details":{"task_details":7}})"}) {
    Value run = *parse_json(text);
    const Value before = run;
    add_task_facts(run, *parse_json(R"({"tasks":[{"id":"root"}]})"));
    EXPECT_EQ(run, before);
  }
}

}  // namespace
}  // namespace millrace::app
