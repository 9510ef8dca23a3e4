#include "pipelines/engine/dag_index.h"

namespace millrace::pipelines::engine {

DagIndex::DagIndex(const Dag& dag, const PipelineSpec& spec) {
  tasks_.reserve(dag.tasks.size());
  for (const Task& task : dag.tasks) {
    by_name_.emplace(task.name, tasks_.size());
    tasks_.push_back({{}, {}, &spec.components.at(task.component)});
  }
  for (std::size_t place = 0; place < tasks_.size(); ++place) {
    for (const std::string& name : dag.tasks[place].upstream) {
      const std::size_t upstream = by_name_.at(name);
      tasks_[place].upstream.push_back(upstream);
      tasks_[upstream].downstream.push_back(place);
    }
  }
}

std::optional<std::size_t> DagIndex::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace millrace::pipelines::engine
