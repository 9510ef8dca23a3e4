#include "sagemaker/jobs/job_steps.h"

#include <cmath>

#include <fmt/core.h>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "sagemaker/jobs/hosts.h"
#include "sagemaker/jobs/jobs.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr Millis kTrainingGrace{120'000};  // StopTrainingJob: 120 seconds between SIGTERM and SIGKILL
constexpr Millis kGrace{30'000};
constexpr Millis kStopLook{1'000};  // long work looks so often whether its job is to stop

Millis grace_of(Kind kind) { return kind == Kind::training_job ? kTrainingGrace : kGrace; }

// A deleted job's name may be used again while its files are still being removed.
std::string incarnation_of(const Resource& job) { return std::to_string(to_epoch_ms(job.created)); }

// Of an environment: the program's own requirements are its fault, as they are where its image installs them.
Outcome not_made(const Error& error) {
  const bool is_programs = error.message.starts_with("InstallRequirementsError");
  const std::string reason =
      is_programs ? fmt::format("AlgorithmError: {}, exit code: 1", error.message) : "ClientError: " + error.message;
  return {"Failed", "Failed", cut_reason(reason), false};
}

// Of what a child said; lines of a log cannot be empty.
std::vector<std::string> last_lines(std::string_view text) {
  constexpr std::size_t kLines = 100;
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n')) {
    if (!trim(line).empty() && is_valid_utf8(line)) lines.emplace_back(line);
  }
  if (lines.size() > kLines) lines.erase(lines.begin(), lines.end() - kLines);
  return lines;
}

Outcome failed(const std::string& reason) { return {"Failed", "Failed", cut_reason("ClientError: " + reason), false}; }

}  // namespace

std::string job_key(const Resource& job) {
  return fmt::format("{}{}/{}", kJobKeys, poke_name(job.kind, job.name), incarnation_of(job));
}

std::string poke_name(Kind kind, std::string_view name) {
  return fmt::format("{}/{}", info_of(kind).arn_segment, to_lower(name));
}

bool is_ours(const Error& error) {
  return error.code == Code::unavailable || error.code == Code::internal || error.code == Code::deadline_exceeded;
}

fs::path JobSteps::home_of(Kind kind, std::string_view name) const {
  return needs_.dependencies.options.directory / info_of(kind).arn_segment / to_lower(name);
}

fs::path JobSteps::directory_of(const Resource& job) const { return home_of(job.kind, job.name) / incarnation_of(job); }

Result<JobFacts> JobSteps::look(const JobKind& kind, const Resource& job) {
  JobFacts facts;
  facts.ended = !job.active;
  facts.stop_requested = job.state["stop"].bool_or(false);
  if (!facts.ended) {
    std::vector<std::optional<work::WorkStatus>> hosts;
    for (std::size_t host = 1; host <= hosts_of(job); ++host) {
      hosts.push_back(MR_TRY(needs_.dependencies.backend.status(host_key(job_key(job), host))));
    }
    const TogetherStatus seen = together(hosts);
    facts.child = seen.all;
    facts.incomplete = seen.is_incomplete;
    facts.host_failed = seen.has_failed;
    facts.culprit = seen.culprit;
    facts.timed_out = timed_out(kind, job, facts.child);
  }
  return facts;
}

bool JobSteps::timed_out(const JobKind& kind, const Resource& job, const std::optional<work::WorkStatus>& child) const {
  const auto limit = kind.max_runtime(job);
  if (!child || limit.count() == 0 || child->state == work::WorkStatus::State::lost) return false;
  const Time until = !child->is_over() ? needs_.dependencies.clock.now() : child->ended;
  return until - child->started >= limit;
}

Checkpoint JobSteps::checkpoint(Kind kind, const std::string& name, Millis patience) {
  return [this, kind, name, patience, next_look = needs_.execution.steady.now() + kStopLook,
          give_up = std::optional<Time>()]() mutable -> Status {
    if (needs_.ending) return fail(Code::cancelled, "the server is stopping");
    const Time now = needs_.execution.steady.now();
    if (now < next_look) return {};
    next_look = now + kStopLook;
    if (!give_up) {
      const auto job = MR_TRY(needs_.dependencies.store.find(kind, name));
      if (job && job->state["stop"].bool_or(false)) give_up = now + patience;
    }
    if (give_up && now >= *give_up) return fail(Code::aborted, "the job was stopped");
    return {};
  };
}

Status JobSteps::begin(const Resource& job) {
  const std::string start = std::string(info_of(job.kind).start_member);
  const auto begun = update(job.kind, job.name, [&](Resource& row) -> Status {
    const Time now = needs_.dependencies.clock.now();
    if (!row.body.has(start)) row.body.set(start, seconds(now));
    if (row.kind == Kind::training_job && row.status == "InProgress")
      set_secondary_status(row.body, "Downloading", now);
    return {};
  });
  return begun ? Status() : fail(begun.error());
}

