// A transform job: every object under a prefix through a model, one result object each.
//
// The worker reads <job directory>/transform.json:
//   model_directory, algorithm (or server: the inference script's, which runs beside the worker), content_type, accept
//   ("" where not given), split_type ("None", "Line", "RecordIO"), assemble_with ("None", "Line"), batch_strategy
//   ("MultiRecord", "SingleRecord"), max_payload_mb, join_source ("None", "Input"), input_filter, output_filter
//   (JSONPath, "$"), inputs: [{source, target}]: absolute paths; it writes each target.

#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "proc/child_user.h"
#include "sagemaker/jobs/container.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/model_server.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/jobs/served_model.h"
#include "sagemaker/serving/deployment.h"
#include "sagemaker/serving/sockets.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDefaultPayloadMb = 6, kMostPayloadMb = 100;
constexpr std::int64_t kInvocationSeconds = 600, kRetries = 3;  // ModelClientConfig's defaults
constexpr std::size_t kMaxFailure = 4096;

class TransformKind final : public JobKind {
 public:
  explicit TransformKind(Dependencies& dependencies) : dependencies_(dependencies) {}
  Kind kind() const override { return Kind::transform_job; }
  bool built_in(const Resource&) const override { return true; }
  std::chrono::seconds max_runtime(const Resource&) const override { return std::chrono::seconds(0); }

  Result<Prepared> prepare(const Resource& job, const fs::path& directory, const Checkpoint& checkpoint,
                           const Host&) override {
    // The model as it was when the job was made: it may be deleted meanwhile.
    if (containers_of(job.state["model"]).size() > 1) {
      return fail(Code::unimplemented,
                  fmt::format("The model {} is an inference pipeline, which transform jobs do not run here.",
                              job.body["ModelName"].string_or()));
    }
    const auto model = MR_TRY(served_model(job.state["model"], 0));
    MR_TRY(fetch_model(dependencies_, model, directory / "model", job.origin(), checkpoint));
    MR_TRY(fetch_script(dependencies_, model, directory / "code", job.origin(), checkpoint));
    const ModelPlaces places{directory / "model", directory / "code", directory / "own", directory / "serve"};
    const ServerPlan plan = MR_TRY(plan_server(dependencies_, model, places));
    if (plan.kind == ServerPlan::Kind::container) {
      return fail(Code::unimplemented,
                  fmt::format("The model {} cannot transform: transform jobs do not run in containers here, only with "
                              "built-in algorithms and with inference scripts.",
                              model.name));
    }
    std::optional<frameworks::Kept> kept;
    if (plan.environment) {
      kept = dependencies_.environments.find(*plan.environment);
      if (!kept) return missing(*plan.environment);
    }
    Value inputs = MR_TRY(fetch_inputs(job, model, directory, checkpoint));
    Value spec = plan_of(job, std::move(inputs));
    const bool is_script = plan.kind == ServerPlan::Kind::script;
    if (is_script) {
      spec.set("server", server_of(job));
    } else {
      spec.set("model_directory", (directory / "model").string()).set("algorithm", model.algorithm);
    }
    // trusted-path: nothing of the job has run yet
    MR_TRY(write_file(directory / "transform.json", to_json_pretty(spec)));
    if (is_script) return with_script(job, {job, model, places}, plan, kept, directory);
    auto workload = worker_spec(dependencies_.options, {"transform", directory.string()});
    MR_TRY(dependencies_.sandbox.contain_worker(workload, {directory}, {directory / "input", directory / "model"},
                                                hidden_of(dependencies_.options)));
    return workload;
  }

  Result<Value> upload(const Resource& job, Leftovers& leftovers) override {
    const auto model = MR_TRY(served_model(job.state["model"], 0));
    const auto access = MR_TRY(dependencies_.access_as(model.role_arn, job.origin()));
    Transfer transfer{*access, model.role_arn, dependencies_.account_region.region, leftovers.checkpoint};
    const auto tree = MR_TRY(UntrustedTree::open(leftovers.directory / "output"));
    OutputBudget budget;
    MR_TRY(transfer.upload_folder(tree, "", job.body["TransformOutput"]["S3OutputPath"].string_or(), budget,
                                  leftovers.notes));
    return Value::object();
  }

  std::string failure(const fs::path& directory) const override {
    const auto tree = UntrustedTree::open(directory / "output");
    return tree ? cut_reason(output_text(*tree, "failure", kMaxFailure)) : std::string();
  }

 private:
  static Prepared missing(const frameworks::Wanted& wanted) {
    Prepared prepared{work::Workload()};
    prepared.missing = wanted;
    return prepared;
  }

