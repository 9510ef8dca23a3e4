#include "work/process_backend.h"

#include <iterator>
#include <utility>

namespace millrace::work {
namespace {

WorkStatus status_of(const proc::ChildStatus& child) {
  WorkStatus status;
  switch (child.state) {
    case proc::ChildStatus::State::running:
      status.state = WorkStatus::State::running;
      break;
    case proc::ChildStatus::State::exited:
      status.state = WorkStatus::State::exited;
      break;
    case proc::ChildStatus::State::lost:
      status.state = WorkStatus::State::lost;
      break;
  }
  status.exit_code = child.exit_code;
  status.signal = child.signal;
  status.errors_end = child.errors_end;
  status.started = child.started;
  status.ended = child.ended;
  return status;
}

proc::LaunchSpec spec_of(Workload workload) {
  proc::LaunchSpec spec;
  spec.key = std::move(workload.key);
  spec.argv = std::move(workload.command);
  spec.argv.insert(spec.argv.end(), std::move_iterator(workload.arguments.begin()),
                   std::move_iterator(workload.arguments.end()));
  spec.environment = std::move(workload.environment);
  spec.working_directory = std::move(workload.working_directory);
  spec.stdout_path = workload.log;
  spec.stderr_path = std::move(workload.log);
  spec.memory_limit_bytes = workload.memory_limit_bytes;
  spec.cpu_limit_seconds = workload.cpu_limit_seconds;
  spec.file_size_limit_bytes = workload.file_size_limit_bytes;
  spec.cpus = workload.cpus;
  spec.sandbox = std::move(workload.sandbox);
  spec.as_server = workload.as_server;
  spec.synced = workload.synced;
  return spec;
}

}  // namespace

void ProcessBackend::ended(const std::string& key, const proc::ChildStatus& status) {
  report_end(key, status_of(status));
}

void ProcessBackend::start(Workload workload, Done done) {
  launcher_.launch_async(spec_of(std::move(workload)), [done = std::move(done)](Result<proc::ChildStatus> status) {
    status ? done(status_of(*status)) : done(fail(std::move(status.error())));
  });
}

Result<std::optional<WorkStatus>> ProcessBackend::status(const std::string& key) {
  const auto child = MR_TRY(launcher_.status(key));
  return child ? std::optional(status_of(*child)) : std::nullopt;
}

Status ProcessBackend::confines() {
  const MutexLock lock(mutex_);
  if (!confines_) confines_ = proc::sandbox_available(directory_);
  return *confines_;
}

}  // namespace millrace::work