Status JobSteps::set_secondary(const Resource& job, std::string_view status) {
  if (job.kind != Kind::training_job) return {};
  const auto set = update(job.kind, job.name, [&](Resource& row) -> Status {
    if (row.status == "InProgress") set_secondary_status(row.body, status, needs_.dependencies.clock.now());
    return {};
  });
  return set ? Status() : fail(set.error());
}

Status JobSteps::prepare(JobKind& kind, const Resource& job, bool& waits) {
  MR_TRY(begin(job));
  MR_TRY(release(job.kind, job.name, &job));
  if (const auto failure = take_failure(job_key(job))) {
    note(kind, job, last_lines(failure->said));
    return conclude(job.kind, job.name, not_made(failure->error), Value::object());
  }
  const fs::path directory = directory_of(job);
  MR_TRY(remove_tree(directory));  // what a killed server left half done
  // trusted-path: only the server writes where jobs have their directories
  MR_TRY(make_directories(directory, 0700));
  std::vector<Prepared> hosts;
  const std::size_t count = hosts_of(job);
  for (std::size_t host = 1; host <= count; ++host) {
    const fs::path own = host_directory(directory, host);
    // trusted-path: only the server writes where jobs have their directories
    if (host > 1) MR_TRY(make_directories(own, 0700));
    auto prepared = kind.prepare(job, own, checkpoint(job.kind, job.name, Millis(0)), {host, count});
    if (prepared && !prepared->missing && count > 1) {
      if (const Status added = add_hosts_file(job, *prepared); !added) prepared = fail(added.error());
    }
    if (!prepared) {
      if (prepared.error().code == Code::aborted) return {};  // stopped: concluded at the next look
      if (prepared.error().code == Code::cancelled || is_ours(prepared.error())) return fail(prepared.error());
      return conclude(job.kind, job.name, failed(prepared.error().message), Value::object());
    }
    if (prepared->missing) {
      waits = true;
      make_environment(job, *prepared->missing);
      return {};
    }
    hosts.push_back(std::move(*prepared));
  }
  return launch_all(kind, job, std::move(hosts));
}

// The job's /etc/hosts, by which its hosts find each other.
Status JobSteps::add_hosts_file(const Resource& job, Prepared& prepared) {
  work::Workload& spec = prepared.workload;
  if (!spec.image.empty()) {
    return fail(Code::invalid_argument,
                "several instances of an image that podman or docker has are not supported here; give InstanceCount 1");
  }
  if (!spec.sandbox) return fail(Code::failed_precondition, "several instances need namespaces, which are not here");
  const fs::path file = directory_of(job) / "hosts";
  // trusted-path: only the server writes where jobs have their directories
  MR_TRY(write_file(file, hosts_file(hosts_of(job))));
  spec.sandbox->mounts.push_back({work::Mount::Kind::read_only, file, "/etc/hosts", 0, {}});
  return {};
}

// The first host last: a job all of whose hosts are known to the backend was launched as a whole.
Status JobSteps::launch_all(const JobKind& kind, const Resource& job, std::vector<Prepared> hosts) {
  for (std::size_t host = hosts.size(); host >= 1; --host) {
    if (!MR_TRY(launch(kind, job, host, std::move(hosts[host - 1])))) return {};
  }
  return set_secondary(job, "Training");
}

Status JobSteps::forget_hosts(const Resource& job) { return needs_.dependencies.backend.forget(job_key(job)); }

void JobSteps::make_environment(const Resource& job, const frameworks::Wanted& wanted) {
  const auto made = [this, key = job_key(job), kind = job.kind, name = job.name](const Status& status,
                                                                                 const std::string& said) {
    if (!status) {
      const MutexLock lock(mutex_);
      failures_.insert_or_assign(key, MakingFailure{status.error(), said});
    }
    needs_.poke(kind, name);
  };
  needs_.dependencies.environments.make(wanted, needs_.dependencies.sandbox.available(), made);
}

std::optional<JobSteps::MakingFailure> JobSteps::take_failure(const std::string& key) {
  const MutexLock lock(mutex_);
  const auto found = failures_.extract(key);
  return found ? std::optional(std::move(found.mapped())) : std::nullopt;
}

