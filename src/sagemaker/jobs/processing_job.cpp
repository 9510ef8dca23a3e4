// A processing job: S3 objects placed below /opt/ml/processing, a program, the folders it filled back to S3.

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "sagemaker/jobs/container.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/jobs/program_environment.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxExitMessage = 1024;

class ProcessingKind final : public JobKind {
 public:
  explicit ProcessingKind(Dependencies& dependencies) : dependencies_(dependencies) {}
  Kind kind() const override { return Kind::processing_job; }
  bool built_in(const Resource&) const override { return false; }
  std::chrono::seconds max_runtime(const Resource& job) const override {
    return std::chrono::seconds(job.body["StoppingCondition"]["MaxRuntimeInSeconds"].int_or(0));
  }

  Result<Prepared> prepare(const Resource& job, const fs::path& directory, const Checkpoint& checkpoint,
                           const Host& host) override {
    const fs::path ml = directory / "ml";
    const std::string role = job.body["RoleArn"].string_or();
    // trusted-path: nothing of the job has run yet
    for (const auto* folder : {"processing", "config", "output"}) MR_TRY(make_directories(ml / folder));
    // trusted-path: nothing of the job has run yet
    MR_TRY(make_directories(directory / "tmp", 0700));
    for (const auto& [name, content] : processing_config_files(job.body, host)) {
      // trusted-path: nothing of the job has run yet
      MR_TRY(write_file(ml / "config" / name, content));
    }
    const auto access = MR_TRY(dependencies_.access_as(role, job.origin()));
    Transfer transfer{*access, role, dependencies_.account_region.region, checkpoint};
    for (const auto& input : job.body["ProcessingInputs"].items()) {
      const Value& s3 = input["S3Input"];
      const bool is_sharded = s3["S3DataDistributionType"].string_or() == "ShardedByS3Key";
      transfer.shard = is_sharded ? host.number - 1 : 0;
      transfer.shards = is_sharded ? host.count : 1;
      MR_TRY(transfer.download(s3["S3DataType"].string_or(), s3["S3Uri"].string_or(),
                               ml / MR_TRY(below_opt_ml(s3["LocalPath"].string_or())), blob::BlobStore::Share::copy));
    }
    for (const auto& output : job.body["ProcessingOutputConfig"]["Outputs"].items()) {
      // trusted-path: nothing of the job has run yet
      MR_TRY(make_directories(ml / MR_TRY(below_opt_ml(output["S3Output"]["LocalPath"].string_or()))));
    }

    return program(job, directory);
  }

  Result<Value> upload(const Resource& job, Leftovers& leftovers) override {
    const std::string role = job.body["RoleArn"].string_or();
    const auto access = MR_TRY(dependencies_.access_as(role, job.origin()));
    Transfer transfer{*access, role, dependencies_.account_region.region, leftovers.checkpoint};
    const auto trees = MR_TRY(open_hosts(job, leftovers.directory));
    OutputBudget budget = budget_of_volume(job.body["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"]);
    for (const auto& output : job.body["ProcessingOutputConfig"]["Outputs"].items()) {
      const Value& s3 = output["S3Output"];
      const fs::path folder = MR_TRY(below_opt_ml(s3["LocalPath"].string_or()));
      for (const UntrustedTree& tree : trees) {
        MR_TRY(transfer.upload_folder(tree, folder.string(), s3["S3Uri"].string_or(), budget, leftovers.notes));
      }
    }
    return Value::object();
  }

  Value closing_members(const fs::path& directory) const override {
    Value members = Value::object();
    const auto tree = open_opt_ml(directory / "ml");
    const std::string message = tree ? output_text(*tree, "output/message", kMaxExitMessage) : std::string();
    if (!message.empty()) members.set("ExitMessage", message);
    return members;
  }

 private:
  Result<Prepared> program(const Resource& job, const fs::path& directory) {
    const fs::path ml = directory / "ml";
    const Value& app = job.body["AppSpecification"];
    const std::string image = app["ImageUri"].string_or();
    const Value &entrypoint = app["ContainerEntrypoint"], &arguments = app["ContainerArguments"];
    const bool in_image = dependencies_.backend.has_image(image);
    const bool isolated = job.body["NetworkConfig"]["EnableNetworkIsolation"].bool_or(false);
    if (!in_image) MR_TRY(check_image(image));
    const auto wanted = in_image || entrypoint.empty() ? std::nullopt : wanted_of(job, ml);
    const auto kept = wanted ? dependencies_.environments.find(*wanted) : std::nullopt;
    Prepared out{work::Workload()};
    if (wanted && !kept) {
      out.missing = *wanted;
      return out;
    }
    work::Workload& spec = out.workload;
    spec.environment = MR_TRY(environment_of(job, in_image, isolated));
    if (in_image) {
      put_in_image(spec, image, words_of(entrypoint), words_of(arguments));
      MR_TRY(mount_in_image(spec, ml, !isolated));
      return out;
    }
    spec.command = MR_TRY(command_in(kept, image, entrypoint, arguments, ml));
    MR_TRY(dependencies_.sandbox.contain_program(spec, directory, hidden_of(dependencies_.options), !isolated));
    MR_TRY(enter_python(dependencies_.environments, image, kept, directory, out));
    return out;
  }

  static std::optional<frameworks::Wanted> wanted_of(const Resource& job, const fs::path& ml) {
    const Value& app = job.body["AppSpecification"];
    return wanted_for_entrypoint(app["ImageUri"].string_or(), ml / "processing", command_line_of(app),
                                 variables_of(job.body["Environment"]));
  }

  Result<work::Variables> environment_of(const Resource& job, bool in_image, bool isolated) {
    work::Variables environment;
    if (!isolated) {
      environment = MR_TRY(role_variables(dependencies_, job, job.body["RoleArn"].string_or(), max_runtime(job)));
    }
    if (!in_image) add_program_variables(environment);
    add_aws_variables(environment, dependencies_.account_region.region, dependencies_.options.endpoint_url);
    set_variable(environment, "PROCESSING_JOB_NAME", job.name);
    set_variable(environment, "PROCESSING_JOB_ARN", job.arn);
    for (const auto& [name, value] : job.body["Environment"].members()) {
      set_variable(environment, name, value.string_or());
    }
    return environment;
  }

  Dependencies& dependencies_;
};

}  // namespace

std::unique_ptr<JobKind> make_processing_kind(Dependencies& dependencies) {
  return std::make_unique<ProcessingKind>(dependencies);
}

}  // namespace millrace::sagemaker
