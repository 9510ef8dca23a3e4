#pragma once
// The steps of a job, each of which may be done twice without harm. jobs.cpp decides by machine.h which one is next.

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "sagemaker/jobs/early_stopping.h"
#include "sagemaker/jobs/execution.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/log_follower.h"
#include "sagemaker/jobs/machine.h"
#include "sagemaker/jobs/metrics.h"

namespace millrace::sagemaker {

class JobSteps {
 public:
  struct Needs {
    Dependencies& dependencies;
    LogFollower& follower;
    const Execution& execution;
    std::function<void(Kind, const std::string& name)> poke;  // look at it again; never blocks
    const std::atomic<bool>& ending;                          // the server is
  };
  explicit JobSteps(Needs needs) : needs_(std::move(needs)) {}

  Result<JobFacts> look(const JobKind& kind, const Resource& job);
  // Also done when it failed for the customer's reasons: they are written then. `waits`: for an environment that is
  // being made; the job is poked when that has ended.
  Status prepare(JobKind& kind, const Resource& job, bool& waits);
  Status watch(const JobKind& kind, const Resource& job, const work::WorkStatus& child);
  Status end_child(const JobKind& kind, const Resource& job);
  Status forget_hosts(const Resource& job);
  Status finish(JobKind& kind, const Resource& job, const JobFacts& facts);
  // The job's last change: from here on it is over.
  Status conclude(Kind kind, const std::string& name, const Outcome& outcome, const Value& members,
                  const History& objectives = {});
  // What a training job of a tuning job has printed of the objective, as far as its log has been read.
  History objectives_of(const Resource& trial);
  // Forgets the programs and removes the files of the jobs that have had this name, but for `kept`.
  Status release(Kind kind, const std::string& name, const Resource* kept);

 private:
  std::filesystem::path home_of(Kind kind, std::string_view name) const;
  std::filesystem::path directory_of(const Resource& job) const;
  Status release_one(const std::string& key, const std::filesystem::path& directory);
  bool timed_out(const JobKind& kind, const Resource& job, const std::optional<work::WorkStatus>& child) const;
  Result<Resource> update(Kind kind, const std::string& name, const Store::Change& change);
  Status begin(const Resource& job);
  Status set_secondary(const Resource& job, std::string_view status);
  // For long work of a job: an error when the server ends (cancelled) or, `patience` after it was asked for, when the
  // job is to stop (aborted).
  Checkpoint checkpoint(Kind kind, const std::string& name, Millis patience);
  void follow(const JobKind& kind, const Resource& job);
  std::function<void(std::string_view, Time)> scrape(const Resource& job, std::shared_ptr<MetricScraper> scraper);
  void note(const JobKind& kind, const Resource& job, const std::vector<std::string>& lines);
  void make_environment(const Resource& job, const frameworks::Wanted& wanted);
  struct MakingFailure {
    Error error;
    std::string said;
  };
  std::optional<MakingFailure> take_failure(const std::string& key);
  // false: it cannot be started, and the job has failed.
  Result<bool> launch(const JobKind& kind, const Resource& job, std::size_t host, Prepared prepared);
  Status launch_all(const JobKind& kind, const Resource& job, std::vector<Prepared> hosts);
  Status add_hosts_file(const Resource& job, Prepared& prepared);
  Result<Outcome> upload(JobKind& kind, const Resource& job, Outcome outcome, Value& members);

  const Needs needs_;
  Mutex mutex_;
  // By job_key(). Scrapers are shared with the follower's callback.
  std::map<std::string, std::shared_ptr<MetricScraper>> scrapers_ MR_GUARDED_BY(mutex_);
  std::map<std::string, MakingFailure> failures_ MR_GUARDED_BY(mutex_);  // of their environments, not yet written
  std::map<std::string, History> histories_ MR_GUARDED_BY(mutex_);       // of those that may be stopped early
  std::set<std::string> stopping_ MR_GUARDED_BY(mutex_), deadlines_ MR_GUARDED_BY(mutex_);  // said once per server
};

}  // namespace millrace::sagemaker