Result<bool> JobSteps::launch(const JobKind& kind, const Resource& job, std::size_t host, Prepared prepared) {
  const fs::path directory = host_directory(directory_of(job), host);
  work::Workload& spec = prepared.workload;
  spec.key = host_key(job_key(job), host);
  if (spec.working_directory.empty() && spec.image.empty()) spec.working_directory = directory;
  spec.log = directory / "log";
  if (!prepared.notes.empty()) {
    // trusted-path: nothing of the job has run yet
    MR_TRY(write_file(spec.log, join(prepared.notes, "\n") + "\n"));
  }
  const auto launched = needs_.dependencies.backend.start_and_wait(std::move(spec));
  if (!launched) {
    if (is_ours(launched.error())) return fail(launched.error());
    // Hosts that run already are ended by the next looks, which begin anew.
    if (host < hosts_of(job)) return fail(Code::internal, launched.error().message);
    note(kind, job, prepared.notes);
    MR_TRY(conclude(job.kind, job.name, failed("The program cannot be started: " + launched.error().message),
                    Value::object()));
    return false;
  }
  return true;
}

void JobSteps::follow(const JobKind& kind, const Resource& job) {
  const std::string key = job_key(job);
  LogFollower::Source source;
  source.file = directory_of(job) / "log";
  source.group = kind.log_group();
  source.stream = job.state["log_stream"].string_or();
  {
    const MutexLock lock(mutex_);
    if (scrapers_.contains(key)) return;
    if (job.kind == Kind::training_job) {
      // The definitions were checked when the job was made.
      if (auto patterns = needs_.dependencies.metrics.get(job.body["AlgorithmSpecification"]["MetricDefinitions"])) {
        const auto shared = std::make_shared<MetricScraper>(std::move(*patterns));
        scrapers_[key] = shared;
        source.on_line = scrape(job, shared);
      }
    }
  }
  needs_.follower.follow(key, std::move(source));
  for (std::size_t host = 2; host <= hosts_of(job); ++host) {
    LogFollower::Source other;
    other.file = host_directory(directory_of(job), host) / "log";
    other.group = kind.log_group();
    other.stream = host_stream(job, host);
    needs_.follower.follow(host_key(key, host), std::move(other));
  }
}

// Of a job that may be stopped for what it prints, each value of the objective is a reason to look at its tuning job.
std::function<void(std::string_view, Time)> JobSteps::scrape(const Resource& job,
                                                             std::shared_ptr<MetricScraper> scraper) {
  if (!job.state["judged"].bool_or(false))
    return [scraper = std::move(scraper)](std::string_view line, Time at) { scraper->line(line, at); };
  return [this, scraper = std::move(scraper), key = job_key(job), parent = job.parent](std::string_view line, Time at) {
    const std::size_t before = scraper->objectives().size();
    scraper->line(line, at);
    if (scraper->objectives().size() == before) return;
    {
      const MutexLock lock(mutex_);
      histories_[key] = scraper->objectives();
    }
    needs_.poke(Kind::tuning_job, parent);
  };
}

History JobSteps::objectives_of(const Resource& trial) {
  History history;
  for (const auto& value : trial.state["objectives"].items()) history.push_back(value.double_or(0));
  if (!history.empty() || !trial.active) return history;
  const MutexLock lock(mutex_);
  const auto found = histories_.find(job_key(trial));
  return found == histories_.end() ? history : found->second;
}

Status JobSteps::watch(const JobKind& kind, const Resource& job, const work::WorkStatus& child) {
  follow(kind, job);
  const auto limit = kind.max_runtime(job);
  if (limit.count() == 0) return {};
  {
    const MutexLock lock(mutex_);
    if (!deadlines_.insert(job_key(job)).second) return {};
  }
  const Millis left = std::chrono::duration_cast<Millis>(child.started + limit - needs_.dependencies.clock.now());
  needs_.execution.timers.after(std::max(left, Millis(0)) + Millis(1),
                                [poke = needs_.poke, kind = job.kind, name = job.name] { poke(kind, name); });
  return {};
}

Status JobSteps::end_child(const JobKind& kind, const Resource& job) {
  follow(kind, job);
  const std::string key = job_key(job);
  {
    const MutexLock lock(mutex_);
    if (!stopping_.insert(key).second) return {};
  }
  Status stopped;
  for (std::size_t host = 1; host <= hosts_of(job) && stopped; ++host) {
    stopped = needs_.dependencies.backend.stop(host_key(key, host), grace_of(job.kind));
  }
  if (stopped) return {};
  const MutexLock lock(mutex_);
  stopping_.erase(key);  // asked for again at the next look
  return stopped;
}

Status JobSteps::finish(JobKind& kind, const Resource& job, const JobFacts& facts) {
  const std::string key = job_key(job);
  const fs::path directory = directory_of(job);
  follow(kind, job);
  for (std::size_t host = 1; host <= hosts_of(job); ++host) MR_TRY(needs_.follower.finish(host_key(key, host)));
  const fs::path own = host_directory(directory, facts.culprit);
  Outcome outcome = outcome_of(
      {job.kind, kind.built_in(job), facts.stop_requested, facts.timed_out, *facts.child, kind.failure(own)});
  Value members = kind.closing_members(own);
  History objectives;
  if (job.kind == Kind::training_job) {
    const MutexLock lock(mutex_);
    if (const auto scraper = scrapers_.find(key); scraper != scrapers_.end()) {
      Value metrics = scraper->second->final_values();
      if (!metrics.empty()) members.set("FinalMetricDataList", std::move(metrics));
      if (job.state["judged"].bool_or(false)) objectives = scraper->second->objectives();
    }
  }
  if (outcome.upload) outcome = MR_TRY(upload(kind, job, std::move(outcome), members));
  return conclude(job.kind, job.name, outcome, members, objectives);
}

