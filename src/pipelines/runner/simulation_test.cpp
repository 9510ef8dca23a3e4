// The runner by seed, without a thread: pipelines are submitted, terminated, retried and deleted while answers come
// late, children end twice or are lost, writes fail at some statement, bytes go, and the program dies before or after
// anything that it does outside of itself. Then all of that ends, what is left runs to its end, and the database is
// looked at.
//
// A round is a seed (base/simulated_rounds_for_tests.h).

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/log.h"
#include "base/simulated_rounds_for_tests.h"
#include "pipelines/runner/records.h"
#include "pipelines/runner/runner.h"
#include "pipelines/runner/simulated_children_for_tests.h"
#include "pipelines/runner/simulated_pipelines_for_tests.h"
#include "pipelines/runner/simulated_process_for_tests.h"
#include "pipelines/runner/simulation_invariants_for_tests.h"
#include "pipelines/schedule/scheduler.h"

namespace millrace::pipelines::runner {
namespace {

constexpr int kMaxActs = 5'000;
constexpr int kMaxDeaths = 4;
constexpr std::size_t kSlots = 2;
constexpr std::int64_t kInterval = 10;  // seconds, of the recurring run

struct Counts {
  int deaths = 0, copies = 0, runs = 0, attempts = 0, cached = 0, retries = 0, removals = 0, ticks = 0,
      failed_writes = 0;
};

class Simulation {
 public:
  Simulation(Ground& ground, std::uint32_t seed, Counts& counts)
      : ground_(ground), seed_(seed), dice_(seed), counts_(counts) {
    EXPECT_TRUE(ground_.tables->clear());
    options_.directory = ground_.directory.path() / "pipelines";
    options_.max_running_tasks = kSlots;
    options_.sandbox = false;
    options_.boot = "boot-0";
    begin_life();
    if (dice_.one_in(3)) make_recurring();
    operations_ = 1 + dice_.below(5);
  }
  ~Simulation() {
    end_life();
    std::error_code ignored;
    std::filesystem::remove_all(options_.directory, ignored);
  }

  void run() {
    submit();
    while (operations_ > 0 && !failed()) act();
    if (failed()) {
      ADD_FAILURE() << story();
      return;
    }
    quiet_ = true;
    disable_recurring();
    for (int acts = 0; act() && !failed(); ++acts) {
      ASSERT_LT(acts, kMaxActs) << "it does not come to rest\n" << story();
    }
    if (!failed()) check_the_end();
    if (failed()) ADD_FAILURE() << story();
  }

 private:
  struct Asked {
    std::string what, run_id;
    int answers = 0;
    Status status;
  };

  static bool failed() { return testing::Test::HasFailure(); }
  template <class... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    story_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
  std::string story() const {
    std::string text;
    for (const auto& [id, run] : runs_) text += fmt::format("{} is {}\n", id, to_json(run.pipeline.spec));
    return fmt::format("{}{}\n", text, fmt::join(story_, "\n"));
  }

  // --- lives ---

  void begin_life() {
    life_ = std::make_unique<Life>();
    database_ = std::make_unique<LivingDatabase>(*ground_.database, *life_);
    gate_ = std::make_unique<LivingBackend>(children_.backend, *life_);
    timers_ = std::make_unique<Timers>(clock_, Timers::Manual());
    runner_ =
        std::make_unique<Runner>(Needs{*database_, clock_, *gate_}, options_, hooks_, *timers_, Runner::Drive::by_hand);
    scheduler_ = std::make_unique<schedule::Scheduler>(
        *database_, clock_, *timers_,
        [this](const auto& recurring, const auto& tick, const auto& also) { return start(recurring, tick, also); });
    std::vector<std::string> unfinished;
    EXPECT_TRUE(ground_.database->read([&](db::Connection& connection) -> Status {
      unfinished = MR_TRY(unfinished_runs(connection));
      return {};
    }));
    if (!quiet_ && dice_.one_in(6)) life_->fail_next_status();
    if (!quiet_ && deaths_ < kMaxDeaths && dice_.one_in(6)) die_soon(4);
    runner_->resume(unfinished);
  }

