// A training job: channels in, the program, model.tar.gz out.

#include <fmt/core.h>

#include "base/file.h"
#include "sagemaker/algorithms/registry.h"
#include "sagemaker/jobs/container.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/model_archive.h"
#include "sagemaker/jobs/object_paths.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;
using Share = blob::BlobStore::Share;

class TrainingKind final : public JobKind {
 public:
  explicit TrainingKind(Dependencies& dependencies) : dependencies_(dependencies) {}
  Kind kind() const override { return Kind::training_job; }
  bool built_in(const Resource& job) const override { return !algorithm_of(job).empty(); }
  std::chrono::seconds max_runtime(const Resource& job) const override {
    return std::chrono::seconds(job.body["StoppingCondition"]["MaxRuntimeInSeconds"].int_or(0));
  }

  Result<work::Workload> prepare(const Resource& job, const fs::path& directory,
                                 const Checkpoint& checkpoint) override {
    const fs::path ml = directory / "ml";
    const std::string algorithm = algorithm_of(job);
    for (const auto* folder : {"input/config", "input/data", "model", "output/data"})
      // trusted-path: nothing of the job has run yet
      MR_TRY(make_directories(ml / folder));
    for (const auto& [name, content] : training_config_files(job.body)) {
      // trusted-path: nothing of the job has run yet
      MR_TRY(write_file(ml / "input/config" / name, content));
    }
    const auto access = MR_TRY(dependencies_.access_as(job.body["RoleArn"].string_or(), job.origin()));
    Transfer transfer{*access, job.body["RoleArn"].string_or(), dependencies_.account_region.region, checkpoint};
    // Our own worker only reads, so it may share the objects' bytes; another program gets its own copies.
    const Share share = algorithm.empty() ? Share::copy : Share::read_only_link;
    for (const auto& channel : job.body["InputDataConfig"].items()) {
      const Value& source = channel["DataSource"]["S3DataSource"];
      MR_TRY(transfer.download(source["S3DataType"].string_or(), source["S3Uri"].string_or(),
                               ml / "input/data" / channel["ChannelName"].string_or(), share));
    }
    if (!algorithm.empty()) {
      auto spec = worker_spec(dependencies_.options, {"train", ml.string(), algorithm});
      MR_TRY(dependencies_.sandbox.contain_worker(spec, {directory}, {ml / "input"}, hidden_of(dependencies_.options)));
      return spec;
    }
    if (const std::string uri = job.body["CheckpointConfig"]["S3Uri"].string_or(); !uri.empty()) {
      MR_TRY(transfer.download_prefix(uri, ml / MR_TRY(checkpoint_folder(job)), Share::copy, true));
    }
    return custom_program(job, directory);
  }

  Result<Value> upload(const Resource& job, Leftovers& leftovers) override {
    const std::string role = job.body["RoleArn"].string_or();
    const auto access = MR_TRY(dependencies_.access_as(role, job.origin()));
    Transfer transfer{*access, role, dependencies_.account_region.region, leftovers.checkpoint};
    const auto tree = MR_TRY(open_opt_ml(leftovers.directory / "ml"));
    OutputBudget budget = budget_of_volume(job.body["ResourceConfig"]["VolumeSizeInGB"]);
    const Value& output = job.body["OutputDataConfig"];
    const std::string base = join_uri(output["S3OutputPath"].string_or(), job.name + "/output");
    Value members = Value::object();
    if (output["CompressionType"].string_or() == "NONE") {
      MR_TRY(transfer.upload_folder(tree, "model", base + "/model", budget, leftovers.notes));
      members.set("ModelArtifacts", Value::object({{"S3ModelArtifacts", base + "/model/"}}));
    } else {
      MR_TRY(upload_packed(transfer, tree, "model", base + "/model.tar.gz", Empty::uploaded, budget, leftovers));
      members.set("ModelArtifacts", Value::object({{"S3ModelArtifacts", base + "/model.tar.gz"}}));
    }
    MR_TRY(upload_packed(transfer, tree, "output/data", base + "/output.tar.gz", Empty::left_out, budget, leftovers));
    if (const std::string uri = job.body["CheckpointConfig"]["S3Uri"].string_or(); !uri.empty() && !built_in(job)) {
      MR_TRY(transfer.upload_folder(tree, MR_TRY(checkpoint_folder(job)).string(), uri, budget, leftovers.notes));
    }
    return members;
  }

