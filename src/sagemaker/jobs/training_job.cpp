// A training job: channels in, the program, model.tar.gz out.

#include <fmt/core.h>

#include "base/file.h"
#include "sagemaker/algorithms/registry.h"
#include "sagemaker/jobs/container.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/model_archive.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/jobs/program_environment.h"
#include "sagemaker/jobs/script_mode.h"

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

  Result<Prepared> prepare(const Resource& job, const fs::path& directory, const Checkpoint& checkpoint,
                           const Host& host) override {
    const fs::path ml = directory / "ml";
    const std::string algorithm = algorithm_of(job);
    for (const auto* folder : {"input/config", "input/data", "model", "output/data"})
      // trusted-path: nothing of the job has run yet
      MR_TRY(make_directories(ml / folder));
    for (const auto& [name, content] : training_config_files(job.body, host)) {
      // trusted-path: nothing of the job has run yet
      MR_TRY(write_file(ml / "input/config" / name, content));
    }
    const auto access = MR_TRY(dependencies_.access_as(job.body["RoleArn"].string_or(), job.origin()));
    Transfer transfer{*access, job.body["RoleArn"].string_or(), dependencies_.account_region.region, checkpoint};
    const bool in_image =
        dependencies_.backend.has_image(job.body["AlgorithmSpecification"]["TrainingImage"].string_or());
    const auto script = algorithm.empty() && !in_image ? script_of(job) : std::nullopt;
    if (script) {
      MR_TRY(download_source(*script, transfer, directory));
      // Before the channels, which may be large: they are not downloaded twice.
      if (script->source.starts_with("s3://")) {
        auto wanted = wanted_for_script(image_of(job), ml / "code", variables_of(job.body["Environment"]));
        if (!dependencies_.environments.find(wanted)) return missing(std::move(wanted));
      }
    }
    // Our own worker only reads, so it may share the objects' bytes; another program gets its own copies.
    const Share share = algorithm.empty() ? Share::copy : Share::read_only_link;
    for (const auto& channel : job.body["InputDataConfig"].items()) {
      const Value& source = channel["DataSource"]["S3DataSource"];
      const bool is_sharded = source["S3DataDistributionType"].string_or() == "ShardedByS3Key";
      transfer.shard = is_sharded ? host.number - 1 : 0;
      transfer.shards = is_sharded ? host.count : 1;
      MR_TRY(transfer.download(source["S3DataType"].string_or(), source["S3Uri"].string_or(),
                               ml / "input/data" / channel["ChannelName"].string_or(), share));
    }
    if (!algorithm.empty()) {
      auto spec = worker_spec(dependencies_.options, {"train", ml.string(), algorithm});
      MR_TRY(dependencies_.sandbox.contain_worker(spec, {directory}, {ml / "input"}, hidden_of(dependencies_.options)));
      return spec;
    }
    if (const std::string uri = job.body["CheckpointConfig"]["S3Uri"].string_or(); !uri.empty()) {
      transfer.shard = 0;
      transfer.shards = 1;
      MR_TRY(transfer.download_prefix(uri, ml / MR_TRY(checkpoint_folder(job)), Share::copy, true));
    }
    if (script) return script_program(job, *script, directory, checkpoint, host);
    return custom_program(job, directory, in_image, host);
  }

  Result<Value> upload(const Resource& job, Leftovers& leftovers) override {
    const std::string role = job.body["RoleArn"].string_or();
    const auto access = MR_TRY(dependencies_.access_as(role, job.origin()));
    Transfer transfer{*access, role, dependencies_.account_region.region, leftovers.checkpoint};
    const auto trees = MR_TRY(open_hosts(job, leftovers.directory));
    const auto upload_all = [&](const std::string& folder, const std::string& uri, OutputBudget& left) -> Status {
      for (const UntrustedTree& tree : trees) {
        MR_TRY(transfer.upload_folder(tree, folder, uri, left, leftovers.notes));
      }
      return {};
    };
    OutputBudget budget = budget_of_volume(job.body["ResourceConfig"]["VolumeSizeInGB"]);
    const Value& output = job.body["OutputDataConfig"];
    const std::string base = join_uri(output["S3OutputPath"].string_or(), job.name + "/output");
    Value members = Value::object();
    if (output["CompressionType"].string_or() == "NONE") {
      MR_TRY(upload_all("model", base + "/model", budget));
      members.set("ModelArtifacts", Value::object({{"S3ModelArtifacts", base + "/model/"}}));
    } else {
      MR_TRY(upload_packed(transfer, trees, "model", base + "/model.tar.gz", Empty::uploaded, budget, leftovers));
      members.set("ModelArtifacts", Value::object({{"S3ModelArtifacts", base + "/model.tar.gz"}}));
    }
    MR_TRY(upload_packed(transfer, trees, "output/data", base + "/output.tar.gz", Empty::left_out, budget, leftovers));
    if (const std::string uri = job.body["CheckpointConfig"]["S3Uri"].string_or(); !uri.empty() && !built_in(job)) {
      MR_TRY(upload_all(MR_TRY(checkpoint_folder(job)).string(), uri, budget));
    }
    // What a toolkit brings there while the script runs.
    if (const std::string uri = hyperparameter_text(job.body, "sagemaker_s3_output"); !uri.empty() && !built_in(job)) {
      MR_TRY(upload_all("output/intermediate", join_uri(uri, job.name + "/output/intermediate"), budget));
    }
    return members;
  }

 private:
  enum class Empty { uploaded, left_out };
  // A folder of the trees as one archive.
  static Status upload_packed(Transfer& transfer, std::span<const UntrustedTree> trees, const std::string& folder,
                              const std::string& uri, Empty empty, OutputBudget& budget, Leftovers& leftovers) {
    const fs::path archive = leftovers.directory / "packed.tar.gz";
    const std::size_t files =
        MR_TRY(pack_folders(trees, folder, archive, budget, leftovers.notes, leftovers.checkpoint));
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

  static std::string image_of(const Resource& job) {
    return job.body["AlgorithmSpecification"]["TrainingImage"].string_or();
  }
  // A job that says what to run is not in script mode, whatever its hyperparameters.
  static std::optional<ScriptMode> script_of(const Resource& job) {
    return job.body["AlgorithmSpecification"]["ContainerEntrypoint"].empty() ? script_mode_of(job.body) : std::nullopt;
  }
  static Prepared missing(frameworks::Wanted wanted) {
    Prepared out{work::Workload()};
    out.missing = std::move(wanted);
    return out;
  }
  static bool is_isolated(const Resource& job) { return job.body["EnableNetworkIsolation"].bool_or(false); }

  Status download_source(const ScriptMode& script, Transfer& transfer, const fs::path& directory) {
    MR_TRY(check_source(script));
    if (!script.source.starts_with("s3://")) return {};
    const fs::path archive = directory / "source.tar.gz";
    MR_TRY(transfer.download_object(script.source, archive, Share::copy));
    MR_TRY(place_source(archive, directory / "ml/code", transfer.checkpoint));
    return remove_tree(archive);
  }
  static Status check_source(const ScriptMode& script) {
    const bool is_place = script.source.empty() || script.source.starts_with("s3://") || below_opt_ml(script.source);
    if (is_place) return {};
    return fail(Code::invalid_argument,
                fmt::format("sagemaker_submit_directory {} is neither an S3 URI nor below /opt/ml.", script.source));
  }

  // In a channel, as jobs without a network have it.
  static Status take_source_of_channel(const ScriptMode& script, const fs::path& ml, const Checkpoint& checkpoint) {
    const fs::path code = ml / "code";
    std::error_code error;
    if (script.source.starts_with("s3://")) return {};
    const fs::path source = script.source.empty() ? code : ml / MR_TRY(below_opt_ml(script.source));
    if (fs::is_regular_file(source, error)) return place_source(source, code, checkpoint);
    // trusted-path: nothing of the job has run yet
    MR_TRY(make_directories(code));
    if (source == code || !fs::is_directory(source, error)) return {};
    // trusted-path: the server made both, without links, and nothing of the job has run yet
    fs::copy(source, code, fs::copy_options::recursive, error);
    return error ? Status(fail(system_error("the script's directory cannot be copied", error.value()))) : Status();
  }

  // What every program of a customer's has; in the sandbox, if there is one.
  Result<work::Workload> begin_program(const Resource& job, const fs::path& directory) {
    work::Workload spec;
    if (!is_isolated(job)) {
      spec.environment = MR_TRY(role_variables(dependencies_, job, job.body["RoleArn"].string_or(), max_runtime(job)));
    } else if (!dependencies_.sandbox.available()) {
      return fail(Code::failed_precondition, "EnableNetworkIsolation needs namespaces, which this machine has not");
    }
    add_program_variables(spec.environment);
    add_aws_variables(spec.environment, dependencies_.account_region.region, dependencies_.options.endpoint_url);
    // trusted-path: nothing of the job has run yet
    MR_TRY(make_directories(directory / "tmp", 0700));
    if (!dependencies_.sandbox.available()) set_variable(spec.environment, "HOME", (directory / "tmp").string());
    return spec;
  }
  // A training program can do without /opt/ml when it takes its folders from the SM_ variables.
  fs::path seen_ml(const fs::path& directory) {
    return dependencies_.sandbox.available() ? fs::path("/opt/ml") : directory / "ml";
  }
  Status contain(work::Workload& spec, const Resource& job, const fs::path& directory) {
    if (!dependencies_.sandbox.available()) return {};
    return dependencies_.sandbox.contain_program(spec, directory, hidden_of(dependencies_.options), !is_isolated(job));
  }

  Result<Prepared> script_program(const Resource& job, const ScriptMode& script, const fs::path& directory,
                                  const Checkpoint& checkpoint, const Host& host) {
    const fs::path ml = directory / "ml", seen = seen_ml(directory);
    MR_TRY(take_source_of_channel(script, ml, checkpoint));
    auto wanted = wanted_for_script(image_of(job), ml / "code", variables_of(job.body["Environment"]));
    const auto kept = dependencies_.environments.find(wanted);
    if (!kept) return missing(std::move(wanted));
    // trusted-path: nothing of the job has run yet
    MR_TRY(make_directories(ml / "output/intermediate"));
    Prepared out{MR_TRY(begin_program(job, directory))};
    work::Workload& spec = out.workload;
    const TrainingConfig config = training_config(job.body, host);
    add_toolkit_variables(spec.environment, job.body, script, config.resources, config.channels, seen);
    const bool is_kept = !wanted.requirements.empty();
    spec.command = {dependencies_.options.executable.string(), "worker",      "script", seen.string(),
                    is_kept ? "installed" : "install",         script.program};
    spec.arguments = script_arguments(script_hyperparameters(job.body));
    MR_TRY(contain(spec, job, directory));
    MR_TRY(enter_python(dependencies_.environments, image_of(job), kept, directory, out));
    return out;
  }

  Result<Prepared> custom_program(const Resource& job, const fs::path& directory, bool in_image, const Host& host) {
    const fs::path ml = directory / "ml";
    const Value& algorithm = job.body["AlgorithmSpecification"];
    const std::string image = image_of(job);
    if (in_image) return program_in_image(job, ml);
    MR_TRY(check_image(image));
    const Value &entrypoint = algorithm["ContainerEntrypoint"], &arguments = algorithm["ContainerArguments"];
    const auto wanted = entrypoint.empty() ? std::nullopt
                                           : wanted_for_entrypoint(image, ml / "input/data", command_line_of(algorithm),
                                                                   variables_of(job.body["Environment"]));
    const auto kept = wanted ? dependencies_.environments.find(*wanted) : std::nullopt;
    if (wanted && !kept) return missing(*wanted);
    Prepared out{MR_TRY(begin_program(job, directory))};
    work::Workload& spec = out.workload;
    add_training_variables(spec.environment, job.body, seen_ml(directory), host);
    spec.command = MR_TRY(command_in(kept, image, entrypoint, arguments, ml));
    MR_TRY(contain(spec, job, directory));
    MR_TRY(enter_python(dependencies_.environments, image, kept, directory, out));
    return out;
  }

  Result<Prepared> program_in_image(const Resource& job, const fs::path& ml) {
    const Value& algorithm = job.body["AlgorithmSpecification"];
    const bool isolated = is_isolated(job);
    work::Workload spec;
    if (!isolated) {
      spec.environment = MR_TRY(role_variables(dependencies_, job, job.body["RoleArn"].string_or(), max_runtime(job)));
    }
    add_aws_variables(spec.environment, dependencies_.account_region.region, dependencies_.options.endpoint_url);
    add_training_variables(spec.environment, job.body, "/opt/ml");
    put_in_image(spec, image_of(job), words_of(algorithm["ContainerEntrypoint"]),
                 words_of(algorithm["ContainerArguments"]));
    // What SageMaker gives a training image to run, where the job does not say it.
    if (spec.command.empty() && spec.arguments.empty()) spec.arguments = {"train"};
    MR_TRY(mount_in_image(spec, ml, !isolated));
    return spec;
  }

  Dependencies& dependencies_;
};

}  // namespace

std::unique_ptr<JobKind> make_training_kind(Dependencies& dependencies) {
  return std::make_unique<TrainingKind>(dependencies);
}

}  // namespace millrace::sagemaker
