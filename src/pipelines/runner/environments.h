#pragma once
// Python environments (executors/python_environment.h) that are being made: each by one child, whoever waits for it.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/timers.h"
#include "pipelines/executors/python_environment.h"
#include "pipelines/options.h"

namespace millrace::pipelines::runner {

class Environments {
 public:
  static constexpr Millis kLongest{1'800'000};  // the making of one
  static constexpr std::size_t kMaxWaiting = 100'000;

  Environments(Needs needs, const Options& options, Timers& timers);

  // What an earlier process of this program was making is thrown away. `idle`: no step runs, and so nobody needs what
  // is not whole.
  void begin(bool idle);
  // `done` is called once, on any thread, when the environment is there, or could not be made: what went wrong, in a
  // sentence. `log`: of who waits; what was said of a failure is put into it.
  using Done = std::function<void(const Status&)>;
  void make(executors::PythonBuild build, const std::filesystem::path& log, Done done);
  void ended(const std::string& key, const work::WorkStatus& status);

 private:
  struct Waiting {
    std::filesystem::path log;
    Done done;
  };
  struct Making {
    executors::PythonBuild build;
    std::vector<Waiting> waiting;
    Timers::Timer too_long;
  };
  Status publish(const executors::PythonBuild& build, const work::WorkStatus& status) const;
  void finish(const std::string& name, const std::function<Status(const executors::PythonBuild&)>& outcome);

  Needs needs_;
  const Options& options_;
  Timers& timers_;
  // Shared with the backend's answers, which may come later than our end.
  struct State {
    Mutex mutex;
    std::map<std::string, Making> making MR_GUARDED_BY(mutex);  // by name
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace millrace::pipelines::runner
