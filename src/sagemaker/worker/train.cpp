// The training role: a job's directory in, a model out.

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "algorithms/kmeans.h"
#include "base/file.h"
#include "base/json.h"
#include "base/value.h"
#include "sagemaker/worker/channel.h"
#include "sagemaker/worker/hyperparameters.h"
#include "sagemaker/worker/job_log.h"
#include "sagemaker/worker/model_file.h"
#include "sagemaker/worker/worker.h"

namespace millrace::sagemaker::worker {
namespace {

using algorithms::KMeansEvent;
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

Result<Value> read_config(const std::filesystem::path& path) {
  auto text = read_file(path);
  if (!text) return fail(text.error());
  auto value = parse_json(*text);
  if (!value) return fail(Code::invalid_argument, path.filename().string() + ": " + value.error().message);
  return value;
}

Status check_channels(const Value& channels) {
  if (!channels.has("train")) {
    return fail(Code::invalid_argument, "The required channel 'train' is missing (caused by ValidationError)");
  }
  for (const auto& [name, channel] : channels.members()) {
    if (name != "train" && name != "test") {
      return fail(Code::invalid_argument,
                  fmt::format("Additional channels are not allowed ('{}' was unexpected); K-Means reads 'train' and "
                              "'test' (caused by ValidationError)",
                              name));
    }
    const std::string mode = channel.at("TrainingInputMode").string_or("File");
    if (mode != "File" && mode != "FastFile") {
      return fail(Code::invalid_argument,
                  fmt::format("Input mode '{}' of channel '{}' is not supported; use File or FastFile", mode, name));
    }
  }
  return {};
}

Status train(const std::filesystem::path& ml, const std::string& algorithm, JobLog& log) {
  if (algorithm != "kmeans") {
    return fail(Code::unimplemented,
                fmt::format("there is no built-in algorithm '{}' here; there is kmeans", algorithm));
  }
  const auto started = steady_clock::now();
  const Value given = MR_TRY(read_config(ml / "input/config/hyperparameters.json"));
  const auto hyperparameters = MR_TRY(read_hyperparameters(given));
  Value final_configuration = Value::object();
  for (const auto& [name, text] : hyperparameters.in_effect) final_configuration.set(name, text);
  log.info("Final configuration: {}", to_json(final_configuration));
  const Value channels = MR_TRY(read_config(ml / "input/config/inputdataconfig.json"));
  MR_TRY(check_channels(channels));

  algorithms::Team team(std::max(1u, std::thread::hardware_concurrency()));
  const auto load = [&](const std::string& name) {
    return load_channel(name, ml / "input/data" / name, channels[name]["ContentType"].string_or(),
                        hyperparameters.feature_dim, team);
  };
  const algorithms::Rows rows = MR_TRY(load("train"));
  log.info("Loaded {} records of {} features from channel train in {:.3f} s{}", rows.size(), rows.dim(),
           seconds_since(started), rows.coded() ? fmt::format(" (kept as bytes over {})", rows.denominator()) : "");

  TrainingLog steps(log);
  const auto fit = MR_TRY(algorithms::train_kmeans(rows, hyperparameters.options, team,
                                                   [&](const KMeansEvent& event) { steps.event(event); }));
  if (!steps.shrinks()) {
    log.info("#progress_metric: host=algo-1, completed 100 % of epochs");
    log.info("No shrinking is required as extra_center_factor is 1.");
  }
  log.info("#quality_metric: host=algo-1, train msd <loss>={}", fit.train_msd);
  MR_TRY(save_model(fit.model, ml / "model"));

  if (channels.has("test")) {
    const algorithms::Rows test = MR_TRY(load("test"));
    const auto score = MR_TRY(algorithms::evaluate_kmeans(fit.model, test, team));
    if (hyperparameters.report_msd) log.info("#quality_metric: host=algo-1, test msd <loss>={}", score.msd);
    if (hyperparameters.report_ssd) log.info("#quality_metric: host=algo-1, test ssd <loss>={}", score.ssd);
  } else {
    log.info("Test data is not provided.");
  }
  log.info("Trained with the {} kernels on {} threads in {:.3f} s", fit.kernel, team.threads(), seconds_since(started));
  return {};
}

}  // namespace

int train_main(const std::vector<std::string>& arguments) {
  JobLog log;
  if (arguments.size() != 2) {
    log.error("usage: millrace worker train <ml directory> <algorithm>");
    return kInternalFailure;
  }
  const std::filesystem::path ml = arguments[0];
  return run_role(log, ml / "output", [&] { return train(ml, arguments[1], log); });
}

}  // namespace millrace::sagemaker::worker