 private:
  enum class Empty { uploaded, left_out };
  // A folder of the tree as one archive.
  static Status upload_packed(Transfer& transfer, const UntrustedTree& tree, const std::string& folder,
                              const std::string& uri, Empty empty, OutputBudget& budget, Leftovers& leftovers) {
    const fs::path archive = leftovers.directory / "packed.tar.gz";
    const std::size_t files = MR_TRY(pack_folder(tree, folder, archive, budget, leftovers.notes, leftovers.checkpoint));
    if (files == 0 && empty == Empty::left_out) return {};
    const auto own = MR_TRY(UntrustedTree::open(leftovers.directory));
    const auto info = MR_TRY(own.info(archive.filename().string()));
    return transfer.upload_file(MR_TRY(own.open_file(archive.filename().string())), info ? info->size : 0, uri);
  }
  static std::string algorithm_of(const Resource& job) {
    const auto* algorithm =
        built_in::algorithm_of_image(job.body["AlgorithmSpecification"]["TrainingImage"].string_or());
    return algorithm == nullptr ? std::string() : std::string(algorithm->info().name);
  }
  static Result<fs::path> checkpoint_folder(const Resource& job) {
    return below_opt_ml(job.body["CheckpointConfig"]["LocalPath"].string_or("/opt/ml/checkpoints"));
  }

  Result<work::Workload> custom_program(const Resource& job, const fs::path& directory) {
    const fs::path ml = directory / "ml";
    const Value& algorithm = job.body["AlgorithmSpecification"];
    const std::string image = algorithm["TrainingImage"].string_or();
    const std::string role = job.body["RoleArn"].string_or();
    const bool isolated = job.body["EnableNetworkIsolation"].bool_or(false);
    work::Workload spec;
    if (!isolated) spec.environment = MR_TRY(role_variables(dependencies_, job, role, max_runtime(job)));
    if (dependencies_.backend.has_image(image)) {
      add_aws_variables(spec.environment, dependencies_.account_region.region, dependencies_.options.endpoint_url);
      add_training_variables(spec.environment, job.body, "/opt/ml");
      put_in_image(spec, image, words_of(algorithm["ContainerEntrypoint"]), words_of(algorithm["ContainerArguments"]));
      // What SageMaker gives a training image to run, where the job does not say it.
      if (spec.command.empty() && spec.arguments.empty()) spec.arguments = {"train"};
      MR_TRY(mount_in_image(spec, ml, !isolated));
      return spec;
    }
    auto program = MR_TRY(program_of(image, algorithm["ContainerEntrypoint"], algorithm["ContainerArguments"], ml));
    add_program_variables(spec.environment);
    add_aws_variables(spec.environment, dependencies_.account_region.region, dependencies_.options.endpoint_url);
    // trusted-path: nothing of the job has run yet
    MR_TRY(make_directories(directory / "tmp", 0700));
    if (!dependencies_.sandbox.available()) {
      // A training program can do without /opt/ml when it takes its folders from the SM_ variables.
      if (isolated) {
        return fail(Code::failed_precondition, "EnableNetworkIsolation needs namespaces, which this machine has not");
      }
      add_training_variables(spec.environment, job.body, ml);
      set_variable(spec.environment, "HOME", (directory / "tmp").string());
      spec.command = std::move(program.command);
      return spec;
    }
    add_training_variables(spec.environment, job.body, "/opt/ml");
    spec.command = std::move(program.command);
    MR_TRY(dependencies_.sandbox.contain_program(spec, directory, hidden_of(dependencies_.options), !isolated));
    return spec;
  }

  Dependencies& dependencies_;
};

}  // namespace

std::unique_ptr<JobKind> make_training_kind(Dependencies& dependencies) {
  return std::make_unique<TrainingKind>(dependencies);
}

}  // namespace millrace::sagemaker
