#include "pipelines/runner/ready_servers.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "pipelines/executors/python_server.h"

namespace millrace::pipelines::runner {

struct ReadyServers::Server {
  std::string key, environment;
  Time started{};
  bool runs = false;  // until then it may not be taken: its sandbox is being laid out
};

struct ReadyServers::State {
  Mutex mutex;
  std::vector<Server> servers MR_GUARDED_BY(mutex);
  std::map<std::string, std::string> runs MR_GUARDED_BY(mutex);  // of those that were taken, by key
  bool stopping MR_GUARDED_BY(mutex) = false;

  std::optional<Server> remove(const std::string& key) MR_REQUIRES(mutex) {
    const auto found = std::find_if(servers.begin(), servers.end(), [&](const Server& one) { return one.key == key; });
    if (found == servers.end()) return std::nullopt;
    Server server = std::move(*found);
    servers.erase(found);
    return server;
  }
};

ReadyServers::ReadyServers(Needs needs, const Options& options, const Hooks& hooks)
    : needs_(needs), options_(options), hooks_(hooks), state_(std::make_shared<State>()) {}

void ReadyServers::stop(const std::string& key) {
  if (const Status stopped = needs_.backend.stop(key, Millis(0)); !stopped)
    log::warn("{} cannot be stopped: {}", key, stopped.error().message);
}

void ReadyServers::begin() {
  for (const std::string& key : executors::ready_python_servers(options_)) {
    stop(key);
    (void)needs_.backend.forget(key);  // of one that ended meanwhile
    executors::remove_ready_python_server(options_, key);
  }
}

std::optional<work::Workload> ReadyServers::add(const std::string& environment, std::optional<Server>& oldest) {
  const MutexLock lock(state_->mutex);
  auto& servers = state_->servers;
  const auto is_of_it = [&](const Server& one) { return one.environment == environment; };
  if (state_->stopping || std::any_of(servers.begin(), servers.end(), is_of_it)) return std::nullopt;
  auto server = executors::ready_python_server(options_, environment);
  if (!server) {
    if (server.error().code != Code::not_found)  // the environment could not be made
      log::warn("no Python server is ready for {}: {}", environment, server.error().message);
    return std::nullopt;
  }
  if (servers.size() >= kMost) oldest = state_->remove(servers.front().key);
  servers.push_back({server->key, environment, needs_.clock.now(), false});
  return std::move(*server);
}

void ReadyServers::start(const std::string& environment) {
  if (!hooks_.sandboxed || !hooks_.sandboxed()) return;
  std::optional<Server> oldest;
  const auto server = add(environment, oldest);
  if (oldest) stop(oldest->key);
  if (!server) return;
  needs_.backend.start(*server, [state = state_, key = server->key](const Result<work::WorkStatus>& started) {
    const MutexLock lock(state->mutex);
    for (Server& one : state->servers) {
      if (one.key == key) one.runs = started.has_value();
    }
    if (started) return;
    log::warn("{} cannot be started: {}", key, started.error().message);
    state->remove(key);
  });
}

std::optional<ReadyServers::Taken> ReadyServers::take(const executors::RunContext& run,
                                                      const std::string& environment) {
  std::optional<Server> server;
  {
    const MutexLock lock(state_->mutex);
    for (const Server& one : state_->servers) {
      if (one.environment == environment && one.runs) server = one;
    }
    if (!server) return std::nullopt;
    state_->remove(server->key);
    state_->runs[server->key] = run.run_id;
  }
  if (executors::take_python_server(options_, run, server->key)) return Taken{server->key, server->started};
  const MutexLock lock(state_->mutex);
  state_->runs.erase(server->key);
  state_->servers.push_back(std::move(*server));
  return std::nullopt;
}

void ReadyServers::has(const std::string& run_id, const std::string& key) {
  const MutexLock lock(state_->mutex);
  state_->runs[key] = run_id;
}

std::string ReadyServers::run_of(const std::string& key) const {
  const MutexLock lock(state_->mutex);
  const auto found = state_->runs.find(key);
  return found == state_->runs.end() ? std::string() : found->second;
}

std::string ReadyServers::ended(const std::string& key) {
  const MutexLock lock(state_->mutex);
  if (const auto taken = state_->runs.extract(key)) return taken.mapped();
  state_->remove(key);
  executors::remove_ready_python_server(options_, key);
  return {};
}

void ReadyServers::stop() {
  std::vector<Server> servers;
  {
    const MutexLock lock(state_->mutex);
    state_->stopping = true;
    servers = std::exchange(state_->servers, {});
  }
  for (const Server& server : servers) {
    stop(server.key);
    executors::remove_ready_python_server(options_, server.key);
  }
}

}  // namespace millrace::pipelines::runner
