#pragma once
// Amazon SageMaker: the control plane (sagemaker), the runtime (sagemaker-runtime), and the jobs and endpoints behind
// them, which really run as child processes.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/gateway.h"
#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "db/database.h"
#include "iam/iam.h"
#include "logs/logs.h"
#include "s3/s3.h"
#include "work/backend.h"

namespace millrace::sagemaker {

struct Options {
  std::string account, region;
  std::filesystem::path directory;        // job directories; same file system as the blobs
  std::filesystem::path executable;       // this program, for the worker roles
  std::string endpoint_url;               // this server, for jobs that call AWS themselves
  std::string container_credentials_url;  // see app/: where a job fetches its role's credentials
  // The variables that let a job's process act as `role_arn` (app/ knows a credentials endpoint that outlives any
  // session). Empty: the keys of one session, as long as the job may run, go into the environment.
  std::function<std::vector<std::pair<std::string, std::string>>(const std::string& role_arn,
                                                                 const std::string& session)>
      role_environment;
  // Directories and files that a job's own program must not see, besides `directory`.
  std::vector<std::filesystem::path> hidden;
};

class SageMaker {
 public:
  struct Needs {
    db::Database& database;
    const Clock& clock;
    iam::Iam& iam;
    s3::S3& s3;
    logs::Logs& logs;
    work::Backend& backend;
    aws::Gateway& gateway;  // authorises what a job does as its execution role
  };
  static Result<std::unique_ptr<SageMaker>> open(Needs needs, Options options);
  virtual ~SageMaker() = default;
  virtual aws::Service control_service() = 0;
  virtual aws::Service runtime_service() = 0;
  // Tags of a resource as condition keys (aws:ResourceTag/…, sagemaker:ResourceTag/…), for iam.
  using ConditionTags =
      std::function<Result<std::vector<std::pair<std::string, std::string>>>(const std::string& resource_arn)>;
  virtual ConditionTags condition_tags() = 0;
  // Takes up every job and endpoint that was under way when the server last ended.
  virtual Status resume() = 0;
  // Jobs that are under way and endpoints that have model servers: what stop() leaves to the next start.
  virtual Result<std::size_t> under_way() = 0;
  virtual void stop() = 0;  // joins what works; children go on

  // Called after each change of a resource: kind as the API names it ("TrainingJob", "Endpoint"), name.
  virtual void on_change(std::function<void(const std::string& kind, const std::string& name)> listener) = 0;
  // The console's read side: the members that the matching List/Describe operation gives. The kinds are those of
  // kinds.h, by name.
  virtual Result<std::vector<Value>> list(const std::string& kind) = 0;
  virtual Result<Value> describe(const std::string& kind, const std::string& name) = 0;
  struct Count {
    std::string kind, status;  // status: empty for a kind that has none
    std::size_t resources = 0;
  };
  virtual Result<std::vector<Count>> counts() = 0;  // of every kind and status that has any
  // The same of what under_way() counts. Costs what they are, however many have ended.
  virtual Result<std::vector<Count>> counts_under_way() = 0;
  // The training jobs that a tuning job started, described, the first ones first; at most `limit`.
  virtual Result<std::vector<Value>> training_jobs_of(const std::string& tuning_job, std::size_t limit) = 0;
};

}  // namespace millrace::sagemaker
