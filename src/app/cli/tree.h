#pragma once
// A run's tasks as a tree for a terminal. Pure.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "base/value.h"

namespace millrace::app {

struct TaskLine {
  std::string id, parent, name, state, pod, error;
  std::string path;     // names from the root, "loop/0/train": unique where names are not
  std::string guide;    // "│  ├─ "
  double seconds = -1;  // so far, or in all; below 0: not started
  bool is_dag = false;
  // Of details.h, where they were added; a task that succeeded by the cache has the state CACHED.
  int attempt = 0;                      // 0: not begun
  std::vector<std::string> depends_on;  // ids
  std::vector<std::string> tries;       // what each attempt that failed and was followed by another died of
};

// The tasks of the API's run message, depth first, each under its parent. The run's own root is left out. At most
// 64 levels; a task whose parent is not there stands at the top.
std::vector<TaskLine> task_tree(const Value& run, Time now);
// The run's state; CANCELED also where the API says, as upstream does, that a run that was stopped FAILED.
std::string run_state(const Value& run);
double run_seconds(const Value& run, Time now);

struct TreeLook {
  std::size_t width = 100;  // columns; longer lines are cut
  std::size_t height = 0;   // lines; 0: all. What is done is folded first, then the end is left out and counted
  bool colour = false;
  std::map<std::string, std::string> notes = {};  // by task id: what it does while it is neither running nor done
};
// The run on the first line, its tasks below.
std::vector<std::string> draw_tree(const Value& run, Time now, const TreeLook& look);

}  // namespace millrace::app
