#pragma once
// The Python servers that are ready for runs to come (executors/python_server.h). One starts when a run with such a
// component has ended, and the next run of that environment takes it. At most one for an environment and kMost in all;
// one that nobody takes ends by itself after ten minutes. All end with this program.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::runner {

class ReadyServers {
 public:
  static constexpr std::size_t kMost = 2;

  ReadyServers(Needs needs, const Options& options, const Hooks& hooks);
  ~ReadyServers() { stop(); }

  // Those of an earlier process of this program end: what they were started for is not known any more.
  void begin();
  void start(const std::string& environment);  // unless there is one
  struct Taken {
    std::string key;
    Time started{};
  };
  // The run gets it, with the directory of its own that it has then. nullopt: there is none, or the run has files
  // already.
  std::optional<Taken> take(const executors::RunContext& run, const std::string& environment);
  // A run that was recovered has this one.
  void has(const std::string& run_id, const std::string& key);
  std::string run_of(const std::string& key) const;  // that has taken it; empty: none
  // The run that had it; empty: none. Its key may be any server's.
  std::string ended(const std::string& key);
  void stop();

 private:
  struct Server;
  // What starts one, unless there is one or the program stops; `oldest` had to make room for it.
  std::optional<work::Workload> add(const std::string& environment, std::optional<Server>& oldest);
  void stop(const std::string& key);

  struct State;  // what the backend's answers, which may come later than our end, find
  Needs needs_;
  const Options& options_;
  const Hooks& hooks_;
  std::shared_ptr<State> state_;
};

}  // namespace millrace::pipelines::runner