// What becomes of the outcome when the output is stored, or cannot be.
Result<Outcome> JobSteps::upload(JobKind& kind, const Resource& job, Outcome outcome, Value& members) {
  if (job.kind == Kind::training_job) {
    const auto set = update(job.kind, job.name, [&](Resource& row) -> Status {
      set_secondary_status(row.body, "Uploading", needs_.dependencies.clock.now());
      return {};
    });
    if (!set) return fail(set.error());
  }
  const fs::path directory = directory_of(job);
  const Checkpoint look = checkpoint(job.kind, job.name, grace_of(job.kind));
  Leftovers leftovers{directory, look, {}};
  auto uploaded = kind.upload(job, leftovers);
  note(kind, job, leftovers.notes);
  if (uploaded) {
    for (const auto& [member, value] : uploaded->members()) members.set(member, value);
    return outcome;
  }
  const Error& error = uploaded.error();
  if (error.code == Code::aborted) return Outcome{"Stopped", "Stopped", "", false};
  if (error.code == Code::cancelled || is_ours(error)) return fail(error);
  return outcome.status == "Completed" ? failed(error.message) : outcome;
}

// Lines of the server's own in the job's log.
void JobSteps::note(const JobKind& kind, const Resource& job, const std::vector<std::string>& lines) {
  std::vector<logs::Event> events;
  for (const auto& line : lines) events.push_back({needs_.dependencies.clock.now(), line});
  if (events.empty()) return;
  const auto stored =
      needs_.dependencies.logs.append(std::string(kind.log_group()), job.state["log_stream"].string_or(), events);
  if (!stored) log::warn("log of {}: {}", job.name, stored.error().message);
}

Status JobSteps::conclude(Kind kind, const std::string& name, const Outcome& outcome, const Value& members,
                          const History& objectives) {
  const auto changed = update(kind, name, [&](Resource& row) -> Status {
    if (!row.active) return {};
    const KindInfo& names = info_of(kind);
    const Time now = needs_.dependencies.clock.now();
    row.active = false;
    row.status = outcome.status;
    row.body.set(names.status_member, outcome.status).set(names.end_member, seconds(now));
    for (const auto& [member, value] : members.members()) row.body.set(member, value);
    for (const double value : objectives) row.state.child("objectives").push(value);
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
  if (!changed->parent.empty()) needs_.poke(Kind::tuning_job, changed->parent);
  return {};
}

Status JobSteps::release(Kind kind, const std::string& name, const Resource* kept) {
  const fs::path home = home_of(kind, name);
  const auto tree = UntrustedTree::open(home);
  if (!tree) return tree.error().code == Code::not_found ? Status() : fail(tree.error());
  bool is_empty = true;
  for (const auto& entry : MR_TRY(tree->list("", {}))) {
    if (kept != nullptr && entry.path == incarnation_of(*kept)) {
      is_empty = false;
    } else {
      MR_TRY(release_one(fmt::format("{}{}/{}", kJobKeys, poke_name(kind, name), entry.path), home / entry.path));
    }
  }
  return is_empty ? remove_tree(home) : Status();
}

Status JobSteps::release_one(const std::string& key, const fs::path& directory) {
  {
    const MutexLock lock(mutex_);
    scrapers_.erase(key);
    failures_.erase(key);
    histories_.erase(key);
    stopping_.erase(key);
    deadlines_.erase(key);
  }
  needs_.follower.drop(key);
  std::error_code ignored;
  for (std::size_t host = 2; fs::exists(host_directory(directory, host), ignored); ++host) {
    needs_.follower.drop(host_key(key, host));
  }
  // First the record, then the directory: while the directory stands, Jobs::resume() knows that this is still to do.
  MR_TRY(needs_.dependencies.backend.forget(key));
  return remove_tree(directory);
}

Result<Resource> JobSteps::update(Kind kind, const std::string& name, const Store::Change& change) {
  auto changed = needs_.dependencies.store.change(kind, name, [&](Resource& row) -> Status {
    MR_TRY(change(row));
    row.modified = needs_.dependencies.clock.now();
    if (row.body.has("LastModifiedTime")) row.body.set("LastModifiedTime", seconds(row.modified));
    return {};
  });
  if (changed) needs_.dependencies.changed(kind, changed->name);
  return changed;
}

}  // namespace millrace::sagemaker
