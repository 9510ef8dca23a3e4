#pragma once
// The tasks of a dag by their places in it: worked out once, however often the dag is run through.

#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipelines/spec/pipeline_spec.h"

namespace millrace::pipelines::engine {

class DagIndex {
 public:
  using Places = std::vector<std::size_t>;
  DagIndex(const Dag& dag, const PipelineSpec& spec);  // which outlive it
  std::optional<std::size_t> find(std::string_view name) const;
  const Places& upstream(std::size_t place) const { return tasks_[place].upstream; }      // those it waits for
  const Places& downstream(std::size_t place) const { return tasks_[place].downstream; }  // those that wait for it
  const Component& component(std::size_t place) const { return *tasks_[place].component; }

 private:
  struct Entry {
    Places upstream, downstream;
    const Component* component;
  };
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::vector<Entry> tasks_;
};

}  // namespace millrace::pipelines::engine
