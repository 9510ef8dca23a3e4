#include "sagemaker/algorithms/kmeans/train.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "base/hash.h"
#include "base/json.h"
#include "sagemaker/algorithms/channel.h"
#include "sagemaker/algorithms/kmeans/model_file.h"

namespace millrace::sagemaker::built_in::kmeans {
namespace {

using algorithms::KMeansEvent;
using algorithms::KMeansOptions;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kProgressEvery{2};

double seconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

// The steps as SageMaker's own container logs them; the metrics among them are what its documented expressions find.
class TrainingLog {
 public:
  explicit TrainingLog(JobLog& log) : log_(log) {}

  void event(const KMeansEvent& event) {
    using Kind = KMeansEvent::Kind;
    switch (event.kind) {
      case Kind::extra_center_factor:
        log_.info("'extra_center_factor' evaluated to {}.", event.index);
        epoch_started_ = steady_clock::now();
        break;
      case Kind::batches:
        if (due()) log_.info("#progress_metric: host=algo-1, completed {:.1f} % of epochs", 100 * event.value);
        break;
      case Kind::epoch:
        epoch(event);
        break;
      case Kind::shrink:
        log_.info("#progress_metric: host=algo-1, completed 100 % of epochs");
        shrinks_ = true;
        log_.info("shrinking {} centers into {}", event.index, event.rows);
        break;
      case Kind::local_lloyd:
        log_.info("local kmeans attempt #{}. Current mean square distance {:.6f}", event.index, event.value);
        break;
      case Kind::polish_candidate:
        log_.info("polish candidate #{}. Mean square distance on a sample {:.6f}", event.index, event.value);
        break;
      case Kind::polish_pass:
        if (due()) log_.info("polish pass {}: {} records changed their center", event.index, event.rows);
        break;
      case Kind::polish:
        log_.info("finished polishing after {} passes. Mean Square Distance = {:.6f}", event.index, event.value);
        break;
    }
  }
  bool shrinks() const { return shrinks_; }

 private:
  void epoch(const KMeansEvent& event) {
    log_.info("processed a total of {} examples", event.rows);
    log_.info("#quality_metric: host=algo-1, epoch={}, train msd <loss>={}", event.index, event.value);
    const double seconds = seconds_since(epoch_started_);
    if (seconds > 0) {
      log_.info("#throughput_metric: host=algo-1, train throughput={} records/second",
                static_cast<double>(event.rows) / seconds);
    }
    epoch_started_ = steady_clock::now();
  }

  bool due() {
    const auto now = steady_clock::now();
    if (now - last_progress_ < kProgressEvery) return false;
    last_progress_ = now;
    return true;
  }

  JobLog& log_;
  steady_clock::time_point last_progress_ = steady_clock::now();
  steady_clock::time_point epoch_started_ = steady_clock::now();
  bool shrinks_ = false;
};

KMeansOptions::Init init_of(std::string_view text) {
  return text == "random" ? KMeansOptions::Init::random : KMeansOptions::Init::kmeans_plus_plus;
}

}  // namespace

// The first 48 bits of a digest of what is documented, in the order of the documentation.
std::string default_seed(const Settings& settings) {
  std::string all;
  for (const auto& [name, text] : settings.all()) {
    if (name == "seed") break;
    if (!name.starts_with('_')) all += fmt::format("{}={};", name, text);
  }
  const Sha256 digest = sha256(all);
  std::uint64_t seed = 0;
  for (std::size_t i = 0; i < 6; ++i) seed = seed << 8 | digest[i];
  return std::to_string(seed);
}

KMeansOptions options_of(const Settings& settings) {
  KMeansOptions options;
  options.k = settings.size("k");
  options.epochs = settings.size("epochs");
  options.extra_center_factor = settings.size("extra_center_factor");
  options.half_life_time_size = settings.size("half_life_time_size");
  options.init_method = init_of(settings.text("init_method"));
  options.local_lloyd_init_method = init_of(settings.text("local_lloyd_init_method"));
  options.local_lloyd_max_iter = settings.size("local_lloyd_max_iter");
  options.local_lloyd_num_trials = settings.size("local_lloyd_num_trials");
  options.local_lloyd_tol = settings.number("local_lloyd_tol");
  options.mini_batch_size = settings.size("mini_batch_size");
  options.polish_max_iter = settings.size("polish_max_iter");
  options.polish_tol = settings.number("polish_tol");
  options.polish_candidates = settings.size("polish_candidates");
  options.seed = settings.size("seed");
  return options;
}

Status train(const TrainingJob& job) {
  const auto started = steady_clock::now();
  JobLog& log = job.log;
  Settings settings = job.settings;
  if (settings.text("seed").empty()) settings.set("seed", default_seed(settings));
  Value final_configuration = Value::object();
  for (const auto& [name, text] : settings.all()) final_configuration.set(name, text);
  log.info("Final configuration: {}", to_json(final_configuration));

  algorithms::Team team(std::max(1u, std::thread::hardware_concurrency()));
  const auto load = [&](const std::string& name) {
    return load_channel(name, job.ml / "input/data" / name, job.channels[name]["ContentType"].string_or(),
                        settings.size("feature_dim"), team);
  };
  const algorithms::Rows rows = MR_TRY(load("train"));
  log.info("Loaded {} records of {} features from channel train in {:.3f} s{}", rows.size(), rows.dim(),
           seconds_since(started), rows.coded() ? fmt::format(" (kept as bytes over {})", rows.denominator()) : "");

  TrainingLog steps(log);
  const auto fit = MR_TRY(algorithms::train_kmeans(rows, options_of(settings), team,
                                                   [&](const KMeansEvent& event) { steps.event(event); }));
  if (!steps.shrinks()) {
    log.info("#progress_metric: host=algo-1, completed 100 % of epochs");
    log.info("No shrinking is required as extra_center_factor is 1.");
  }
  log.info("#quality_metric: host=algo-1, train msd <loss>={}", fit.train_msd);
  MR_TRY(save_model(fit.model, job.ml / "model"));

  if (job.channels.has("test")) {
    const algorithms::Rows test = MR_TRY(load("test"));
    const auto score = MR_TRY(algorithms::evaluate_kmeans(fit.model, test, team));
    if (settings.has_item("eval_metrics", "msd"))
      log.info("#quality_metric: host=algo-1, test msd <loss>={}", score.msd);
    if (settings.has_item("eval_metrics", "ssd"))
      log.info("#quality_metric: host=algo-1, test ssd <loss>={}", score.ssd);
  } else {
    log.info("Test data is not provided.");
  }
  log.info("Trained with the {} kernels on {} threads in {:.3f} s", fit.kernel, team.threads(), seconds_since(started));
  return {};
}

}  // namespace millrace::sagemaker::built_in::kmeans
