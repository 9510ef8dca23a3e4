#pragma once
// Python environments (python_environment.h) that are being made: each by one child, whoever waits for it.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"
#include "base/timers.h"
#include "work/backend.h"
#include "work/python_environment.h"

namespace millrace::work {

class EnvironmentBuilds {
 public:
  static constexpr Millis kLongest{1'800'000};  // the making of one
  static constexpr std::size_t kMaxWaiting = 100'000;

  EnvironmentBuilds(Backend& backend, const Clock& clock, PythonPlaces places, Timers& timers);

  // What an earlier process of this program was making is thrown away. `idle`: no step runs, and so nobody needs what
  // is not whole.
  void begin(bool idle);
  // `done` is called once, on any thread, when the environment is there, or could not be made: what went wrong, in a
  // sentence, and the end of what the child said. `log`: of who waits; what was said of a failure is put into it.
  // Empty: it has none.
  using Done = std::function<void(const Status& made, const std::string& said)>;
  void make(PythonBuild build, const std::filesystem::path& log, Done done);
  void ended(const std::string& key, const WorkStatus& status);

 private:
  struct Waiting {
    std::filesystem::path log;
    Done done;
  };
  struct Making {
    PythonBuild build;
    std::vector<Waiting> waiting;
    Timers::Timer too_long;
  };
  Status publish(const PythonBuild& build, const WorkStatus& status) const;
  void finish(const std::string& name, const std::function<Status(const PythonBuild&)>& outcome);

  Backend& backend_;
  const Clock& clock_;  // the timers'
  const PythonPlaces places_;
  Timers& timers_;
  // Shared with the backend's answers, which may come later than our end.
  struct State {
    Mutex mutex;
    std::map<std::string, Making> making MR_GUARDED_BY(mutex);  // by name
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace millrace::work
