#include "app/operate/run_traces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::app {
namespace {

using testing::HasSubstr;

pipelines::RunView ended_run() {
  pipelines::RunView run;
  run.id = "449d7d22-b904-4b4f-b57c-d7f00a25624c";
  run.display_name = "nightly";
  run.state = "FAILED";
  run.error = "train failed";
  run.created = from_epoch_ms(1'000);
  run.finished = from_epoch_ms(3'000);
  for (const char* path : {"root", "root/group", "root/group/train", "root/skipped"}) {
    pipelines::TaskView task;
    task.id = path;
    task.display_name = task.id.substr(task.id.rfind('/') + 1);
    task.parent_id = task.id == "root/group/train" ? "root/group" : "";
    task.state = task.id == "root/skipped" ? "SKIPPED" : "FAILED";
    task.is_dag = task.id == "root/group";
    if (task.state == "FAILED") task.started = from_epoch_ms(1'500), task.ended = from_epoch_ms(2'500);
    run.tasks.push_back(task);
  }
  run.tasks[2].exit_code = 3;
  run.tasks[2].attempt = 2;
  return run;
}

const Value& spans_of(const Value& request) {
  return request["resourceSpans"].items()[0]["scopeSpans"].items()[0]["spans"];
}

TEST(RunTraces, HaveASpanForTheRunAndEachTaskThatBegan) {
  const auto requests = traces_of(ended_run(), 10);
  ASSERT_EQ(requests.size(), 1u);
  const Value& spans = spans_of(requests[0]);
  ASSERT_EQ(spans.size(), 3u);
  const Value &run = spans.items()[0], &group = spans.items()[1], &train = spans.items()[2];
  EXPECT_EQ(run["traceId"].string_or(), "449d7d22b9044b4fb57cd7f00a25624c");
  EXPECT_EQ(run["name"].string_or(), "nightly");
  EXPECT_EQ(run["startTimeUnixNano"].string_or(), "1000000000");
  EXPECT_EQ(run["endTimeUnixNano"].string_or(), "3000000000");
  EXPECT_FALSE(run.has("parentSpanId"));
  EXPECT_EQ(run["status"]["code"].int_or(0), 2);
  EXPECT_EQ(group["parentSpanId"].string_or(), run["spanId"].string_or());
  EXPECT_EQ(train["parentSpanId"].string_or(), group["spanId"].string_or());
  EXPECT_EQ(train["spanId"].string_or().size(), 16u);
  EXPECT_THAT(to_json(train), HasSubstr(R"({"key":"process.exit.code","value":{"intValue":"3"}})"));
}

TEST(RunTraces, AreSentInParts) {
  const auto requests = traces_of(ended_run(), 2);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(spans_of(requests[0]).size(), 2u);
  EXPECT_EQ(spans_of(requests[1]).size(), 1u);
}

TEST(RunTraces, AreOfRunsThatHaveEnded) {
  pipelines::RunView run = ended_run();
  run.finished.reset();
  EXPECT_TRUE(traces_of(run, 10).empty());
}

TEST(RunTraces, GoToACollector) {
  EXPECT_EQ(traces_url("http://localhost:4318").value(), "http://localhost:4318/v1/traces");
  EXPECT_EQ(traces_url("https://collector.example/otlp/").value(), "https://collector.example/otlp/v1/traces");
  for (const char* wrong : {"", "localhost:4318", "http://", "http://a b", "ftp://a", "http://a?b"})
    EXPECT_FALSE(traces_url(wrong)) << wrong;
}

}  // namespace
}  // namespace millrace::app
