// The ends of what was started, by the beginnings of their keys.

#include "base/log.h"
#include "pipelines/executors/python_server.h"
#include "pipelines/runner/attempts.h"

namespace millrace::pipelines::runner {

// On the backend's thread, as all of these: the work is done in the turns of their keys.
void Attempts::subscribe() {
  const auto on = [this](std::string keys, void (Attempts::*handler)(const std::string&, const work::WorkStatus&)) {
    ends_.push_back(needs_.backend.on_end(std::move(keys), [this, handler](const std::string& key, const auto& status) {
      (this->*handler)(key, status);
    }));
  };
  on(executors::launch_keys_of(""), &Attempts::attempt_ended);
  on(executors::python_server_keys_of(""), &Attempts::python_server_ended);
  on(executors::environment_build_keys(), &Attempts::environment_build_ended);
}

void Attempts::attempt_ended(const std::string& key, const work::WorkStatus& status) {
  std::string run_id, path;
  int attempt = 0;
  if (!executors::parse_launch_key(key, run_id, path, attempt)) return;
  const Run run = find_(run_id);
  if (!run) return;
  queue_.post(run_id, [this, run, path, attempt, status] { ended(run, path, attempt, status); });
}

void Attempts::python_server_ended(const std::string& key, const work::WorkStatus& status) {
  const std::string begin = executors::python_server_keys_of("");
  // One that says so itself cannot serve, and another one could not either.
  const bool failed = status.signal == 0 && status.exit_code != 0;
  std::string of_run = key.substr(begin.size(), key.find('/', begin.size()) - begin.size());
  queue_.post(key, [this, key, of_run = std::move(of_run), failed]() mutable {
    forget(key);  // so that it may be started again
    if (executors::is_ready_python_server(key)) of_run = ready_servers_.ended(key);
    const Run run = find_(of_run);
    if (!run) return;
    queue_.post(of_run, [run, key, failed] {
      run->python_servers.erase(key);
      if (key == run->python_taken) run->python_taken.clear();
      if (failed) run->python_server_failed.insert(key);
    });
  });
}

void Attempts::environment_build_ended(const std::string& key, const work::WorkStatus& status) {
  queue_.post(key, [this, key, status] {
    environments_.ended(key, status);
    forget(key);
  });
}

void Attempts::forget(const std::string& key) {
  if (const Status forgotten = needs_.backend.forget(key); !forgotten)
    log::warn("{}: {}", key, forgotten.error().message);
}

}  // namespace millrace::pipelines::runner
