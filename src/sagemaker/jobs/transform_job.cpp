// A transform job: every object under a prefix through a model, one result object each.
//
// The worker reads <job directory>/transform.json:
//   model_directory, algorithm, content_type, accept ("" where not given), split_type ("None", "Line", "RecordIO"),
//   assemble_with ("None", "Line"), batch_strategy ("MultiRecord", "SingleRecord"), max_payload_mb,
//   join_source ("None", "Input"), input_filter, output_filter (JSONPath, "$"),
//   inputs: [{source, target}]: absolute paths; it writes each target.

#include <fmt/core.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/jobs/served_model.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDefaultPayloadMb = 6;

class TransformKind final : public JobKind {
 public:
  explicit TransformKind(World& world) : world_(world) {}
  Kind kind() const override { return Kind::transform_job; }
  std::string_view log_group() const override { return "/aws/sagemaker/TransformJobs"; }
  bool built_in(const Resource&) const override { return true; }
  std::chrono::seconds max_runtime(const Resource&) const override { return std::chrono::seconds(0); }

  Result<proc::LaunchSpec> prepare(const Resource& job, const fs::path& directory) override {
    // The model as it was when the job was made: it may be deleted meanwhile.
    const auto model = MR_TRY(served_model(job.state["model"]));
    MR_TRY(fetch_model(world_, model, directory / "model", job.origin()));
    const auto access = MR_TRY(world_.access_as(model.role_arn, job.origin()));
    Transfer transfer{*access, model.role_arn, world_.place.region};
    const Value& input = job.body["TransformInput"];
    const Value& source = input["DataSource"]["S3DataSource"];
    const fs::path folder = directory / "input";
    MR_TRY(transfer.download(source["S3DataType"].string_or(), source["S3Uri"].string_or(), folder,
                             blob::BlobStore::Share::read_only_link));
    Value inputs = Value::array();
    std::error_code error;
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      if (!it->is_regular_file(error)) continue;
      const fs::path target = directory / "output" / (it->path().lexically_relative(folder).string() + ".out");
      MR_TRY(make_directories(target.parent_path()));
      inputs.push(Value::object({{"source", it->path().string()}, {"target", target.string()}}));
    }
    const Value& processing = job.body["DataProcessing"];
    const Value& output = job.body["TransformOutput"];
    const Value plan = Value::object({{"model_directory", (directory / "model").string()},
                                      {"algorithm", model.algorithm},
                                      {"content_type", input["ContentType"].string_or()},
                                      {"accept", output["Accept"].string_or()},
                                      {"split_type", input["SplitType"].string_or("None")},
                                      {"assemble_with", output["AssembleWith"].string_or("None")},
                                      {"batch_strategy", job.body["BatchStrategy"].string_or("MultiRecord")},
                                      {"max_payload_mb", job.body["MaxPayloadInMB"].int_or(kDefaultPayloadMb)},
                                      {"join_source", processing["JoinSource"].string_or("None")},
                                      {"input_filter", processing["InputFilter"].string_or("$")},
                                      {"output_filter", processing["OutputFilter"].string_or("$")},
                                      {"inputs", std::move(inputs)}});
    MR_TRY(write_file(directory / "transform.json", to_json_pretty(plan)));
    return worker_spec(world_.options, {"transform", directory.string()});
  }

  Result<Value> upload(const Resource& job, const fs::path& directory) override {
    const auto model = MR_TRY(served_model(job.state["model"]));
    const auto access = MR_TRY(world_.access_as(model.role_arn, job.origin()));
    Transfer transfer{*access, model.role_arn, world_.place.region};
    MR_TRY(transfer.upload_folder(directory / "output", job.body["TransformOutput"]["S3OutputPath"].string_or()));
    return Value::object();
  }

  std::string failure(const fs::path& directory) const override {
    for (const auto* place : {"failure", "output/failure"}) {
      if (const auto text = read_file(directory / place, 64u << 10); text && is_valid_utf8(*text)) {
        return cut_reason(std::string(trim(*text)));
      }
    }
    return JobKind::failure(directory);
  }

 private:
  World& world_;
};

}  // namespace

std::unique_ptr<JobKind> make_transform_kind(World& world) { return std::make_unique<TransformKind>(world); }

}  // namespace millrace::sagemaker
