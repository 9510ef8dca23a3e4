#pragma once
// Random pipelines for the engine's simulation: groups, loops, branches and exit handlers around one component.

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "base/simulated_rounds_for_tests.h"
#include "pipelines/expr/expression.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::pipelines::engine {

class Graph {
 public:
  explicit Graph(std::mt19937& random) : random_(random) {
    spec.name = "p";
    spec.root.name = "root";
    spec.executors["exec-leaf"].image = "image";
    Component leaf;
    leaf.name = "leaf";
    leaf.executor = "exec-leaf";
    leaf.output_parameters["out"] = ParameterType::number_integer;
    leaf.parameters["x"] = {ParameterType::number_integer, true, std::nullopt, {}};
    leaf.parameters["list"] = {ParameterType::list, true, std::nullopt, {}};
    leaf.parameters["status"] = {ParameterType::structure, true, std::nullopt, {}};
    spec.components["leaf"] = leaf;
    spec.root.dag = dag(0);
  }

  PipelineSpec spec;

 private:
  enum class Shape { leaf, group, loop, branches };

  bool one_in(std::uint32_t n) { return random_() % n == 0; }

  static ParameterSource from_task(const std::string& producer) {
    return {ParameterSource::Kind::task_output, "", producer, "out", {}, ""};
  }

  static void wait_for(Task& task, const std::string& upstream) {
    if (std::find(task.upstream.begin(), task.upstream.end(), upstream) == task.upstream.end())
      task.upstream.push_back(upstream);
  }

  RetryPolicy retry() {
    RetryPolicy policy;
    if (one_in(2)) policy.max_retries = static_cast<std::int64_t>(1 + random_() % 2);
    policy.backoff_seconds = static_cast<double>(random_() % 2);
    return policy;
  }

  // A component of its own around a dag; it takes x, and gives out.
  std::string component(Dag inner, ParameterType out = ParameterType::number_integer) {
    Component made;
    made.name = fmt::format("dag-{}", spec.components.size());
    made.parameters["x"] = {ParameterType::number_integer, true, std::nullopt, {}};
    made.output_parameters["out"] = out;
    made.dag = std::move(inner);
    const std::string name = made.name;
    spec.components[name] = std::move(made);
    return name;
  }

  Dag dag(int depth) {
    Dag made;
    std::map<std::string, Shape> shapes;
    const auto count = 1 + random_() % (depth == 0 ? 5 : 3);
    for (std::uint32_t i = 0; i < count; ++i) {
      const Shape shape = depth >= 3 || one_in(2) ? Shape::leaf : static_cast<Shape>(1 + random_() % 3);
      Task task;
      task.name = fmt::format("{}{}", shape == Shape::loop ? "loop-" : shape == Shape::leaf ? "t" : "group-", i);
      if (depth < 3 && shape == Shape::group && one_in(2)) task.name = fmt::format("exit-handler-{}", i);
      task.display_name = task.name;
      fill(task, shape, depth);
      for (const Task& earlier : made.tasks) {
        if (!one_in(3)) continue;
        wait_for(task, earlier.name);
        if (shapes[earlier.name] == Shape::loop) {
          if (shape == Shape::leaf && one_in(2)) task.parameters["list"] = from_task(earlier.name);
        } else if (one_in(2)) {
          task.parameters["x"] = from_task(earlier.name);
        }
      }
      if (!task.parameters.contains("x")) {
        if (depth > 0 && one_in(2))
          task.parameters["x"] = {ParameterSource::Kind::component_input, "x", "", "", {}, ""};
        else
          task.parameters["x"] = {
              ParameterSource::Kind::constant, "", "", "", Value(static_cast<std::int64_t>(random_() % 10)), ""};
      }
      if (one_in(6)) task.condition = compares(static_cast<int>(random_() % 10), one_in(2));
      task.runs_after_failure = !task.upstream.empty() && one_in(6);
      task.retry = retry();
      shapes[task.name] = shape;
      made.tasks.push_back(task);
      if (task.name.starts_with("exit-handler-")) {
        made.tasks.push_back(exit_task(task.name));
        shapes[made.tasks.back().name] = Shape::leaf;
      }
    }
    for (const Task& task : made.tasks) {
      if (shapes[task.name] != Shape::loop) made.parameters["out"].push_back({task.name, "out"});
    }
    return made;
  }

  static expr::Expression compares(int limit, bool less) {
    return *expr::Expression::parse(fmt::format("int(inputs.parameter_values['x']) {} {}", less ? "<" : ">=", limit));
  }

  Task exit_task(const std::string& group) {
    Task task;
    task.name = task.display_name = "after-" + group;
    task.component = "leaf";
    wait_for(task, group);
    task.runs_after_failure = true;
    task.parameters["status"] = {ParameterSource::Kind::final_status, "", group, "", {}, ""};
    task.retry = retry();
    return task;
  }

  void fill(Task& task, Shape shape, int depth) {
    switch (shape) {
      case Shape::leaf:
        task.component = "leaf";
        task.cached = one_in(6);
        break;
      case Shape::group:
        task.component = component(dag(depth + 1));
        break;
      case Shape::loop:
        task.component = component(dag(depth + 1), ParameterType::list);
        task.iterator.emplace();
        task.iterator->item = "x";
        task.iterator->items = Value::array();
        for (auto n = random_() % 4; n > 0; --n) task.iterator->items->push(static_cast<std::int64_t>(n));
        task.iterator->limit = static_cast<std::size_t>(random_() % 3);
        break;
      case Shape::branches: {
        // if x < a, elif x < b, else: one of them leaves the output.
        const auto low = static_cast<int>(random_() % 6), high = low + static_cast<int>(random_() % 4);
        const std::string x = "int(inputs.parameter_values['x'])";
        const std::string conditions[] = {fmt::format("{} < {}", x, low),
                                          fmt::format("!({} < {}) && {} < {}", x, low, x, high),
                                          fmt::format("!({} < {}) && !({} < {})", x, low, x, high)};
        Dag branches;
        for (std::size_t i = 0; i < 3; ++i) {
          Task branch;
          branch.name = branch.display_name = fmt::format("condition-{}", i);
          branch.component = depth < 2 && one_in(3) ? component(dag(depth + 2)) : "leaf";
          branch.parameters["x"] = {ParameterSource::Kind::component_input, "x", "", "", {}, ""};
          branch.condition = *expr::Expression::parse(conditions[i]);
          branches.parameters["out"].push_back({branch.name, "out"});
          branches.tasks.push_back(branch);
        }
        task.component = component(std::move(branches));
        break;
      }
    }
  }

  std::mt19937& random_;
};

}  // namespace millrace::pipelines::engine
