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
#include "sagemaker/jobs/model_server.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/jobs/served_model.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDefaultPayloadMb = 6;
constexpr std::size_t kMaxFailure = 4096;

class TransformKind final : public JobKind {
 public:
  explicit TransformKind(Dependencies& dependencies) : dependencies_(dependencies) {}
  Kind kind() const override { return Kind::transform_job; }
  bool built_in(const Resource&) const override { return true; }
  std::chrono::seconds max_runtime(const Resource&) const override { return std::chrono::seconds(0); }

  Result<Prepared> prepare(const Resource& job, const fs::path& directory, const Checkpoint& checkpoint) override {
    // The model as it was when the job was made: it may be deleted meanwhile.
    const auto model = MR_TRY(served_model(job.state["model"]));
    if (model.algorithm.empty()) return fail(cannot_serve(model));
    MR_TRY(fetch_model(dependencies_, model, directory / "model", job.origin(), checkpoint));
    const auto access = MR_TRY(dependencies_.access_as(model.role_arn, job.origin()));
    Transfer transfer{*access, model.role_arn, dependencies_.account_region.region, checkpoint};
    const Value& input = job.body["TransformInput"];
    const Value& source = input["DataSource"]["S3DataSource"];
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
    // trusted-path: nothing of the job has run yet
    MR_TRY(write_file(directory / "transform.json", to_json_pretty(plan)));
    auto spec = worker_spec(dependencies_.options, {"transform", directory.string()});
    MR_TRY(dependencies_.sandbox.contain_worker(spec, {directory}, {directory / "input", directory / "model"},
                                                hidden_of(dependencies_.options)));
    return spec;
  }

  Result<Value> upload(const Resource& job, Leftovers& leftovers) override {
    const auto model = MR_TRY(served_model(job.state["model"]));
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
  Dependencies& dependencies_;
};

}  // namespace

std::unique_ptr<JobKind> make_transform_kind(Dependencies& dependencies) {
  return std::make_unique<TransformKind>(dependencies);
}

}  // namespace millrace::sagemaker
