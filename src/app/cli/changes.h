#pragma once
// What has changed in a run since it was last looked at, a line for each: for whoever watches elsewhere than on a
// terminal. In causal order (causal.h), also of what happened between two looks. Pure.

#include <map>
#include <string>
#include <vector>

#include "app/cli/tree.h"
#include "base/time.h"
#include "base/value.h"

namespace millrace::app {

class Changes {
 public:
  // "train: running", "train: attempt 1 failed: exit code 1", "train: succeeded in 1.20 s", at the end the run's own.
  // `run`: with details.h's facts. `notes`: by task id, what it does while it is prepared.
  std::vector<std::string> since(const Value& run, Time now, const std::map<std::string, std::string>& notes = {});

 private:
  struct Seen {
    std::string state, note;
    std::size_t tries = 0;
    int attempt = 0;
  };
  void add_start(const TaskLine& task, std::vector<std::string>& lines);
  void add_end(const TaskLine& task, std::vector<std::string>& lines);

  std::map<std::string, Seen> seen_;  // by task id
  bool ended_ = false;
};

}  // namespace millrace::app
