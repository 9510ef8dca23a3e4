#include "pipelines/pipelines.h"
#include "pipelines/executors/task_sandbox.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include <fmt/core.h>

#include "base/file.h"
#include "base/log.h"
#include "pipelines/api/access.h"
#include "pipelines/api/operations.h"
#include "pipelines/api/routes.h"
#include "pipelines/api/v1beta1/routes.h"
#include "pipelines/api/waiting_requests.h"
#include "pipelines/dry_run/dry_run.h"
#include "pipelines/executors/artifact_inputs.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/local_images.h"
#include "pipelines/executors/removed_files.h"
#include "pipelines/runner/artifact_rows.h"
#include "pipelines/runner/containers.h"
#include "pipelines/runner/records.h"
#include "pipelines/runner/runner.h"
#include "pipelines/runner/schema.h"
#include "pipelines/runner/task_rows.h"
#include "pipelines/schedule/scheduler.h"
#include "proc/child_log.h"

namespace millrace::pipelines {
namespace {

constexpr std::size_t kLogPart = 512u << 10;  // bytes of one answer
constexpr std::size_t kMaxRuns = 10'000;
// Requests that wait, at once and in all: files being fetched, runs being stopped so that they can be deleted.
constexpr std::size_t kFetchThreads = 8, kFetchQueue = 32;
constexpr std::size_t kDeleteThreads = 8, kDeleteQueue = 256;

class PipelinesImpl final : public Pipelines {
 public:
  PipelinesImpl(Needs needs, Options options, Hooks hooks)
      : needs_(needs),
        options_(std::move(options)),
        hooks_(std::move(hooks)),
        timers_(needs_.clock, "run-timers"),
        runner_(needs_, options_, hooks_, timers_),
        scheduler_(needs_.database, needs_.clock, timers_,
                   [this](const auto& recurring, const auto& tick, const auto& also) {
                     return start_recurring(recurring, tick, also);
                   }) {
    hooks_.sandboxed = [this] { return is_sandboxed(); };
    runner_.on_end([this] { scheduler_.wake(); });  // one that waits for its turn may have it now
  }
  ~PipelinesImpl() override { PipelinesImpl::stop(); }

  Status open() {
    MR_TRY(needs_.database.migrate("pipelines", runner::migrations()));
    MR_TRY(needs_.database.migrate("pipelines.artifacts", runner::artifact_migrations()));
    MR_TRY(needs_.database.migrate("pipelines.api", api::migrations()));
    MR_TRY(needs_.database.migrate("pipelines.v1beta1", api::v1beta1::migrations()));
    if (!options_.cron_time_zone.empty())
      scheduler_.set_zone(MR_TRY(schedule::TimeZone::find(options_.cron_time_zone)));
    MR_TRY(api::ensure_default_experiment(needs_.database, needs_.clock));
    executors::give_older_files(options_);
    // Noted now: a run that is created from here on is not recovered.
    return needs_.database.read([&](db::Connection& connection) -> Status {
      unfinished_ = MR_TRY(runner::unfinished_runs(connection));
      return {};
    });
  }

  using Pipelines::handle;
  net::Response handle(net::Request& request, const Caller& caller) override {
    const auto for_caller = [this, caller](net::Request& late) { return answer(late, caller); };
    if (api::creates_from_url(request)) return from_urls_.handle(request, for_caller);
    // One under way is stopped before it is deleted, which its processes may draw out.
    if (const std::string run = api::deleted_run(request); !run.empty() && runner_.is_active(run))
      return deletes_.handle(request, for_caller);
    return answer(request, caller);
  }

  bool may_see(const Caller& caller, const std::string& run_id) override {
    if (caller.is_person()) return true;
    if (options_.task_api == TaskApi::closed) return false;
    api::Context context = this->context();
    context.caller = caller;
    return api::check_family(context, run_id).has_value();
  }

  std::string run_of_child(const std::string& launch_key) override { return runner_.run_of_child(launch_key); }
  Status stop_task(const std::string& run_id, const std::string& task_id) override {
    return runner_.stop_task(run_id, task_id);
  }

  Status resume() override {
    runner_.resume(std::exchange(unfinished_, {}));
    removed_files_.begin();
    scheduler_.begin();
    return {};
  }
  void stop() override {
    stopping_ = true;
    from_urls_.stop();
    scheduler_.stop();
    timers_.stop();
    runner_.stop();
    deletes_.stop();  // they wait for the runner, which has answered them by now
    removed_files_.stop();
  }

  Result<std::vector<RunView>> runs(std::size_t limit) override {
    std::vector<RunView> views;
    MR_TRY(needs_.database.read([&](db::Connection& connection) -> Status {
      auto row = MR_TRY(connection.prepare(
          fmt::format("SELECT {} FROM kfp_runs ORDER BY created DESC, id DESC LIMIT ?", runner::kRunColumns)));
      row.bind_all(std::min(limit, kMaxRuns));
      while (MR_TRY(row.step())) views.push_back(runner::view_of(runner::run_from_row(row)));
      return {};
    }));
    return views;
  }

