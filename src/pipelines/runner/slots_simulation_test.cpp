// Slots × cache × terminate × failure, from one seed, over a backend that starts nothing: whatever an attempt comes
// to, its slot is free again. Found by a last run that needs every slot at once.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/simulated_rounds_for_tests.h"
#include "db/database.h"
#include "pipelines/world_for_tests.h"

namespace millrace::pipelines::runner {
namespace {

constexpr int kRounds = 5;
constexpr std::size_t kSlots = 3;
constexpr std::string_view kAllAtOnce = "all-at-once";

// Children that are nothing but their ends, which one thread reports in some order.
class RandomBackend final : public work::Backend {
 public:
  explicit RandomBackend(std::uint32_t seed) : random_(seed) {}
  ~RandomBackend() override { stop_thread(); }

  void begin() {
    thread_ = std::thread([this] { run(); });
  }
  void stop_thread() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void start(work::Workload spec, Done done) override {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(known_.insert(spec.key).second) << spec.key << " is started twice";
    const bool together = spec.key.find(kAllAtOnce) != std::string::npos;
    const bool fails = !together && random_() % 8 == 0;
    if (!fails) {
      running_.insert(spec.key);
      most_ = std::max(most_, running_.size());
    }
    if (together) ++together_;
    queue_.push_back([done = std::move(done), fails] {
      if (fails) return done(fail(Code::unavailable, "the backend is gone"));
      done(work::WorkStatus());
    });
    if (!fails && !together) end_later(spec.key, static_cast<int>(random_() % 4));
    if (together && together_ == kSlots) {
      for (const std::string& key : std::set<std::string>(running_)) end_later(key, 0);
    }
    changed_.notify_all();
  }
  Result<std::optional<work::WorkStatus>> status(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    if (!running_.contains(key)) return std::optional<work::WorkStatus>();
    return std::optional<work::WorkStatus>(work::WorkStatus());
  }
  Status stop(const std::string& key, Millis) override {
    const std::lock_guard lock(mutex_);
    if (running_.contains(key)) end_later(key, static_cast<int>(random_() % 4));
    changed_.notify_all();
    return {};
  }
  Status forget(const std::string&) override { return {}; }
  Status shutdown(Millis) override { return {}; }
  Status confines() override { return fail(Code::unimplemented, "nothing runs here"); }
  bool has_image(const std::string&) override { return false; }

  std::size_t most_at_once() {
    const std::lock_guard lock(mutex_);
    return most_;
  }

 private:
  // 0, 1: exit code 0; 2: exit code 1; 3: lost.
  void end_later(const std::string& key, int how) {
    queue_.push_back([this, key, how] {
      {
        const std::lock_guard lock(mutex_);
        if (running_.erase(key) == 0) return;
      }
      work::WorkStatus status;
      status.state = how == 3 ? work::WorkStatus::State::lost : work::WorkStatus::State::exited;
      status.exit_code = how == 2 ? 1 : 0;
      report_end(key, status);
    });
  }
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return closing_ || !queue_.empty(); });
      if (closing_) return;
      const auto next = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      next();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::mt19937 random_;
  bool closing_ = false;
  std::deque<std::function<void()>> queue_;
  std::set<std::string> known_, running_;
  std::size_t most_ = 0, together_ = 0;
  std::thread thread_;
};

// Tasks that are alike, so that those that waited find the result of those that ran, and others.
Value random_pipeline(std::mt19937& random) {
  std::vector<Step> steps;
  const std::uint32_t count = 2 + random() % 6;
  for (std::uint32_t i = 0; i < count; ++i) {
    Step step;
    step.name = fmt::format("t{}", i);
    step.script = random() % 2 == 0 ? "the same" : fmt::format("other {}", random() % 3);
    step.retries = static_cast<int>(random() % 3);
    if (i > 0 && random() % 3 == 0) step.after = {fmt::format("t{}", random() % i)};
    steps.push_back(std::move(step));
  }
  Value pipeline = make_pipeline(steps);
  for (auto& [name, task] : pipeline.child("root").child("dag").child("tasks").as_object()) {
    if (random() % 3 != 0) task.set("cachingOptions", Value::object({{"enableCache", true}}));
  }
  return pipeline;
}

class Simulation {
 public:
  explicit Simulation(std::uint32_t seed) : random_(seed), backend_(seed) {
    database_ = std::move(*db::Database::open((directory_.path() / "state.db").string()));
    Options options{directory_.path() / "pipelines", "", kSlots, {}, false};
    pipelines_ = std::move(*Pipelines::open({*database_, clock_, backend_}, options, Hooks()));
    backend_.begin();
    EXPECT_TRUE(pipelines_->resume());
  }
  ~Simulation() {
    backend_.stop_thread();
    pipelines_->stop();
  }

  void run() {
    std::vector<std::string> ids;
    for (int i = 0; i < 12; ++i) {
      ids.push_back(start(random_pipeline(random_)));
      if (random_() % 3 == 0) send("/apis/v2beta1/runs/" + ids[random_() % ids.size()] + ":terminate", Value::object());
      if (random_() % 4 == 0) send("/apis/v2beta1/runs/" + ids[random_() % ids.size()] + ":retry", Value::object());
    }
    for (const std::string& id : ids) ends(id);
    std::vector<Step> steps;
    for (std::size_t i = 0; i < kSlots; ++i) steps.push_back({fmt::format("{}-{}", kAllAtOnce, i), "x"});
    const std::string last = start(make_pipeline(steps));
    ends(last);
    EXPECT_EQ(pipelines_->run(last)->state, "SUCCEEDED");
    EXPECT_EQ(backend_.most_at_once(), kSlots);
  }

 private:
  net::Response send(const std::string& target, const Value& body) { return post_json(*pipelines_, target, body); }
  std::string start(const Value& pipeline) {
    const net::Response response =
        send("/apis/v2beta1/runs", Value::object({{"display_name", "r"}, {"pipeline_spec", pipeline}}));
    EXPECT_EQ(response.status, 200) << response.body;
    return (*parse_json(response.body))["run_id"].string_or();
  }
  void ends(const std::string& id) {
    EXPECT_TRUE(World::eventually([&] { return pipelines_->run(id)->finished.has_value(); })) << id << " does not end";
  }

  std::mt19937 random_;
  TempDir directory_ = std::move(*TempDir::make("slots"));
  SystemClock clock_;
  std::unique_ptr<db::Database> database_;
  RandomBackend backend_;
  std::unique_ptr<Pipelines> pipelines_;
};

TEST(SlotsSimulation, EverySlotComesBack) {
  SimulatedRounds(kRounds).run([](std::uint32_t seed) { Simulation(seed).run(); });
}

}  // namespace
}  // namespace millrace::pipelines::runner
