#pragma once
// Removes finished runs with their files, and files that no row speaks of any more.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "app/options.h"
#include "app/prune/retention.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/untrusted_tree.h"
#include "base/value.h"
#include "db/database.h"
#include "pipelines/pipelines.h"
#include "sagemaker/sagemaker.h"

namespace millrace::app {

class Pruner {
 public:
  static constexpr std::size_t kMostRuns = 50;                     // removed in one call
  static constexpr std::size_t kMostOrphans = 1'000;               // removed in one call
  static constexpr std::int64_t kUnusedEnvironment = 30 * 86'400;  // seconds since a Python environment was last used

  struct Needs {
    db::Database& database;
    pipelines::Pipelines& pipelines;
    sagemaker::SageMaker& sagemaker;
    const Clock& clock;
  };
  Pruner(Needs needs, DataLayout layout) : needs_(needs), layout_(std::move(layout)) {}

  struct Removed {
    std::string kind, name;  // "run", "files of a run", "logs of a run", "artifacts", "endpoint", "python environment"…
    std::string id;          // of a run
    std::uint64_t bytes = 0;
  };
  struct Report {
    std::vector<Removed> removed;  // with `dry`: what would be
    std::uint64_t bytes = 0;
    std::size_t left = 0;             // runs that are still to go: call again
    std::vector<std::string> failed;  // a sentence each
  };
  // Runs that go by `retention`, with their rows, logs, files, and the artifacts that no other run's rows refer to. At
  // most kMostRuns, or all with `dry`.
  Result<Report> prune_runs(const Retention& retention, bool dry);
  // Directories of runs, artifacts and endpoints whose rows are gone, and, while no run is under way, Python
  // environments that nothing has used for long.
  Result<Report> prune_orphans(bool dry);

 private:
  struct Store;  // what is in the artifact store
  Result<std::vector<PrunableRun>> measured_runs(const Store& store) MR_REQUIRES(one_at_a_time_);
  std::uint64_t bytes_of_run(const std::string& id, const Store& store) MR_REQUIRES(one_at_a_time_);
  Status remove_run(const std::string& id) MR_REQUIRES(one_at_a_time_);
  void remove_artifacts(const UntrustedTree& tree, const std::string& path, const std::set<std::string>& referenced,
                        bool dry, Report& report) const;
  void orphan_environments(bool dry, Report& report) const;
  void unused_environments(const std::filesystem::path& of, bool dry, Report& report) const;
  void orphan_endpoints(bool dry, Report& report) const;

  const Needs needs_;
  const DataLayout layout_;
  Mutex one_at_a_time_;
  std::map<std::string, std::uint64_t> bytes_
      MR_GUARDED_BY(one_at_a_time_);  // of finished runs, whose files do not change
};

Value to_value(const Pruner::Report& report, bool dry);

}  // namespace millrace::app
