#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/lab/assets.h"
#include "app/lab/draw.h"
#include "app/lab/mnist.h"
#include "app/lab/progress.h"
#include "app/lab/steps.h"
#include "app/server.h"
#include "app/stop_watch.h"
#include "base/file.h"
#include "base/json.h"
#include "base/terminal_text.h"

namespace millrace::app {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr Millis kPollEvery{25};
constexpr std::size_t kShownDigits = 10;

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// The steps in the order in which they are shown; a task of the pipeline follows the step "Pipeline".
class LabRun {
 public:
  LabRun(const LabOptions& options, Progress& progress) : options_(options), progress_(progress) {
    for (const char* name : {"Server", "User, policy, keys, Secret", "Worker role", "Sample data and code",
                             "Pipeline MNIST Classification", "Predictions"}) {
      steps_.push_back({name, "PENDING", 0, 0, ""});
    }
  }

  Status run();
  Server* server() { return server_.get(); }
  std::vector<LabStep> all_steps() const;
  const std::optional<Predictions>& predictions() const { return predictions_; }
  const std::vector<std::pair<int, double>>& shown() const { return shown_; }
  const Digits& digits() const { return digits_; }

 private:
  enum Step : std::size_t { kServer, kUser, kRole, kData, kPipeline, kPredictions };
  template <class F>
  auto step(Step which, F work) -> decltype(work());
  Status watch(const std::string& run_id);
  void show() { progress_.show(all_steps()); }

  const LabOptions& options_;
  Progress& progress_;
  std::vector<LabStep> steps_;
  std::vector<LabStep> tasks_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<LabClient> client_;
  std::optional<Predictions> predictions_;
  std::vector<std::pair<int, double>> shown_;
  Digits digits_;
  std::string bucket_, role_arn_;
};

std::vector<LabStep> LabRun::all_steps() const {
  std::vector<LabStep> all(steps_.begin(), steps_.begin() + kPipeline + 1);
  all.insert(all.end(), tasks_.begin(), tasks_.end());
  all.insert(all.end(), steps_.begin() + kPipeline + 1, steps_.end());
  return all;
}

template <class F>
auto LabRun::step(Step which, F work) -> decltype(work()) {
  const auto start = SteadyClock::now();
  steps_[which].state = "RUNNING";
  show();
  auto result = work();
  steps_[which].seconds = seconds_since(start);
  steps_[which].state = result ? "SUCCEEDED" : "FAILED";
  if (!result) steps_[which].note = result.error().message;
  show();
  return result;
}

Status LabRun::watch(const std::string& run_id) {
  const auto start = SteadyClock::now();
  while (true) {
    RunState state = MR_TRY(look_at_run(*client_, run_id));
    tasks_ = std::move(state.tasks);
    steps_[kPipeline].seconds = seconds_since(start);
    show();
    if (state.state == "SUCCEEDED") return {};
    if (state.state == "FAILED" || state.state == "CANCELED") {
      std::string why = state.error;
      for (const LabStep& task : tasks_) {
        if (task.state == "FAILED") why = fmt::format("{}: {}", task.name, task.note);
      }
      return fail(Code::aborted, fmt::format("the run ended {} ({})", state.state, why));
    }
    std::this_thread::sleep_for(kPollEvery);
  }
}

Status LabRun::run() {
  MR_TRY(step(kServer, [&]() -> Status {
    server_ = MR_TRY(Server::start(options_.serve));
    client_ = std::make_unique<LabClient>(server_->endpoint(), options_.serve.region, MR_TRY(server_->administrator()),
                                          DataLayout(options_.serve.data_dir));
    steps_[kServer].note = server_->endpoint() + "/";
    return {};
  }));
  MR_TRY(step(kUser, [&] { return create_user_and_secret(*client_); }));
  role_arn_ = MR_TRY(step(kRole, [&] { return prepare_worker_role(*client_, options_.serve.cluster_name); }));
  MR_TRY(step(kData, [&]() -> Status {
    MR_TRY(server_->wait_for_sample_data());
    bucket_ = MR_TRY(upload_code(*client_));
    return {};
  }));
  MR_TRY(step(kPipeline, [&]() -> Status {
    const std::string run_id = MR_TRY(submit_pipeline(*client_, role_arn_, bucket_));
    return watch(run_id);
  }));
  return step(kPredictions, [&]() -> Status {
    digits_ =
        MR_TRY(read_digits(lab_asset("data/t10k-images-idx3-ubyte.gz"), lab_asset("data/t10k-labels-idx1-ubyte.gz")));
    const std::string endpoint = MR_TRY(newest_endpoint(*client_));
    shown_ = MR_TRY(predict_one_by_one(*client_, endpoint, digits_, kShownDigits));
    predictions_ = MR_TRY(predict_all(*client_, endpoint, digits_));
    return {};
  });
}

void print_pictures(const LabRun& lab, bool colour) {
  std::vector<Picture> pictures;
  for (std::size_t i = 0; i < lab.shown().size(); ++i) {
    const auto [cluster, distance] = lab.shown()[i];
    const int majority = lab.predictions()->clusters[static_cast<std::size_t>(cluster)].majority;
    pictures.push_back({draw_digit(lab.digits().image(i), colour),
                        {fmt::format("digit {}: cluster {}", lab.digits().labels[i], cluster),
                         fmt::format("mostly {}s, distance {:.2f}", majority, distance)}});
  }
  fmt::print("\nTen digits through InvokeEndpoint ({}), in CSV and in JSON:\n\n{}", lab.predictions()->endpoint_name,
             side_by_side(pictures, 5));
}

void print_clusters(const Predictions& predictions) {
  std::vector<std::vector<std::string>> rows = {{"cluster", "digits", "mostly", "purity"}};
  for (std::size_t i = 0; i < predictions.clusters.size(); ++i) {
    const auto& cluster = predictions.clusters[i];
    rows.push_back({fmt::format("{}", i), fmt::format("{}", cluster.size), fmt::format("{}", cluster.majority),
                    fmt::format("{:.3f}", cluster.purity)});
  }
  fmt::print("The {} test digits by cluster:\n\n{}\ntest:msd {:.4f}   purity {:.4f}\n\n", predictions.cluster.size(),
             table(rows), predictions.mean_squared_distance, predictions.purity);
}

void print_times(const std::vector<LabStep>& steps, double seconds) {
  std::vector<std::vector<std::string>> rows = {{"step", "seconds"}};
  for (const LabStep& step : steps) {
    rows.push_back(
        {std::string(static_cast<std::size_t>(step.depth) * 2, ' ') + step.name, fmt::format("{:.2f}", step.seconds)});
  }
  rows.push_back({"whole lab", fmt::format("{:.2f}", seconds)});
  fmt::print("{}\n", table(rows));
}

Value report(LabRun& lab, bool succeeded, const std::string& error, double seconds) {
  Value steps = Value::array();
  for (const LabStep& step : lab.all_steps()) {
    steps.push(Value::object({{"name", step.name}, {"state", step.state}, {"seconds", step.seconds}}));
  }
  Value object = Value::object({{"succeeded", succeeded}, {"seconds", seconds}});
  object.set("test_msd", lab.predictions() ? Value(lab.predictions()->mean_squared_distance) : Value());
  object.set("purity", lab.predictions() ? Value(lab.predictions()->purity) : Value());
  object.set("console_url", lab.server() != nullptr ? Value(lab.server()->endpoint() + "/") : Value());
  object.set_if(!error.empty(), "error", error);
  object.set("steps", std::move(steps));
  return object;
}

}  // namespace