  void end_life() {
    life_->die();
    scheduler_.reset();
    runner_.reset();
    timers_.reset();
    for (const std::string& key : children_.backend.unanswered()) children_.backend.answer(key);  // to nobody
    gate_.reset();
    database_.reset();
    asked_.clear();
    children_.begin_life();
  }

  void die() {
    ++deaths_;
    ++counts_.deaths;
    note("the program dies");
    end_life();
    check_finished();
    if (dice_.one_in(4)) {
      options_.boot = fmt::format("boot-{}", deaths_);
      note("the machine is started anew: {}", options_.boot);
      children_.lose_all();
    }
    while (dice_.one_in(2) && children_.end_one(false)) {
    }
    if (dice_.one_in(6)) {
      options_.copied = clock_.now();
      options_.boot += "+";
      ++counts_.copies;
      note("a copy of its data goes on elsewhere");
      children_.stay_behind();
    }
    if (dice_.one_in(3)) invariants_.damage_an_artifact(dice_);
    clock_.advance(Millis(static_cast<std::int64_t>(dice_.below(40'000))));
    begin_life();
  }

  // --- what happens ---

  // false: nothing is left to happen.
  bool act() {
    if (life_->is_over()) {
      die();
      return true;
    }
    if (!quiet_) trouble();
    enum { turn, answer, end, timer, operate, schedule };
    std::vector<int> possible;
    const auto may = [&](int what, std::size_t chances, bool can) {
      if (can) possible.insert(possible.end(), chances, what);
    };
    may(turn, 6, !runner_->queue().waiting().empty());
    may(answer, 2, !children_.backend.unanswered().empty());
    may(end, 2, !children_.able_to_end(true).empty());
    may(operate, 1, !quiet_ && operations_ > 0);
    may(schedule, 1, !quiet_);
    may(timer, 1, timers_->next() && (!quiet_ || possible.empty()));
    if (possible.empty()) return false;
    switch (possible[dice_.below(possible.size())]) {
      case turn: {
        const auto keys = runner_->queue().waiting();
        runner_->queue().run(keys[dice_.below(keys.size())]);
        break;
      }
      case answer: {
        const auto keys = children_.backend.unanswered();
        children_.backend.answer(keys[dice_.below(keys.size())]);
        break;
      }
      case end:
        children_.end_one(true);
        break;
      case timer:
        clock_.set(std::max(clock_.now(), *timers_->next()));
        timers_->run_due();
        break;
      case operate:
        --operations_;
        operate_once();
        break;
      default:
        clock_.advance(Millis(static_cast<std::int64_t>(dice_.below(15'000))));
        scheduler_->run_due();
    }
    if (++acts_ % 50 == 0) check_finished();
    check_rest();
    return true;
  }

  void trouble() {
    children_.backend.hold_answers(dice_.one_in(2));
    if (dice_.one_in(20))
      children_.backend.fail_next_start(Error(dice_.one_in(2) ? Code::unavailable : Code::not_found, "no start"));
    if (dice_.one_in(15)) {
      life_->fail_statement(1 + dice_.below(8));
      ++counts_.failed_writes;
    }
    if (deaths_ >= kMaxDeaths) return;
    if (dice_.one_in(25)) die_soon(5);
    if (dice_.one_in(60)) life_->die();
  }
  void die_soon(std::size_t effects) { life_->die_at(static_cast<int>(1 + dice_.below(effects)), dice_.one_in(2)); }

  // --- what is asked for ---

  std::string any_run() {
    auto run = runs_.begin();
    std::advance(run, static_cast<std::ptrdiff_t>(dice_.below(runs_.size())));
    return run->first;
  }

  void operate_once() {
    switch (dice_.below(8)) {
      case 0:
      case 1:
      case 2:
        return submit();
      case 3:
        return ask("terminate", any_run());
      case 4:
      case 5:
        return ask("retry", any_run());
      case 6:
        return ask("remove", any_run());
      default:
        stop_task(any_run(), fmt::format("root/t{}", dice_.below(3)));
    }
  }

  void stop_task(const std::string& run_id, const std::string& path) {
    note("stop {} of {}", path, run_id);
    EXPECT_TRUE(runner_->stop_task(run_id, path));
  }

  void ask(const std::string& what, const std::string& run_id) {
    note("{} {}", what, run_id);
    const auto asked = std::make_shared<Asked>(Asked{what, run_id, 0, {}});
    asked_.push_back(asked);
    if (what != "terminate") invariants_.may_change(run_id);
    const auto done = [this, asked](Status status) {
      ++asked->answers;
      note("{} {}: {}", asked->what, asked->run_id, status ? "done" : status.error().message);
      if (life_->is_over()) return;
      if (status && asked->what == "remove") {
        runs_.at(asked->run_id).removed = true;
        ++counts_.removals;
      }
      if (status && asked->what == "retry") ++counts_.retries;
      asked->status = std::move(status);
    };
    if (what == "terminate") return runner_->terminate(run_id, done);
    if (what == "retry") return runner_->retry(run_id, done);
    runner_->remove(run_id, done);
  }

  void submit() {
    const Status status = create({}, {});
    if (!status) note("it is not created: {}", status.error().message);
  }

  Status create(const std::string& recurring_id, const schedule::Tick& tick, const db::Database::Work& also = {}) {
    RunRecord record;
    record.id = fmt::format("r{}-{}", seed_, runs_.size());
    record.name = recurring_id.empty() ? record.id : std::to_string(tick.index);
    record.pipeline_name = record.resource_name = "p";
    record.created = clock_.now();
    record.scheduled = recurring_id.empty() ? record.created : tick.scheduled;
    record.recurring_run_id = recurring_id;
    SimulatedRun run{random_pipeline(dice_)};
    note("create {}", record.id);
    const Package package = std::move(*unwrap_package(run.pipeline.spec));
    auto parsed = std::make_unique<PipelineSpec>(std::move(*parse_pipeline_spec(package.spec, package.platform)));
    record.parameters = std::move(*engine::bind_parameters(*parsed, Value::object()));
    const std::string id = record.id;
    const auto made = runner_->create(std::move(record), run.pipeline.spec, std::move(parsed), also);
    run.stored = made.has_value();
    if (!made && !life_->is_over()) {
      EXPECT_FALSE(invariants_.find(id)) << id << " was not created";
    }
    runs_.emplace(id, std::move(run));
    ++counts_.runs;
    return made ? Status() : fail(made.error());
  }

  // --- the recurring run ---

  void make_recurring() {
    schedule::RecurringRun recurring;
    recurring.id = recurring_ = fmt::format("every-{}", seed_);
    recurring.trigger = *parse_json(fmt::format(R"({{"periodic_schedule": {{"interval_second": {}}}}})", kInterval));
    recurring.max_concurrency = static_cast<std::int64_t>(1 + dice_.below(2));
    recurring.enabled = true;
    recurring.created = recurring.updated = begun_ = clock_.now();
    EXPECT_TRUE(ground_.database->write(
        [&](db::Connection& connection) { return insert_recurring(connection, recurring, Value()); }));
  }
  void disable_recurring() {
    if (recurring_.empty()) return;
    EXPECT_TRUE(ground_.database->write([&](db::Connection& connection) {
      return schedule::set_enabled(connection, recurring_, false, clock_.now());
    }));
  }
  Status start(const schedule::RecurringRun& recurring, const schedule::Tick& tick, const db::Database::Work& also) {
    note("tick {}", tick.index);
    MR_TRY(create(recurring.id, tick, also));
    ++counts_.ticks;
    return {};
  }

  // --- what must be so ---

  void check_finished() {
    invariants_.check_finished([&](const std::string& run_id) {
      return std::ranges::any_of(asked_, [&](const auto& asked) {
        return asked->run_id == run_id && asked->what != "terminate" && asked->answers == 0;
      });
    });
  }

  // After each act; of what is known, where no turn is to come.
  void check_rest() {
    const std::size_t running = invariants_.check_children();
    // What runs when the program comes back has a slot whatever the limit.
    if (deaths_ == 0) EXPECT_LE(running, kSlots);
    if (life_->is_over() || runner_->queue().size() > 0) return;
    check_idle();
    if (!life_->is_undisturbed()) return;
    EXPECT_LE(running, runner_->slots().taken()) << "a child runs without a slot";
    if (!timers_->next() || *timers_->next() > clock_.now()) invariants_.check_deadlines(clock_.now());
  }

  // Runs that have ended hold nothing, whoever has them in memory still.
  void check_idle() {
    if (std::ranges::any_of(runs_, [&](const auto& run) { return runner_->is_active(run.first); })) return;
    EXPECT_EQ(runner_->slots().taken(), 0U) << "a slot was not given back";
    EXPECT_EQ(runner_->slots().waiting(), 0U) << "no run waits for a slot";
    EXPECT_EQ(timers_->size(), 0U) << "a timer is left";
  }

  void check_the_end() {
    check_idle();
    EXPECT_EQ(runner_->queue().size(), 0U);
    for (const auto& asked : asked_) {
      EXPECT_EQ(asked->answers, 1) << asked->what << " " << asked->run_id << " was not answered once";
    }
    const auto started = children_.backend.started();
    EXPECT_EQ(std::set<std::string>(started.begin(), started.end()).size(), started.size())
        << "a key was started twice";
    counts_.attempts += static_cast<int>(started.size());
    check_finished();
    for (const auto& [id, run] : runs_) {
      EXPECT_FALSE(runner_->is_active(id)) << id;
      invariants_.check_run(id, run, deaths_ > 0);
    }
    if (!recurring_.empty()) check_recurring();
    counts_.cached += invariants_.cached();
  }

  // Each interval once, in order.
  void check_recurring() {
    std::set<std::string> indexes;
    for (const auto& [id, run] : runs_) {
      const auto record = invariants_.find(id);
      if (!record || record->recurring_run_id.empty()) continue;
      EXPECT_TRUE(indexes.insert(record->name).second) << "run " << record->name << " was started twice";
      EXPECT_EQ(record->scheduled, begun_ + Millis(1'000 * kInterval * std::stol(record->name)));
    }
  }

  Ground& ground_;
  const std::uint32_t seed_;
  Dice dice_;
  Counts& counts_;
  FakeClock clock_;
  Options options_;
  Hooks hooks_;
  SimulatedRuns runs_;
  SimulatedChildren children_{dice_, [this](std::string text) { story_.push_back(std::move(text)); }};
  Invariants invariants_{*ground_.database, options_, children_, runs_};
  std::unique_ptr<Life> life_;
  std::unique_ptr<LivingDatabase> database_;
  std::unique_ptr<LivingBackend> gate_;
  std::unique_ptr<Timers> timers_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<schedule::Scheduler> scheduler_;
  std::vector<std::shared_ptr<Asked>> asked_;  // in this life
  std::string recurring_;
  Time begun_{};
  std::vector<std::string> story_;
  std::size_t operations_ = 0;
  int deaths_ = 0, acts_ = 0;
  bool quiet_ = false;
};

TEST(RunnerSimulation, LosesNothingWhateverHappens) {
  log::set_level(log::Level::off);
  Ground ground;
  Counts counts;
  const int rounds = SimulatedRounds().run([&](std::uint32_t seed) { Simulation(ground, seed, counts).run(); });
  log::set_level(log::Level::warn);
  fmt::print(
      "{} schedules: {} runs, {} ticks, {} attempts, {} cached, {} retries, {} removals, {} deaths, {} copies, "
      "{} failing writes\n",
      rounds, counts.runs, counts.ticks, counts.attempts, counts.cached, counts.retries, counts.removals, counts.deaths,
      counts.copies, counts.failed_writes);
}

}  // namespace
}  // namespace millrace::pipelines::runner
