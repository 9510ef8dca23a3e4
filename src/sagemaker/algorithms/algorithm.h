#pragma once
// A built-in algorithm: what the control plane has to know of it, as data, and what a job's and an endpoint's process
// does with it. Each is a folder beside this file whose algorithm.cpp defines `const Algorithm& <folder>::algorithm()`,
// and a word in src/CMakeLists.txt (the SUBDIRS of sagemaker_algorithms); registry.h lists them. Nothing outside its
// folder names an algorithm.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "sagemaker/algorithms/hyperparameters.h"
#include "sagemaker/algorithms/job_log.h"
#include "sagemaker/algorithms/prediction.h"

namespace millrace::sagemaker::built_in {

struct RegistryAccount {
  std::string_view region, account;
};
// "<account>.dkr.ecr.<region>.<domain>/<repository>:<tag>"
struct Images {
  std::span<const std::string_view> repositories;
  std::span<const std::string_view> tags;       // an image without a tag, or by digest, is one of them
  std::span<const RegistryAccount> registries;  // of a region that is not listed, any account's
};

struct Channel {
  std::string_view name;
  bool required = false;
  std::span<const std::string_view> content_types;  // the first is the default
};

struct Metric {
  enum class Goal { none, minimize, maximize };
  std::string_view name;   // "test:msd"
  std::string_view regex;  // RE2; the first group is the value
  Goal goal = Goal::none;  // as a tuning job's objective; none: either way
};

struct AlgorithmInfo {
  std::string_view name;   // as the worker's roles are given it
  std::string_view title;  // in sentences
  Images images;
  HyperparameterTable hyperparameters;
  std::span<const Channel> channels;
  std::span<const std::string_view> input_modes;     // of a channel
  std::span<const std::string_view> request_types;   // content types of a request for inference
  std::span<const std::string_view> response_types;  // and of the answers
  std::span<const Metric> metrics;                   // as DescribeTrainingJob lists them
};

// What a training job is given; its channels and hyperparameters have been checked by the tables.
struct TrainingJob {
  std::filesystem::path ml;  // /opt/ml: data below input/data/<channel>, the model goes to model/
  Settings settings;
  Value channels;  // input/config/inputdataconfig.json
  JobLog& log;
};

// A model's numbers, where these alone are the model: row after row.
struct Matrix {
  std::size_t rows = 0, columns = 0;
  std::vector<float> values = {};
};
inline constexpr std::size_t kMaxMatrixValues = std::size_t{1} << 20;  // of one that is handed over

// A trained model in memory. Immutable: any number of threads may ask at once.
class Model {
 public:
  virtual ~Model() = default;
  virtual std::size_t feature_dim() const = 0;
  // Errors: invalid_argument with a sentence for the caller; unimplemented for another content type than the
  // algorithm's request_types.
  virtual Result<Prediction> predict(std::string_view content_type, std::string_view body) const = 0;
  // What Algorithm::from_matrix() makes the same model of; nullopt: there is none, or it is too large.
  virtual std::optional<Matrix> matrix() const { return std::nullopt; }
};

class Algorithm {
 public:
  virtual ~Algorithm() = default;
  virtual const AlgorithmInfo& info() const = 0;
  // What a table of single hyperparameters cannot say (one that needs another). Error: invalid_argument.
  virtual Status check_together(const Settings&) const { return {}; }
  // Errors: those that the customer can fix (invalid_argument, not_found, resource_exhausted), with a sentence.
  virtual Status train(const TrainingJob& job) const = 0;
  // From the unpacked model archive. Errors: not_found; invalid_argument when it is not such a model.
  virtual Result<std::unique_ptr<Model>> load(const std::filesystem::path& model_directory) const = 0;
  // From finite numbers, at least one, whose count fits the shape. Error: unimplemented, no matrix is such a model.
  virtual Result<std::unique_ptr<Model>> from_matrix(Matrix matrix) const;
};

// The answer to a request for inference: SageMaker's status, or the model's own.
struct InferenceAnswer {
  int status = 200;
  std::string content_type, body;  // of an error: one sentence
};
InferenceAnswer infer(const AlgorithmInfo& algorithm, const Model& model, std::string_view content_type,
                      std::string_view accept, std::string_view body);

// The hyperparameters in effect, defaults filled in. Errors: invalid_argument, SageMaker's sentence where it is known.
Result<Settings> read_hyperparameters(const Algorithm& algorithm, const Value& given);
// `channels`: {name: {ContentType, TrainingInputMode}}. Error: invalid_argument.
Status check_channels(const AlgorithmInfo& algorithm, const Value& channels);
const Metric* find_metric(const AlgorithmInfo& algorithm, std::string_view name);  // nullptr: none

}  // namespace millrace::sagemaker::built_in
