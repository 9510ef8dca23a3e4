#pragma once
// What is done for a task before it runs, where that takes long: its Python environment is made, its image is pulled.
// The server writes what those say into the task's log, which starts before the task does.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/cli/client.h"
#include "app/cli/tree.h"

namespace millrace::app {

class Preparing {
 public:
  static constexpr std::chrono::seconds kPatience{2};  // what is shorter needs no explanation
  static constexpr std::chrono::seconds kAskEvery{1};
  static constexpr std::size_t kMaxAsked = 3;  // tasks whose logs are read at once

  explicit Preparing(ApiClient& client, std::string run_id) : client_(client), run_id_(std::move(run_id)) {}

  // By task id: what is done for each that has been ready for longer than kPatience.
  const std::map<std::string, std::string>& notes(const std::vector<TaskLine>& tasks);

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    Clock::time_point since = {}, asked = {};
    std::int64_t offset = 0;  // of the log
    std::string line = {};    // its last
  };
  void ask(const TaskLine& task, Waiting& waiting);

  ApiClient& client_;
  const std::string run_id_;
  std::map<std::string, Waiting> waiting_;
  std::map<std::string, std::string> notes_;
};

// A task that only waits for what is done for it: all that it depends on has ended.
bool is_ready(const TaskLine& task, const std::map<std::string, std::string>& states);
// The last line of a text that is not empty.
std::string last_line(std::string_view text);

}  // namespace millrace::app