int lab_command(const LabOptions& given) {
  const auto start = SteadyClock::now();
  block_signals();
  LabOptions options = given;
  std::optional<TempDir> scratch;
  if (options.serve.data_dir.empty()) {
    auto made = TempDir::make("millrace-lab");
    if (!made) {
      fmt::print(stderr, "millrace: {}\n", made.error().message);
      return 1;
    }
    scratch.emplace(std::move(*made));
    options.serve.data_dir = scratch->path();
  }
  const bool terminal = ::isatty(options.json ? STDERR_FILENO : STDOUT_FILENO) == 1;
  Progress progress(terminal ? Progress::Style::tree : Progress::Style::lines, options.json);
  LabRun lab(options, progress);
  const Status status = lab.run();
  const double seconds = seconds_since(start);

  if (options.json) {
    fmt::print("{}\n", to_json(report(lab, status.has_value(), status ? "" : status.error().message, seconds)));
  } else if (status) {
    print_pictures(lab, terminal);
    print_clusters(*lab.predictions());
    print_times(lab.all_steps(), seconds);
  }
  if (!status) fmt::print(stderr, "millrace: the lab stopped: {}\n", terminal_text(status.error().message));
  std::fflush(stdout);
  if (lab.server() == nullptr) return 1;
  if (!options.exit_at_end) {
    fmt::print(options.json ? stderr : stdout,
               "The console is at {}/ and the server stays up until Ctrl-C.\nIn another shell: eval \"$({} env "
               "--data-dir {})\"\n",
               lab.server()->endpoint(), own_executable().string(), options.serve.data_dir.string());
    std::fflush(stdout);
    StopWatch watch(StopWatch::Begin::at_signal);
    watch.wait_for_signal();
    lab.server()->stop(Server::Children::stop, watch.phase());
    return status ? 0 : 1;
  }
  StopWatch watch(StopWatch::Begin::now);
  lab.server()->stop(Server::Children::stop, watch.phase());
  return status ? 0 : 1;
}

}  // namespace millrace::app
