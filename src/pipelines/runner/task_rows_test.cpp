#include "pipelines/runner/task_rows.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "pipelines/runner/rows_for_tests.h"

namespace millrace::pipelines::runner {
namespace {

class TaskRows : public RowsTest {
 protected:
  void SetUp() override {
    RowsTest::SetUp();
    group_.name = "group";
    group_.display_name = "The group";
    group_.upstream = {"before"};
    inner_.name = inner_.display_name = "inner";
    dag_.dag.emplace();
    root_.path = "root";
    root_.component = &dag_;
    below(node_, root_, "root/group", group_, dag_);
    below(leaf_, node_, "root/group/inner", inner_, component_);
  }
  static void below(engine::Node& node, engine::Node& parent, const char* path, const Task& task,
                    const Component& component) {
    node.path = path;
    node.parent = &parent;
    node.task = &task;
    node.component = &component;
  }
  std::int64_t put(const TaskRow& row, const std::string& run_id = "r") {
    std::int64_t position = 0;
    const Status written = database_->write([&](db::Connection& connection) -> Status {
      position = MR_TRY(put_task(connection, run_id, row));
      return {};
    });
    EXPECT_TRUE(written) << written.error().message;
    return position;
  }
  std::vector<TaskView> tasks(const std::string& run_id = "r") {
    std::vector<TaskView> tasks;
    EXPECT_TRUE(database_->read([&](db::Connection& connection) -> Status {
      tasks = MR_TRY(read_tasks(connection, run_id));
      return {};
    }));
    return tasks;
  }

  Task group_, inner_;
  Component dag_, component_;
  engine::Node root_, node_, leaf_;
};

TEST_F(TaskRows, SayWhatTheNodeIs) {
  node_.parameters = Value::object({{"in", 1}});
  leaf_.state = engine::NodeState::failed;
  leaf_.attempt = 2;
  leaf_.created = from_epoch_ms(1);
  leaf_.started = from_epoch_ms(2);
  leaf_.ended = from_epoch_ms(3);
  leaf_.error = "no \"luck\"";
  leaf_.exit_code = 3;
  leaf_.output_artifacts = Value::object({{"model", Value::object({{"artifacts", Value::array()}})}});
  put({root_});
  put({node_});
  put({leaf_, 0, "pod-1", "image"});
  const auto there = tasks();
  ASSERT_EQ(there.size(), 3u);
  const TaskView &root = there[0], &group = there[1], &leaf = there[2];
  EXPECT_EQ(root.name, "root");
  EXPECT_EQ(root.display_name, "root");
  EXPECT_EQ(root.parent_id, "");
  EXPECT_TRUE(root.is_dag);
  EXPECT_EQ(group.name, "group");
  EXPECT_EQ(group.display_name, "The group");
  EXPECT_EQ(group.state, "PENDING");
  EXPECT_EQ(group.depends_on, std::vector<std::string>{"root/before"});
  EXPECT_EQ(group.attempt, 0);
  EXPECT_FALSE(group.started || group.ended);
  EXPECT_EQ(to_json(group.inputs), R"({"parameters":{"in":1},"artifacts":{}})");
  EXPECT_EQ(to_json(group.outputs), R"({"parameters":{},"artifacts":{}})");
  EXPECT_EQ(leaf.id, "root/group/inner");
  EXPECT_EQ(leaf.parent_id, "root/group");
  EXPECT_EQ(leaf.state, "FAILED");
  EXPECT_EQ(leaf.attempt, 2);
  EXPECT_EQ(leaf.created, from_epoch_ms(1));
  EXPECT_EQ(leaf.started, from_epoch_ms(2));
  EXPECT_EQ(leaf.ended, from_epoch_ms(3));
  EXPECT_EQ(leaf.error, "no \"luck\"");
  EXPECT_EQ(leaf.exit_code, std::optional(3));
  EXPECT_FALSE(group.exit_code);
  EXPECT_EQ(leaf.pod_name, "pod-1");
  EXPECT_EQ(leaf.image, "image");
  EXPECT_FALSE(leaf.is_dag);
  EXPECT_EQ(to_json(leaf.outputs), R"({"parameters":{},"artifacts":{"model":{"artifacts":[]}}})");
}

TEST_F(TaskRows, AreNamedByTheirIteration) {
  node_.iteration = 3;
  put({node_});
  const TaskView task = tasks().at(0);
  EXPECT_EQ(task.name, "group-3");
  EXPECT_EQ(task.display_name, "iteration-3");
  EXPECT_TRUE(task.depends_on.empty());
}

TEST_F(TaskRows, KeepTheirPositions) {
  const std::int64_t root = put({root_}), group = put({node_});
  const std::int64_t other = put({root_}, "other");
  root_.state = engine::NodeState::running;
  EXPECT_EQ(put({root_, root}), root);
  EXPECT_EQ(tasks().at(0).state, "RUNNING");
  root_.state = engine::NodeState::succeeded;
  EXPECT_EQ(put({root_}), root) << "found by its path, as after a restart";
  EXPECT_EQ(tasks().at(0).state, "SUCCEEDED");
  EXPECT_EQ(tasks().at(1).id, "root/group");
  EXPECT_NE(root, group);
  put({node_, other});  // not the run's own
  EXPECT_EQ(tasks("other").at(0).id, "root");
  EXPECT_EQ(tasks("other").at(0).state, "PENDING");
}

TEST_F(TaskRows, OfEarlierVersionsSayAllTheyHave) {
  ASSERT_TRUE(database_->write([](db::Connection& connection) {
    return connection.execute(
        R"sql(INSERT INTO kfp_tasks(run_id, path, data) VALUES('r', 'root/a', '{"name":"a","display_name":"","parent":
        "root","state":"PENDING","pod":"","depends_on":["root/b"],"dag":false,"attempt":0,"created":5,"started":0,
        "ended":0,"image":"","inputs":{"parameters":{"x":1},"artifacts":{}},"outputs":{"parameters":{},"artifacts":{}}}')
        )sql");
  }));
  const TaskView task = tasks().at(0);
  EXPECT_EQ(task.name, "a");
  EXPECT_EQ(task.display_name, "") << "as it was given";
  EXPECT_EQ(task.depends_on, std::vector<std::string>{"root/b"});
  EXPECT_EQ(task.created, from_epoch_ms(5));
  EXPECT_FALSE(task.started || task.ended);
  EXPECT_EQ(to_json(task.inputs), R"({"parameters":{"x":1},"artifacts":{}})");
}

}  // namespace
}  // namespace millrace::pipelines::runner
