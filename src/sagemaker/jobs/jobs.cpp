#include "sagemaker/jobs/jobs.h"

#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <set>

#include <fmt/core.h>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "sagemaker/jobs/machine.h"
#include "sagemaker/jobs/metrics.h"
#include "sagemaker/jobs/reconciler.h"
#include "sagemaker/jobs/tuner.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kThreads = 4;
constexpr int kMaxRetries = 10;  // of a step that failed for reasons of ours
constexpr Millis kRetryDelay{500};
constexpr Millis kTrainingGrace{120'000};  // StopTrainingJob: 120 seconds between SIGTERM and SIGKILL
constexpr Millis kGrace{30'000};
constexpr std::string_view kPrefix = "sagemaker/";

std::string poke_name(Kind kind, std::string_view name) {
  return fmt::format("{}/{}", names_of(kind).arn_segment, to_lower(name));
}

// Failures of the server's own parts: worth another try. The customer's (a missing bucket, a refused role) are not.
bool is_ours(const Error& error) {
  return error.code == Code::unavailable || error.code == Code::internal || error.code == Code::deadline_exceeded;
}

}  // namespace

std::string job_key(Kind kind, std::string_view name) { return fmt::format("{}{}/1", kPrefix, poke_name(kind, name)); }

struct Jobs::Impl {
  Impl(World& w, LogFollower& f, Alarm& a)
      : world(w),
        follower(f),
        alarm(a),
        tuner(w, [this](Kind kind, const std::string& name) { poke(kind, name); }),
        reconciler(kThreads, [this](const std::string& name) { drive(name); }) {
    kinds[0] = make_training_kind(world);
    kinds[1] = make_processing_kind(world);
    kinds[2] = make_transform_kind(world);
  }

  World& world;
  LogFollower& follower;
  Alarm& alarm;
  std::array<std::unique_ptr<JobKind>, 3> kinds;
  Tuner tuner;
  std::mutex mutex;
  std::map<std::string, int> retries;                              // by poke name
  std::map<std::string, std::shared_ptr<MetricScraper>> scrapers;  // shared with the follower's callback
  std::set<std::string> stopping, deadlines;                       // said once per server
  Reconciler reconciler;                                           // last: its threads end before the rest goes

  JobKind* kind_of(Kind kind) {
    for (const auto& k : kinds) {
      if (k->kind() == kind) return k.get();
    }
    return nullptr;
  }
  fs::path directory_of(Kind kind, std::string_view name) const {
    return world.options.directory / names_of(kind).arn_segment / to_lower(name);
  }
  void poke(Kind kind, const std::string& name) { reconciler.poke(poke_name(kind, name)); }

  void drive(const std::string& poked) {
    const auto slash = poked.find('/');
    const KindNames* kind = nullptr;
    for (const auto& k : all_kinds()) {
      if (k.arn_segment == std::string_view(poked).substr(0, slash)) kind = &k;
    }
    if (kind == nullptr) return;
    const std::string name = poked.substr(slash + 1);
    const Status done = kind->kind == Kind::tuning_job ? tuner.drive(name) : drive_job(kind->kind, name);
    if (done) {
      const std::lock_guard lock(mutex);
      retries.erase(poked);
      return;
    }
    retry(kind->kind, name, done.error());
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

  Status drive_job(Kind kind, const std::string& name) {
    JobKind& job_kind = *kind_of(kind);
    const std::string key = job_key(kind, name);
    while (true) {
      const auto job = MR_TRY(world.store.find(kind, name));
      if (!job) return {};
      JobFacts facts;
      facts.ended = !job->active;
      facts.stop_requested = job->state["stop"].bool_or(false);
      if (!facts.ended) {
        facts.child = MR_TRY(world.launcher.status(key));
        facts.timed_out = timed_out(job_kind, *job, facts.child);
      }
      switch (next_step(facts)) {
        case Step::prepare:
          if (!MR_TRY(prepare(job_kind, *job))) continue;  // it has failed: released next
          continue;
        case Step::watch:
          follow(job_kind, *job);
          set_deadline(job_kind, *job, *facts.child);
          return {};
        case Step::end_child:
          follow(job_kind, *job);
          return end_child(kind, key);
        case Step::conclude_stopped:
          MR_TRY(conclude(kind, name, {"Stopped", "Stopped", "", false}, Value::object()));
          continue;
        case Step::finish:
          MR_TRY(finish(job_kind, *job, facts));
          continue;
        case Step::release:
          return release(kind, name);
      }
    }
  }

  bool timed_out(const JobKind& kind, const Resource& job, const std::optional<proc::ChildStatus>& child) const {
    const auto limit = kind.max_runtime(job);
    if (!child || limit.count() == 0 || child->state == proc::ChildStatus::State::lost) return false;
    const Time until = child->state == proc::ChildStatus::State::running ? world.clock.now() : child->ended;
    return until - child->started >= limit;
  }

  // False: it failed for the customer's reasons, which are written.
  Result<bool> prepare(JobKind& kind, const Resource& job) {
    const std::string start = std::string(names_of(job.kind).start_member);
    MR_TRY(update(job.kind, job.name, [&](Resource& row) -> Status {
      const Time now = world.clock.now();
      if (!row.body.has(start)) row.body.set(start, seconds(now));
      if (row.kind == Kind::training_job && row.status == "InProgress") {
        set_secondary_status(row.body, "Downloading", now);
      }
      return {};
    }));
    const fs::path directory = directory_of(job.kind, job.name);
    std::error_code error;
    fs::remove_all(directory, error);  // what a killed server left half done
    MR_TRY(make_directories(directory, 0700));
    auto spec = kind.prepare(job, directory);
    if (!spec) {
      if (is_ours(spec.error())) return fail(spec.error());
      MR_TRY(conclude(job.kind, job.name,
                      {"Failed", "Failed", cut_reason("ClientError: " + spec.error().message), false},
                      Value::object()));
      return false;
    }
    spec->key = job_key(job.kind, job.name);
    spec->working_directory = directory;
    spec->stdout_path = spec->stderr_path = directory / "log";
    const auto launched = world.launcher.launch(*spec);
    if (!launched) {
      if (is_ours(launched.error())) return fail(launched.error());
      MR_TRY(conclude(job.kind, job.name,
                      {"Failed", "Failed",
                       cut_reason("ClientError: The program cannot be started: " + launched.error().message), false},
                      Value::object()));
      return false;
    }
    if (job.kind == Kind::training_job) {
      MR_TRY(update(job.kind, job.name, [&](Resource& row) -> Status {
        if (row.status == "InProgress") set_secondary_status(row.body, "Training", world.clock.now());
        return {};
      }));
    }
    return true;
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
        auto scraper = MetricScraper::make(job.body["AlgorithmSpecification"]["MetricDefinitions"]);
        if (scraper) {
          std::shared_ptr<MetricScraper> shared = std::move(*scraper);
          scrapers[key] = shared;
          source.on_line = [shared](std::string_view line, Time at) { shared->line(line, at); };
        }
      }
    }
    follower.follow(key, std::move(source));
  }

  void set_deadline(const JobKind& kind, const Resource& job, const proc::ChildStatus& child) {
    const auto limit = kind.max_runtime(job);
    if (limit.count() == 0) return;
    const std::string poked = poke_name(job.kind, job.name);
    {
      const std::lock_guard lock(mutex);
      if (!deadlines.insert(poked).second) return;
    }
    const Millis left = std::chrono::duration_cast<Millis>(child.started + limit - world.clock.now());
    alarm.after(std::max(left, Millis(0)) + Millis(1), [this, poked] { reconciler.poke(poked); });
  }

  Status end_child(Kind kind, const std::string& key) {
    {
      const std::lock_guard lock(mutex);
      if (!stopping.insert(key).second) return {};
    }
    return world.launcher.stop(key, kind == Kind::training_job ? kTrainingGrace : kGrace);
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
          set_secondary_status(row.body, "Uploading", world.clock.now());
          return {};
        }));
      }
      auto uploaded = kind.upload(job, directory);
      if (uploaded) {
        for (const auto& [member, value] : uploaded->members()) members.set(member, value);
      } else if (is_ours(uploaded.error())) {
        return fail(uploaded.error());
      } else if (outcome.status == "Completed") {
        outcome = {"Failed", "Failed", cut_reason("ClientError: " + uploaded.error().message), false};
      }
    }
    return conclude(job.kind, job.name, outcome, members);
  }

  // The job's last change: from here on it is over.
  Status conclude(Kind kind, const std::string& name, const Outcome& outcome, const Value& members) {
    const auto changed = update(kind, name, [&](Resource& row) -> Status {
      if (!row.active) return {};
      const KindNames& names = names_of(kind);
      const Time now = world.clock.now();
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
    if (auto forgotten = world.launcher.forget(key); !forgotten) log::warn("{}: {}", key, forgotten.error().message);
    std::error_code error;
    fs::remove_all(directory_of(kind, name), error);
    return {};
  }

  Result<Resource> update(Kind kind, const std::string& name, const Store::Change& change) {
    auto changed = world.store.change(kind, name, [&](Resource& row) -> Status {
      MR_TRY(change(row));
      row.modified = world.clock.now();
      if (row.body.has("LastModifiedTime")) row.body.set("LastModifiedTime", seconds(row.modified));
      return {};
    });
    if (changed) world.changed(kind, changed->name);
    return changed;
  }

  Status resume() {
    for (const auto& job : MR_TRY(world.store.active())) {
      if (job.kind != Kind::endpoint) poke(job.kind, job.name);
    }
    for (const auto& kind : kinds) {
      std::error_code error;
      for (fs::directory_iterator it(world.options.directory / names_of(kind->kind()).arn_segment, error), end;
           !error && it != end; it.increment(error)) {
        poke(kind->kind(), it->path().filename().string());
      }
    }
    return {};
  }
};

Jobs::Jobs(World& world, LogFollower& follower, Alarm& alarm) : impl_(std::make_unique<Impl>(world, follower, alarm)) {}
Jobs::~Jobs() { stop(); }
void Jobs::poke(Kind kind, const std::string& name) { impl_->poke(kind, name); }
Status Jobs::resume() { return impl_->resume(); }
void Jobs::stop() { impl_->reconciler.stop(); }

bool Jobs::on_child_exit(const std::string& key) {
  if (!key.starts_with(kPrefix) || !key.ends_with("/1")) return false;
  const std::string poked = key.substr(kPrefix.size(), key.size() - kPrefix.size() - 2);
  for (const auto& kind : impl_->kinds) {
    if (poked.starts_with(std::string(names_of(kind->kind()).arn_segment) + "/")) {
      impl_->reconciler.poke(poked);
      return true;
    }
  }
  return false;
}

}  // namespace millrace::sagemaker
