#pragma once
// The commands about pipelines and runs, as the program's command line has them.

#include <memory>

namespace CLI {
class App;
}

namespace millrace::app {

class CommandTable {
 public:
  explicit CommandTable(CLI::App& app);  // adds them; `app` must outlive this
  ~CommandTable();
  bool parsed() const;  // was it one of these?
  int run();            // its exit code

 private:
  struct Entry;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::app
