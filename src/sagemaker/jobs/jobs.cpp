#include "sagemaker/jobs/jobs.h"

#include <array>
#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <set>

#include <fmt/core.h>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "sagemaker/jobs/machine.h"
#include "sagemaker/jobs/metrics.h"
#include "sagemaker/jobs/reconciler.h"
#include "sagemaker/jobs/tuner.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kThreads = 2;          // look, stop, conclude: short
constexpr std::size_t kTransferThreads = 4;  // download, upload, remove: as long as a job's files take
constexpr int kMaxRetries = 10;              // of a step that failed for reasons of ours
constexpr Millis kRetryDelay{500};
constexpr Millis kTrainingGrace{120'000};  // StopTrainingJob: 120 seconds between SIGTERM and SIGKILL
constexpr Millis kGrace{30'000};
constexpr std::chrono::seconds kStopLook{1};  // long work looks so often whether its job is to stop

Millis grace_of(Kind kind) { return kind == Kind::training_job ? kTrainingGrace : kGrace; }

std::string poke_name(Kind kind, std::string_view name) {
  return fmt::format("{}/{}", info_of(kind).arn_segment, to_lower(name));
}

// Failures of the server's own parts: worth another try. The customer's (a missing bucket, a refused role) are not.
bool is_ours(const Error& error) {
  return error.code == Code::unavailable || error.code == Code::internal || error.code == Code::deadline_exceeded;
}

}  // namespace

std::string job_key(Kind kind, std::string_view name) { return fmt::format("{}{}/1", kJobKeys, poke_name(kind, name)); }

struct Jobs::Impl {
  Impl(Dependencies& w, LogFollower& f, Alarm& a)
      : dependencies(w),
        follower(f),
        alarm(a),
        tuner(w, [this](Kind kind, const std::string& name) { poke(kind, name); }),
        reconciler(kThreads, [this](const std::string& name) { drive(name); }),
        transfers(kTransferThreads, [this](const std::string& name) { transfer(name); }) {
    kinds[0] = make_training_kind(dependencies);
    kinds[1] = make_processing_kind(dependencies);
    kinds[2] = make_transform_kind(dependencies);
  }

  Dependencies& dependencies;
  LogFollower& follower;
  Alarm& alarm;
  std::array<std::unique_ptr<JobKind>, 3> kinds;
  Tuner tuner;
  std::mutex mutex;
  std::map<std::string, int> retries;                              // by poke name
  std::map<std::string, std::shared_ptr<MetricScraper>> scrapers;  // shared with the follower's callback
  std::set<std::string> stopping, deadlines;                       // said once per server
  // Jobs whose files wait to be moved, or are being moved: then nothing else is done for the job.
  enum class Turn { queued, running };
  std::map<std::string, Turn> transferring;  // by poke name
  std::atomic<bool> ending{false};
  Reconciler reconciler, transfers;  // last: their threads end before the rest goes

  JobKind* kind_of(Kind kind) {
    for (const auto& k : kinds) {
      if (k->kind() == kind) return k.get();
    }
    return nullptr;
  }
  fs::path directory_of(Kind kind, std::string_view name) const {
    return dependencies.options.directory / info_of(kind).arn_segment / to_lower(name);
  }
  void poke(Kind kind, const std::string& name) { reconciler.poke(poke_name(kind, name)); }

  static std::pair<const KindInfo*, std::string> parse_poke(const std::string& poked) {
    const auto slash = poked.find('/');
    const KindInfo* kind = nullptr;
    for (const auto& k : all_kinds()) {
      if (k.arn_segment == std::string_view(poked).substr(0, slash)) kind = &k;
    }
    return {kind, poked.substr(slash + 1)};
  }

  void drive(const std::string& poked) {
    const auto [kind, name] = parse_poke(poked);
    if (kind == nullptr) return;
    {
      const std::lock_guard lock(mutex);
      // At its end the transfer pokes.
      if (const auto at = transferring.find(poked); at != transferring.end() && at->second == Turn::running) return;
    }
    settle(kind->kind, name, kind->kind == Kind::tuning_job ? tuner.drive(name) : drive_job(kind->kind, name));
  }

  // The steps that move files, on threads of their own: however long they take, other jobs can be stopped meanwhile.
  void transfer(const std::string& poked) {
    {
      const std::lock_guard lock(mutex);
      const auto at = transferring.find(poked);
      if (at == transferring.end()) return;  // the job was stopped before its turn came
      at->second = Turn::running;
    }
    const auto [kind, name] = parse_poke(poked);
    bool released = false;
    const Status done = transfer_job(kind->kind, name, released);
    {
      const std::lock_guard lock(mutex);
      transferring.erase(poked);
    }
    if (settle(kind->kind, name, done) && !released) reconciler.poke(poked);
  }

  // What becomes of a failed look at a job. False: it is looked at again later.
  bool settle(Kind kind, const std::string& name, const Status& done) {
    if (ending) return false;  // the next start looks
    if (done || done.error().code == Code::cancelled) {
      const std::lock_guard lock(mutex);
      retries.erase(poke_name(kind, name));
      return true;
    }
    retry(kind, name, done.error());
    return false;
  }

  void retry(Kind kind, const std::string& name, const Error& error) {
    const std::string poked = poke_name(kind, name);
    int attempt = 0;
    {
      const std::lock_guard lock(mutex);
      attempt = ++retries[poked];
    }
    log::warn("{}: {} (try {} of {})", poked, error.message, attempt, kMaxRetries);
    if (attempt >= kMaxRetries) {
      if (fail_job(kind, name, "InternalServerError: " + error.message)) return;
    }
    alarm.after(kRetryDelay * std::min(attempt, kMaxRetries), [this, poked] { reconciler.poke(poked); });
  }

  // True once the failure is written.
  bool fail_job(Kind kind, const std::string& name, const std::string& reason) {
    return conclude(kind, name, {"Failed", "Failed", cut_reason(reason), false}, Value::object()).has_value();
  }

  Result<JobFacts> look(JobKind& kind, const Resource& job) {
    JobFacts facts;
    facts.ended = !job.active;
    facts.stop_requested = job.state["stop"].bool_or(false);
    if (!facts.ended) {
      facts.child = MR_TRY(dependencies.backend.status(job_key(job.kind, job.name)));
      facts.timed_out = timed_out(kind, job, facts.child);
    }
    return facts;
  }

  Status drive_job(Kind kind, const std::string& name) {
    JobKind& job_kind = *kind_of(kind);
    while (true) {
      const auto job = MR_TRY(dependencies.store.find(kind, name));
      if (!job) return {};
      const JobFacts facts = MR_TRY(look(job_kind, *job));
      switch (next_step(facts)) {
        case Step::prepare:
        case Step::finish:
        case Step::release:
          hand_over(poke_name(kind, name));
          return {};
        case Step::watch:
          follow(job_kind, *job);
          set_deadline(job_kind, *job, *facts.child);
          return {};
        case Step::end_child:
          follow(job_kind, *job);
          return end_child(kind, job_key(kind, name));
        case Step::conclude_stopped:
          take_back(poke_name(kind, name));
          MR_TRY(conclude(kind, name, {"Stopped", "Stopped", "", false}, Value::object()));
          continue;
      }
    }
  }

  void hand_over(const std::string& poked) {
    {
      const std::lock_guard lock(mutex);
      transferring.try_emplace(poked, Turn::queued);
    }
    transfers.poke(poked);
  }
  void take_back(const std::string& poked) {
    const std::lock_guard lock(mutex);
    transferring.erase(poked);
  }

  // `released`: nothing is left to do for the job.
  Status transfer_job(Kind kind, const std::string& name, bool& released) {
    JobKind& job_kind = *kind_of(kind);
    const auto job = MR_TRY(dependencies.store.find(kind, name));
    released = !job;
    if (!job) return {};
    const JobFacts facts = MR_TRY(look(job_kind, *job));
    switch (next_step(facts)) {
      case Step::prepare:
        return prepare(job_kind, *job);
      case Step::finish:
        return finish(job_kind, *job, facts);
      case Step::release:
        released = true;
        return release(kind, name);
      default:
        return {};
    }
  }

  // For long work of a job: an error when the server ends (cancelled) or, `patience` after it was asked for, when the
  // job is to stop (aborted).
  Checkpoint checkpoint(Kind kind, const std::string& name, Millis patience) {
    using Steady = std::chrono::steady_clock;
    return [this, kind, name, patience, next_look = Steady::now() + kStopLook,
            give_up = std::optional<Steady::time_point>()]() mutable -> Status {
      if (ending) return fail(Code::cancelled, "the server is stopping");
      const auto now = Steady::now();
      if (now < next_look) return {};
      next_look = now + kStopLook;
      if (!give_up) {
        const auto job = MR_TRY(dependencies.store.find(kind, name));
        if (job && job->state["stop"].bool_or(false)) give_up = now + patience;
      }
      if (give_up && now >= *give_up) return fail(Code::aborted, "the job was stopped");
      return {};
    };
  }

  bool timed_out(const JobKind& kind, const Resource& job, const std::optional<work::WorkStatus>& child) const {
    const auto limit = kind.max_runtime(job);
    if (!child || limit.count() == 0 || child->state == work::WorkStatus::State::lost) return false;
    const Time until = !child->is_over() ? dependencies.clock.now() : child->ended;
    return until - child->started >= limit;
  }

  // Also done when it failed for the customer's reasons: they are written then.
  Status prepare(JobKind& kind, const Resource& job) {
    const std::string start = std::string(info_of(job.kind).start_member);
    MR_TRY(update(job.kind, job.name, [&](Resource& row) -> Status {
      const Time now = dependencies.clock.now();
      if (!row.body.has(start)) row.body.set(start, seconds(now));
      if (row.kind == Kind::training_job && row.status == "InProgress") {
        set_secondary_status(row.body, "Downloading", now);
      }
      return {};
    }));
    const fs::path directory = directory_of(job.kind, job.name);
    MR_TRY(remove_tree(directory));  // what a killed server left half done
    // trusted-path: only the server writes where jobs have their directories
    MR_TRY(make_directories(directory, 0700));
    auto spec = kind.prepare(job, directory, checkpoint(job.kind, job.name, Millis(0)));
    if (!spec) {
      if (spec.error().code == Code::cancelled) return fail(spec.error());
      if (spec.error().code == Code::aborted) return {};  // stopped: concluded at the next look
      if (is_ours(spec.error())) return fail(spec.error());
      return conclude(job.kind, job.name,
                      {"Failed", "Failed", cut_reason("ClientError: " + spec.error().message), false}, Value::object());
    }
    spec->key = job_key(job.kind, job.name);
    if (spec->working_directory.empty() && spec->image.empty()) spec->working_directory = directory;
    spec->log = directory / "log";
    const auto launched = dependencies.backend.start_and_wait(std::move(*spec));
    if (!launched) {
      if (is_ours(launched.error())) return fail(launched.error());
      return conclude(job.kind, job.name,
                      {"Failed", "Failed",
                       cut_reason("ClientError: The program cannot be started: " + launched.error().message), false},
                      Value::object());
    }
    if (job.kind == Kind::training_job) {
      MR_TRY(update(job.kind, job.name, [&](Resource& row) -> Status {
        if (row.status == "InProgress") set_secondary_status(row.body, "Training", dependencies.clock.now());
        return {};
      }));
    }
    return {};
  }

  void follow(JobKind& kind, const Resource& job) {
    const std::string key = job_key(job.kind, job.name);
    LogFollower::Source source;
    source.file = directory_of(job.kind, job.name) / "log";
    source.group = kind.log_group();
    source.stream = job.state["log_stream"].string_or();
    {
      const std::lock_guard lock(mutex);
      if (scrapers.contains(key)) return;
      if (job.kind == Kind::training_job) {
        // The definitions were checked when the job was made.
        if (auto patterns = dependencies.metrics.get(job.body["AlgorithmSpecification"]["MetricDefinitions"])) {
          const auto shared = std::make_shared<MetricScraper>(std::move(*patterns));
          scrapers[key] = shared;
          source.on_line = [shared](std::string_view line, Time at) { shared->line(line, at); };
        }
      }
    }
    follower.follow(key, std::move(source));
  }

  void set_deadline(const JobKind& kind, const Resource& job, const work::WorkStatus& child) {
    const auto limit = kind.max_runtime(job);
    if (limit.count() == 0) return;
    const std::string poked = poke_name(job.kind, job.name);
    {
      const std::lock_guard lock(mutex);
      if (!deadlines.insert(poked).second) return;
    }
    const Millis left = std::chrono::duration_cast<Millis>(child.started + limit - dependencies.clock.now());
    alarm.after(std::max(left, Millis(0)) + Millis(1), [this, poked] { reconciler.poke(poked); });
  }

  Status end_child(Kind kind, const std::string& key) {
    {
      const std::lock_guard lock(mutex);
      if (!stopping.insert(key).second) return {};
    }
    return dependencies.backend.stop(key, grace_of(kind));
  }

  Status finish(JobKind& kind, const Resource& job, const JobFacts& facts) {
    const std::string key = job_key(job.kind, job.name);
    const fs::path directory = directory_of(job.kind, job.name);
    follow(kind, job);
    MR_TRY(follower.finish(key));
    Outcome outcome = outcome_of(
        {job.kind, kind.built_in(job), facts.stop_requested, facts.timed_out, *facts.child, kind.failure(directory)});
    Value members = kind.closing_members(directory);
    if (job.kind == Kind::training_job) {
      const std::lock_guard lock(mutex);
      if (const auto scraper = scrapers.find(key); scraper != scrapers.end()) {
        Value metrics = scraper->second->final_values();
        if (!metrics.empty()) members.set("FinalMetricDataList", std::move(metrics));
      }
    }
    if (outcome.upload) {
      if (job.kind == Kind::training_job) {
        MR_TRY(update(job.kind, job.name, [&](Resource& row) -> Status {
          set_secondary_status(row.body, "Uploading", dependencies.clock.now());
          return {};
        }));
      }
      const Checkpoint look = checkpoint(job.kind, job.name, grace_of(job.kind));
      Leftovers leftovers{directory, look, {}};
      auto uploaded = kind.upload(job, leftovers);
      note(kind, job, leftovers.notes);
      if (uploaded) {
        for (const auto& [member, value] : uploaded->members()) members.set(member, value);
      } else if (uploaded.error().code == Code::cancelled) {
        return fail(uploaded.error());
      } else if (uploaded.error().code == Code::aborted) {
        outcome = {"Stopped", "Stopped", "", false};
      } else if (is_ours(uploaded.error())) {
        return fail(uploaded.error());
      } else if (outcome.status == "Completed") {
        outcome = {"Failed", "Failed", cut_reason("ClientError: " + uploaded.error().message), false};
      }
    }
    return conclude(job.kind, job.name, outcome, members);
  }

  // Lines of the server's own in the job's log.
  void note(const JobKind& kind, const Resource& job, const std::vector<std::string>& lines) {
    std::vector<logs::Event> events;
    for (const auto& line : lines) events.push_back({dependencies.clock.now(), line});
    if (events.empty()) return;
    const auto stored =
        dependencies.logs.append(std::string(kind.log_group()), job.state["log_stream"].string_or(), events);
    if (!stored) log::warn("log of {}: {}", job.name, stored.error().message);
  }

  // The job's last change: from here on it is over.
  Status conclude(Kind kind, const std::string& name, const Outcome& outcome, const Value& members) {
    const auto changed = update(kind, name, [&](Resource& row) -> Status {
      if (!row.active) return {};
      const KindInfo& names = info_of(kind);
      const Time now = dependencies.clock.now();
      row.active = false;
      row.status = outcome.status;
      row.body.set(names.status_member, outcome.status).set(names.end_member, seconds(now));
      for (const auto& [member, value] : members.members()) row.body.set(member, value);
      if (!outcome.failure_reason.empty()) row.body.set("FailureReason", outcome.failure_reason);
      if (kind == Kind::training_job) {
        set_secondary_status(row.body, outcome.secondary_status, now);
        const double started = row.body["TrainingStartTime"].double_or(seconds(now));
        const auto took = static_cast<std::int64_t>(std::ceil(std::max(0.0, seconds(now) - started)));
        row.body.set("TrainingTimeInSeconds", took).set("BillableTimeInSeconds", took);
      }
      return {};
    });
    if (!changed) return fail(changed.error());
    if (!changed->parent.empty()) poke(Kind::tuning_job, changed->parent);
    return {};
  }

  Status release(Kind kind, const std::string& name) {
    const std::string key = job_key(kind, name);
    {
      const std::lock_guard lock(mutex);
      scrapers.erase(key);
      stopping.erase(key);
      deadlines.erase(poke_name(kind, name));
    }
    follower.drop(key);
    // First the record, then the directory: while the directory stands, resume() knows that this is still to do.
    if (auto forgotten = dependencies.backend.forget(key); !forgotten)
      log::warn("{}: {}", key, forgotten.error().message);
    return remove_tree(directory_of(kind, name));
  }

  Result<Resource> update(Kind kind, const std::string& name, const Store::Change& change) {
    auto changed = dependencies.store.change(kind, name, [&](Resource& row) -> Status {
      MR_TRY(change(row));
      row.modified = dependencies.clock.now();
      if (row.body.has("LastModifiedTime")) row.body.set("LastModifiedTime", seconds(row.modified));
      return {};
    });
    if (changed) dependencies.changed(kind, changed->name);
    return changed;
  }

  Status resume() {
    for (const auto& job : MR_TRY(dependencies.store.active())) {
      if (job.kind != Kind::endpoint) poke(job.kind, job.name);
    }
    for (const auto& kind : kinds) {
      const auto directory = UntrustedTree::open(dependencies.options.directory / info_of(kind->kind()).arn_segment);
      if (!directory) continue;  // there has been no job of this kind
      for (const auto& entry : MR_TRY(directory->list("", {}))) poke(kind->kind(), entry.path);
    }
    return {};
  }
};

Jobs::Jobs(Dependencies& dependencies, LogFollower& follower, Alarm& alarm)
    : impl_(std::make_unique<Impl>(dependencies, follower, alarm)) {}
Jobs::~Jobs() { stop(); }
void Jobs::poke(Kind kind, const std::string& name) { impl_->poke(kind, name); }
Status Jobs::resume() { return impl_->resume(); }
void Jobs::stop() {
  impl_->ending = true;
  impl_->reconciler.stop();
  impl_->transfers.stop();
}

bool Jobs::on_end(const std::string& key) {
  if (!key.starts_with(kJobKeys) || !key.ends_with("/1")) return false;
  const std::string poked = key.substr(kJobKeys.size(), key.size() - kJobKeys.size() - 2);
  for (const auto& kind : impl_->kinds) {
    if (poked.starts_with(std::string(info_of(kind->kind()).arn_segment) + "/")) {
      impl_->reconciler.poke(poked);
      return true;
    }
  }
  return false;
}

}  // namespace millrace::sagemaker
