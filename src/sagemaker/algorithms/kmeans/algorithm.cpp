// K-Means as SageMaker documents it ("K-Means Hyperparameters", "Tune a K-Means Model", "K-Means Response Formats"),
// and Millrace's own hyperparameters:
//   polish_max_iter    non-negative integer, default 300; 0 leaves the polish out
//   polish_tol         number from 0 to 1, default 0
//   polish_candidates  positive integer, default 4
//   seed               non-negative integer; see train.h for its default
// algorithms/kmeans.h says what they do.

#include "sagemaker/algorithms/algorithm.h"

#include "algorithms/kmeans.h"
#include "sagemaker/algorithms/content_type.h"
#include "sagemaker/algorithms/kmeans/model_file.h"
#include "sagemaker/algorithms/kmeans/train.h"
#include "sagemaker/algorithms/request_rows.h"

namespace millrace::sagemaker::built_in::kmeans {
namespace {

using Type = Hyperparameter::Type;

constexpr std::string_view kRepositories[] = {"kmeans"};
constexpr std::string_view kTags[] = {"1", "latest"};
constexpr RegistryAccount kRegistries[] = {
    {"af-south-1", "455444449433"},     {"ap-east-1", "286214385809"},      {"ap-northeast-1", "351501993468"},
    {"ap-northeast-2", "835164637446"}, {"ap-northeast-3", "364406365360"}, {"ap-south-1", "991648021394"},
    {"ap-southeast-1", "475088953585"}, {"ap-southeast-2", "712309505854"}, {"ca-central-1", "469771592824"},
    {"cn-north-1", "390948362332"},     {"cn-northwest-1", "387376663083"}, {"eu-central-1", "664544806723"},
    {"eu-north-1", "669576153137"},     {"eu-south-1", "257386234256"},     {"eu-west-1", "438346466558"},
    {"eu-west-2", "644912444149"},      {"eu-west-3", "749696950732"},      {"me-south-1", "249704162688"},
    {"sa-east-1", "855470959533"},      {"us-east-1", "382416733822"},      {"us-east-2", "404615174143"},
    {"us-gov-west-1", "226302683700"},  {"us-iso-east-1", "490574956308"},  {"us-west-1", "632365934929"},
    {"us-west-2", "174872318107"},
};

constexpr std::string_view kMetricNames[] = {"msd", "ssd"};
constexpr std::string_view kInitMethods[] = {"random", "kmeans++"};
constexpr std::string_view kRequired[] = {"k", "feature_dim"};

// In the documentation's order, then Millrace's own, then what AWS's container takes without documenting it.
constexpr Hyperparameter kHyperparameters[] = {
    {.name = "feature_dim", .type = Type::integer, .fallback = ""},
    {.name = "k", .type = Type::integer, .fallback = "", .tunable = true},
    {.name = "epochs", .type = Type::integer, .fallback = "1", .tunable = true},
    {.name = "eval_metrics", .type = Type::list, .fallback = "[\"msd\"]", .choices = kMetricNames},
    {.name = "extra_center_factor", .type = Type::integer, .fallback = "auto", .or_auto = true, .tunable = true},
    {.name = "half_life_time_size",
     .type = Type::integer,
     .fallback = "0",
     .least = 0,
     .most = kNoLimit,
     .tunable = true},
    {.name = "init_method", .type = Type::choice, .fallback = "random", .choices = kInitMethods, .tunable = true},
    {.name = "local_lloyd_init_method",
     .type = Type::choice,
     .fallback = "kmeans++",
     .choices = kInitMethods,
     .tunable = true},
    {.name = "local_lloyd_max_iter", .type = Type::integer, .fallback = "300", .tunable = true},
    {.name = "local_lloyd_num_trials", .type = Type::integer, .fallback = "auto", .or_auto = true, .tunable = true},
    {.name = "local_lloyd_tol", .type = Type::number, .fallback = "0.0001", .least = 0, .most = 1, .tunable = true},
    {.name = "mini_batch_size", .type = Type::integer, .fallback = "5000", .tunable = true},
    {.name = "force_dense", .type = Type::boolean, .fallback = "true"},
    {.name = "polish_max_iter", .type = Type::integer, .fallback = "300", .least = 0, .tunable = true},
    {.name = "polish_tol", .type = Type::number, .fallback = "0", .least = 0, .most = 1, .tunable = true},
    {.name = "polish_candidates", .type = Type::integer, .fallback = "4", .tunable = true},
    {.name = "seed", .type = Type::integer, .fallback = "", .least = 0, .most = kNoLimit, .tunable = true},
    {.name = "_tuning_objective_metric", .fallback = ""},
    {.name = "_kvstore", .fallback = "auto"},
    {.name = "_log_level", .fallback = "info"},
    {.name = "_num_gpus", .fallback = "auto"},
    {.name = "_num_kv_servers", .fallback = "1"},
    {.name = "_num_slices", .fallback = "1"},
    {.name = "_enable_profiler", .fallback = "false"},
    {.name = "_disable_wait_to_read", .fallback = "false"},
};

constexpr std::string_view kTrainingTypes[] = {kRecordIo, kCsv};
constexpr Channel kChannels[] = {{"train", true, kTrainingTypes}, {"test", false, kTrainingTypes}};
constexpr std::string_view kInputModes[] = {"File", "FastFile"};
constexpr std::string_view kInferenceTypes[] = {kJson, kJsonLines, kCsv, kRecordIo};

constexpr Metric kMetrics[] = {
    {"train:progress", R"(#progress_metric: host=\S+, completed (\S+) %)"},
    {"test:msd", R"(#quality_metric: host=\S+, test msd <loss>=(\S+))", Metric::Goal::minimize},
    {"test:ssd", R"(#quality_metric: host=\S+, test ssd <loss>=(\S+))", Metric::Goal::minimize},
    {"train:msd", R"(#quality_metric: host=\S+, (?:epoch=\S+, )?train msd <loss>=(\S+))", Metric::Goal::minimize},
    {"train:throughput", R"(#throughput_metric: host=\S+, train throughput=(\S+) records/second)"},
};

constexpr AlgorithmInfo kInfo{.name = "kmeans",
                              .title = "K-Means",
                              .images = {kRepositories, kTags, kRegistries},
                              .hyperparameters = {kHyperparameters, kRequired},
                              .channels = kChannels,
                              .input_modes = kInputModes,
                              .request_types = kInferenceTypes,
                              .response_types = kInferenceTypes,
                              .metrics = kMetrics};

class KMeansPrediction final : public Model {
 public:
  explicit KMeansPrediction(algorithms::KMeansModel model) : predictor_(model) {
    if (model.centres.size() <= kMaxMatrixValues) centres_ = std::move(model.centres);
  }
  std::size_t feature_dim() const override { return predictor_.dim(); }

