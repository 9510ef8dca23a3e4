#pragma once
// /console/api/…: what the page asks for. Reading only; every answer is JSON.
//
//   overview                                       the latest runs, how many resources of each kind in each status
//   runs, runs/{id}                                newest first; one with its tasks
//   runs/{id}/tasks/{task}/log?offset=             bytes from `offset`; ask again with next_offset until complete
//   sagemaker                                      the kinds of resource, with what a page needs to show one
//   sagemaker/{kind}, sagemaker/{kind}/{name}      List's summaries; Describe's answer
//   sagemaker/{kind}/{name}/log?stream=&skip=      events after the first `skip`; ask again with next
//   sagemaker/HyperParameterTuningJob/{name}/training-jobs   its training jobs, described
//   s3, s3/{bucket}?prefix=                        buckets; a folder
//
// Names in paths are percent-encoded. Errors: {"message"} with 400, 404 or 500.

#include <string>
#include <string_view>
#include <vector>

#include "console/console.h"

namespace millrace::console {

class Api {
 public:
  static constexpr std::size_t kMaxRuns = 500;             // in the list of runs
  static constexpr std::size_t kLatestRuns = 8;            // on the overview
  static constexpr std::size_t kMaxLogBytes = 512 * 1024;  // of one answer
  static constexpr std::size_t kMaxLogEvents = 2000;       // of one answer
  static constexpr std::size_t kMaxEntries = 1000;         // of one folder
  static constexpr std::size_t kMaxTuningJobs = 500;       // training jobs of one tuning job

  explicit Api(Console::Needs needs) : needs_(needs) {}
  // `path` starts after "/console/api/". Is it the log of a task, of a run that this child may see?
  bool is_log_for(std::string_view path, const pipelines::Caller& caller);
  net::Response handle(std::string_view path, const net::Request& request);

 private:
  Result<Value> answer(std::string_view path, const net::Request& request);
  Result<Value> overview();
  Result<Value> runs();
  Result<Value> run(const std::string& id);
  Result<Value> task_log(const std::string& run_id, const std::string& task_id, const net::Request& request);
  Result<Value> kinds();
  Result<Value> resources(const std::string& kind);
  Result<Value> resource(const std::string& kind, const std::string& name);
  Result<Value> resource_log(const std::string& kind, const std::string& name, const net::Request& request);
  Result<Value> training_jobs_of(const std::string& tuning_job);
  Result<Value> buckets();
  Result<Value> folder(const std::string& bucket, const net::Request& request);

  Console::Needs needs_;
};

}  // namespace millrace::console