  Result<std::map<std::string, std::size_t>> under_way() override {
    std::map<std::string, std::size_t> counts;
    MR_TRY(needs_.database.read([&](db::Connection& connection) -> Status {
      counts = MR_TRY(runner::count_unfinished(connection));
      return {};
    }));
    return counts;
  }

  Load load() override { return {runner_.slots().taken(), runner_.slots().waiting(), runner_.ended()}; }

  Result<RunView> run(const std::string& run_id) override {
    RunView view;
    MR_TRY(needs_.database.read([&](db::Connection& connection) -> Status {
      const auto record = MR_TRY(runner::find_run(connection, run_id));
      if (!record) return fail(api::not_found("Run", run_id));
      view = runner::view_of(*record);
      view.tasks = MR_TRY(runner::read_tasks(connection, run_id));
      return {};
    }));
    return view;
  }

  Result<std::string> run_again(const std::string& run_id, const std::string& name,
                                const std::function<Status(const std::string& new_id)>& first) override {
    api::Context context = this->context();
    return MR_TRY(api::run_again(context, run_id, name, first)).id;
  }

  Status dry_run(const Value& package, const Value& parameters,
                 const std::function<Value(const DryRunTask&)>& each) override {
    return dry_run::walk(options_, needs_.clock, package, parameters, each);
  }

  Result<LogPart> task_log(const std::string& run_id, const std::string& task_id, std::uint64_t offset,
                           int attempt) override;
  Result<std::vector<ContainerView>> containers(const std::string& run_id) override {
    return runner::containers(needs_.database, options_, run_id);
  }

  void on_change(std::function<void(const std::string& run_id)> listener) override {
    runner_.on_change(std::move(listener));
  }

 private:
  api::Context context() {
    return {needs_.database, needs_.clock, options_, runner_, *this, scheduler_, removed_files_, stopping_};
  }
  net::Response answer(net::Request& request, const Caller& caller) {
    api::Context context = this->context();
    context.caller = caller;
    return api::answer(context, request);
  }
  Status start_recurring(const schedule::RecurringRun& recurring, const schedule::Tick& tick,
                         const db::Database::Work& also) {
    api::Context context = this->context();
    return api::start_recurring(context, recurring, tick, also);
  }
  // Tried when the first task needs it: starting the server does not wait for it.
  bool is_sandboxed() {
    std::call_once(sandbox_tried_, [this] {
      if (!options_.sandbox) return;
      const Status status = needs_.backend.confines();
      sandboxed_ = status.has_value();
      if (!status)
        log::warn("tasks run without a sandbox: {}; root, or a kernel with user namespaces, gives them one",
                  status.error().message);
    });
    return sandboxed_;
  }

  Needs needs_;
  Options options_;
  std::once_flag sandbox_tried_;
  bool sandboxed_ = false;
  Hooks hooks_;
  std::vector<std::string> unfinished_;
  Timers timers_;
  runner::Runner runner_;
  schedule::Scheduler scheduler_;
  executors::RemovedFiles removed_files_{options_};
  std::atomic<bool> stopping_{false};
  api::WaitingRequests from_urls_{
      {kFetchThreads, kFetchQueue, "too many pipelines are being fetched from URLs; try again later"}};
  api::WaitingRequests deletes_{
      {kDeleteThreads, kDeleteQueue, "too many runs are being stopped to be deleted; try again later"}};
};

Result<Pipelines::LogPart> PipelinesImpl::task_log(const std::string& run_id, const std::string& task_id,
                                                   std::uint64_t offset, int attempt) {
  std::optional<TaskView> task;
  MR_TRY(needs_.database.read([&](db::Connection& connection) -> Status {
    task = MR_TRY(runner::read_task(connection, run_id, task_id));
    return {};
  }));
  if (!task) return fail(Code::not_found, fmt::format("the run {} has no task {}", run_id, task_id));
  LogPart part;
  // The end is asked first: a task that has ended writes no more, so what is read after that is all.
  if (attempt == 0) attempt = task->attempt;
  const bool ended = task->ended.has_value() || attempt < task->attempt;
  part.complete = ended;
  part.next = offset;
  if (task->is_dag || attempt == 0) return part;
  const auto file = executors::open_log(options_, run_id, task_id, attempt);
  if (!file) return part;
  auto read = MR_TRY(proc::read_log(file->get(), offset, kLogPart));
  part.text = std::move(read.text);
  part.next = read.next;
  part.complete = ended && read.at_end;
  return part;
}

}  // namespace

Result<std::unique_ptr<Pipelines>> Pipelines::open(Needs needs, Options options, Hooks hooks) {
  MR_TRY(executors::check_images(options));
  MR_TRY(executors::check_import_directories(options));
  auto pipelines = std::make_unique<PipelinesImpl>(needs, std::move(options), std::move(hooks));
  MR_TRY(pipelines->open());
  return pipelines;
}

}  // namespace millrace::pipelines
