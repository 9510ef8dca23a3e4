#pragma once
// What differs between training, processing and transform jobs. The shell (jobs.h) does what they share.

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/untrusted_tree.h"
#include "sagemaker/frameworks/environments.h"
#include "sagemaker/jobs/hosts.h"
#include "sagemaker/jobs/machine.h"
#include "sagemaker/jobs/metrics.h"
#include "sagemaker/jobs/sandbox.h"
#include "sagemaker/jobs/transfer.h"
#include "sagemaker/sagemaker.h"
#include "sagemaker/store.h"
#include "work/backend.h"

namespace millrace::sagemaker {

inline constexpr std::string_view kServicePrincipal = "sagemaker.amazonaws.com";

// What the jobs and the endpoints work with.
struct Dependencies {
  Store& store;
  const Clock& clock;
  iam::Iam& iam;
  s3::S3& s3;
  logs::Logs& logs;
  work::Backend& backend;
  aws::Gateway& gateway;
  const Options& options;
  Sandbox& sandbox;
  MetricPatternCache& metrics;
  AccountRegion account_region;
  std::function<void(Kind, const std::string& name)> changed;
  frameworks::Environments& environments;  // that programs of frameworks' images run in

  // S3 as the role, for something of this origin(). Error: SageMaker's sentence for a role it cannot assume.
  Result<std::unique_ptr<s3::Access>> access_as(const std::string& role_arn, const std::string& origin) const;
};

// The error for a role that does not exist or does not trust SageMaker.
Error cannot_assume(std::string_view role_arn);

// The role's credentials for the job's program, the customer's, as variables.
Result<std::vector<std::pair<std::string, std::string>>> role_variables(const Dependencies& dependencies,
                                                                        const Resource& job,
                                                                        const std::string& role_arn,
                                                                        std::chrono::seconds lifetime);

// What a program must not see besides what no child sees: the server's files.
std::vector<std::filesystem::path> hidden_of(const Options& options);

// What was left in a job's directory, and what is done with it.
struct Leftovers {
  const std::filesystem::path& directory;  // the job's, to which only the server writes; its program wrote below "ml"
  const Checkpoint& checkpoint;
  std::vector<std::string> notes;  // lines for the job's log
};

// What is to be run for a job.
struct Prepared {
  // NOLINTNEXTLINE(google-explicit-constructor): most jobs need nothing else
  Prepared(work::Workload what) : workload(std::move(what)) {}
  work::Workload workload;
  std::vector<std::string> notes;  // the first lines of its log
  // This environment is to be made first, and the job prepared again then; `workload` is nothing yet.
  std::optional<frameworks::Wanted> missing;
};

struct JobKind {
  virtual ~JobKind() = default;
  virtual Kind kind() const = 0;
  std::string_view log_group() const { return info_of(kind()).log_group; }
  virtual bool built_in(const Resource& job) const = 0;
  virtual std::chrono::seconds max_runtime(const Resource& job) const = 0;  // 0: none
  // Fills `directory` (fresh, the host's) and says what to run; key, log paths and directory are the shell's.
  virtual Result<Prepared> prepare(const Resource& job, const std::filesystem::path& directory,
                                   const Checkpoint& checkpoint, const Host& host) = 0;
  // The child has ended well enough to keep its output. Members to set in the Describe document. May run again after
  // a crash: it puts the same objects.
  virtual Result<Value> upload(const Resource& job, Leftovers& leftovers) = 0;
  // What the program said when it failed; and other members to set at the end.
  virtual std::string failure(const std::filesystem::path& directory) const;
  virtual Value closing_members(const std::filesystem::path& directory) const;
};

// What its hosts left below their /opt/ml; the first host's last, so that its files win where names are the same.
Result<std::vector<UntrustedTree>> open_hosts(const Resource& job, const std::filesystem::path& directory);

std::unique_ptr<JobKind> make_training_kind(Dependencies& dependencies);
std::unique_ptr<JobKind> make_processing_kind(Dependencies& dependencies);
std::unique_ptr<JobKind> make_transform_kind(Dependencies& dependencies);

// The command of one of our own worker roles, with the little environment it needs.
work::Workload worker_spec(const Options& options, std::vector<std::string> arguments);

}  // namespace millrace::sagemaker