  Result<Prediction> predict(std::string_view content_type, std::string_view body) const override {
    const std::vector<float> rows = MR_TRY(read_request_rows(content_type, body, feature_dim()));
    const std::size_t records = rows.size() / feature_dim();
    std::vector<std::int32_t> closest(records);
    std::vector<float> distance(records);
    predictor_.predict(rows, closest, distance);
    Prediction out{.records = records};
    out.columns.push_back({.name = "closest_cluster", .values = {closest.begin(), closest.end()}});
    out.columns.push_back({.name = "distance_to_cluster", .values = std::move(distance)});
    return out;
  }

  std::optional<Matrix> matrix() const override {
    if (centres_.empty()) return std::nullopt;
    return Matrix{predictor_.k(), predictor_.dim(), centres_};
  }

 private:
  algorithms::KMeansPredictor predictor_;
  std::vector<float> centres_;  // empty: too large to be handed over
};

class KMeans final : public Algorithm {
 public:
  const AlgorithmInfo& info() const override { return kInfo; }
  Status train(const TrainingJob& job) const override { return kmeans::train(job); }
  Result<std::unique_ptr<Model>> load(const std::filesystem::path& model_directory) const override {
    return std::make_unique<KMeansPrediction>(MR_TRY(load_model(model_directory)));
  }
  Result<std::unique_ptr<Model>> from_matrix(Matrix matrix) const override {
    return std::make_unique<KMeansPrediction>(
        algorithms::KMeansModel{matrix.rows, matrix.columns, std::move(matrix.values)});
  }
};

}  // namespace

const Algorithm& algorithm() {
  static const KMeans kmeans;
  return kmeans;
}

}  // namespace millrace::sagemaker::built_in::kmeans
