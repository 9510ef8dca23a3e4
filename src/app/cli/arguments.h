#pragma once
// The command lines about pipelines and runs.

#include <memory>

#include "app/cli/commands.h"

namespace millrace::app {

class RunCommands {
 public:
  explicit RunCommands(CLI::App& app);  // adds them; `app` must outlive this
  ~RunCommands();
  bool parsed() const;  // was it one of these?
  int run();            // its exit code

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::app
