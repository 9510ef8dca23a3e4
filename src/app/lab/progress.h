#pragma once
// The lab's steps as a person watches them: a live tree on a terminal, one line a change elsewhere.

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::app {

struct LabStep {
  std::string name;
  std::string state;   // PENDING, RUNNING, SUCCEEDED, FAILED, SKIPPED
  double seconds = 0;  // so far, or in all once ended
  int depth = 0;       // 0: a step of the lab; 1: a task of the pipeline
  std::string note;    // shown behind: a metric, a name, why it failed
};

class Progress {
 public:
  enum class Style { tree, lines };
  // Writes to standard error when `to_stderr`, else to standard output.
  Progress(Style style, bool to_stderr);
  ~Progress();
  // What is shown becomes `steps`. On a terminal running steps' times are redrawn at each call.
  void show(const std::vector<LabStep>& steps);

 private:
  void draw_tree(const std::vector<LabStep>& steps);
  void print_changes(const std::vector<LabStep>& steps);
  Style style_;
  std::FILE* out_;
  std::size_t lines_drawn_ = 0;
  std::vector<LabStep> shown_;
  std::chrono::steady_clock::time_point last_drawn_{};
};

}  // namespace millrace::app