  // Each object of the input, and where its answers go.
  Result<Value> fetch_inputs(const Resource& job, const ServedModel& model, const fs::path& directory,
                             const Checkpoint& checkpoint) {
    const auto access = MR_TRY(dependencies_.access_as(model.role_arn, job.origin()));
    Transfer transfer{*access, model.role_arn, dependencies_.account_region.region, checkpoint};
    const Value& source = job.body["TransformInput"]["DataSource"]["S3DataSource"];
    const fs::path folder = directory / "input";
    MR_TRY(transfer.download(source["S3DataType"].string_or(), source["S3Uri"].string_or(), folder,
                             blob::BlobStore::Share::read_only_link));
    Value inputs = Value::array();
    const auto tree = MR_TRY(UntrustedTree::open(folder));
    // trusted-path: nothing of the job has run yet
    MR_TRY(make_directories(directory / "output", 0700));
    MR_TRY(tree.walk("", Links::refuse, {}, [&](const UntrustedTree::Entry& entry) -> Status {
      if (entry.info.kind != FileKind::regular) return {};
      const fs::path target = directory / "output" / (entry.path + ".out");
      // trusted-path: nothing of the job has run yet
      MR_TRY(make_directories(target.parent_path()));
      inputs.push(Value::object({{"source", (folder / entry.path).string()}, {"target", target.string()}}));
      return {};
    }));
    return inputs;
  }

  static Value plan_of(const Resource& job, Value inputs) {
    const Value& input = job.body["TransformInput"];
    const Value& processing = job.body["DataProcessing"];
    const Value& output = job.body["TransformOutput"];
    return Value::object({{"content_type", input["ContentType"].string_or()},
                          {"accept", output["Accept"].string_or()},
                          {"split_type", input["SplitType"].string_or("None")},
                          {"assemble_with", output["AssembleWith"].string_or("None")},
                          {"batch_strategy", job.body["BatchStrategy"].string_or("MultiRecord")},
                          {"max_payload_mb", job.body["MaxPayloadInMB"].int_or(kDefaultPayloadMb)},
                          {"join_source", processing["JoinSource"].string_or("None")},
                          {"input_filter", processing["InputFilter"].string_or("$")},
                          {"output_filter", processing["OutputFilter"].string_or("$")},
                          {"inputs", std::move(inputs)}});
  }

  static Value server_of(const Resource& job) {
    const Value& client = job.body["ModelClientConfig"];
    return Value::object({{"socket", Sockets::kSocketName},
                          {"ping_socket", Sockets::kPingSocketName},
                          {"ended", kServerEnded},
                          {"at_a_time", job.body["MaxConcurrentTransforms"].int_or(0)},
                          {"timeout_seconds", client["InvocationsTimeoutInSeconds"].int_or(kInvocationSeconds)},
                          {"retries", client["InvocationsMaxRetries"].int_or(kRetries)}});
  }

  Result<Prepared> with_script(const Resource& job, const ServerOwner& owner, const ServerPlan& plan,
                               const std::optional<frameworks::Kept>& kept, const fs::path& directory) {
    // trusted-path: nothing of the job has run yet
    MR_TRY(make_directories(owner.places.socket, 0700));
    auto workload = MR_TRY(
        model_server_beside(dependencies_, owner, plan, kept,
                            {dependencies_.options.executable.string(), "worker", "transform", directory.string()}));
    const std::string strategy = job.body["BatchStrategy"].string_or("MultiRecord");
    const std::int64_t most = job.body["MaxPayloadInMB"].int_or(kDefaultPayloadMb);
    set_variable(workload.environment, "SAGEMAKER_BATCH", "true");
    set_variable(workload.environment, "SAGEMAKER_MAX_PAYLOAD_IN_MB",
                 std::to_string(most == 0 ? kMostPayloadMb : most));
    set_variable(workload.environment, "SAGEMAKER_BATCH_STRATEGY",
                 strategy == "SingleRecord" ? "SINGLE_RECORD" : "MULTI_RECORD");
    set_variable(workload.environment, "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
                 std::to_string(job.body["MaxConcurrentTransforms"].int_or(1)));
    for (const auto& [name, value] : variables_of(job.body["Environment"]))
      set_variable(workload.environment, name, value);
    MR_TRY(proc::give_to_child(directory));
    auto& mounts = workload.sandbox->mounts;
    mounts.push_back({work::Mount::Kind::writable, directory, directory.native(), 0, {}});
    for (const char* folder : {"input", "model"})
      mounts.push_back({work::Mount::Kind::read_only, directory / folder, (directory / folder).native(), 0, {}});
    Prepared prepared{std::move(workload)};
    if (kept) prepared.notes = kept->notes;
    return prepared;
  }

  Dependencies& dependencies_;
};

}  // namespace

std::unique_ptr<JobKind> make_transform_kind(Dependencies& dependencies) {
  return std::make_unique<TransformKind>(dependencies);
}

}  // namespace millrace::sagemaker
