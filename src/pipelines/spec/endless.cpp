#include "pipelines/spec/endless.h"

#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace millrace::pipelines {
namespace {

bool has_way_out(const Task& task) {
  return task.condition.has_value() || (task.iterator && (!task.iterator->items || task.iterator->items->empty()));
}

// The tasks that start whenever the dag does, and nothing fails. Those of a dag wait for each other in no circle.
std::vector<const Task*> certain_tasks(const Dag& dag) {
  std::map<std::string_view, std::vector<const Task*>> downstream;
  std::set<std::string_view> uncertain;
  std::vector<std::string_view> open;
  for (const Task& task : dag.tasks) {
    if (!task.runs_after_failure) {
      for (const std::string& name : task.upstream) downstream[name].push_back(&task);
    }
    if (has_way_out(task) && uncertain.insert(task.name).second) open.push_back(task.name);
  }
  while (!open.empty()) {
    const std::string_view name = open.back();
    open.pop_back();
    for (const Task* next : downstream[name]) {
      if (uncertain.insert(next->name).second) open.push_back(next->name);
    }
  }
  std::vector<const Task*> out;
  for (const Task& task : dag.tasks) {
    if (!uncertain.contains(task.name)) out.push_back(&task);
  }
  return out;
}

}  // namespace

std::optional<Endless> find_endless(const PipelineSpec& pipeline) {
  enum class Mark { on_the_way, done };
  struct Step {
    const Component* component;
    std::vector<const Task*> tasks;
    std::size_t next = 0;
  };
  std::map<std::string_view, Mark> marks;
  for (const auto& [name, first] : pipeline.components) {
    if (!first.dag || marks.contains(name)) continue;
    // A stack of our own: components may be nested as deep as there are many.
    std::vector<Step> way = {{&first, certain_tasks(*first.dag)}};
    marks[name] = Mark::on_the_way;
    while (!way.empty()) {
      Step& step = way.back();
      if (step.next == step.tasks.size()) {
        marks[step.component->name] = Mark::done;
        way.pop_back();
        continue;
      }
      const Task& task = *step.tasks[step.next++];
      const auto called = pipeline.components.find(task.component);
      if (called == pipeline.components.end() || !called->second.dag) continue;
      const auto mark = marks.find(called->first);
      if (mark == marks.end()) {
        marks[called->first] = Mark::on_the_way;
        way.push_back({&called->second, certain_tasks(*called->second.dag)});
      } else if (mark->second == Mark::on_the_way) {
        return Endless{step.component->name, task.name};
      }
    }
  }
  return std::nullopt;
}

}  // namespace millrace::pipelines
