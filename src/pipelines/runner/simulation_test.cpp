// The runner by seed, without a thread: pipelines are submitted, terminated, retried and deleted while answers come
// late, children end twice or are lost, writes fail at some statement, and the program dies before or after anything
// that it does outside of itself. Then all of that ends, what is left runs to its end, and the database is looked at.
//
// MILLRACE_SEED=<seed> MILLRACE_ROUNDS=1 runs one round alone.

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "pipelines/runner/artifact_rows.h"
#include "pipelines/runner/records.h"
#include "pipelines/runner/runner.h"
#include "pipelines/runner/schema.h"
#include "pipelines/runner/simulated_process_for_tests.h"
#include "pipelines/runner/task_rows.h"
#include "pipelines/schedule/scheduler.h"
#include "pipelines/world_for_tests.h"

namespace millrace::pipelines::runner {
namespace {

constexpr int kOrdinaryRounds = 2'000;
constexpr int kMaxActs = 5'000;
constexpr int kMaxDeaths = 4;
constexpr std::size_t kSlots = 2;
constexpr std::int64_t kInterval = 10;  // seconds, of the recurring run

// What lasts from one round to the next, so that a round costs no tables.
struct Ground {
  Ground() {
    auto opened = std::move(*db::InlineDatabase::open());
    tables = opened.get();
    database = std::make_unique<db::FailingDatabase>(std::move(opened));
    EXPECT_TRUE(database->migrate("pipelines", migrations()));
    EXPECT_TRUE(database->migrate("artifacts", artifact_migrations()));
  }
  db::InlineDatabase* tables;
  std::unique_ptr<db::FailingDatabase> database;
  TempDir directory = in_memory();

 private:
  // Half of a round's time is the making of files: where the machine has a file system in memory, they are made there.
  static TempDir in_memory() {
    if (::access("/dev/shm", W_OK) != 0) return std::move(*TempDir::make("simulation"));
    const char* before = std::getenv("TMPDIR");
    const std::string kept = before != nullptr ? before : "";
    ::setenv("TMPDIR", "/dev/shm", 1);
    TempDir made = std::move(*TempDir::make("simulation"));
    kept.empty() ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
    return made;
  }
};

struct Counts {
  int deaths = 0, runs = 0, attempts = 0, cached = 0, retries = 0, removals = 0, ticks = 0, failed_writes = 0;
};

class Simulation {
 public:
  Simulation(Ground& ground, std::uint32_t seed, Counts& counts)
      : ground_(ground), seed_(seed), random_(seed), counts_(counts) {
    EXPECT_TRUE(ground_.tables->clear());
    options_.directory = ground_.directory.path() / "pipelines";
    options_.max_running_tasks = kSlots;
    options_.sandbox = false;
    options_.boot = "boot-0";
    begin_life();
    if (one_in(3)) make_recurring();
    operations_ = 1 + below(5);
  }
  ~Simulation() {
    end_life();
    std::error_code ignored;
    std::filesystem::remove_all(options_.directory, ignored);
  }

  void run() {
    submit();
    while (operations_ > 0 && !failed()) act();
    if (failed()) return;
    quiet_ = true;
    disable_recurring();
    for (int acts = 0; act() && !failed(); ++acts) {
      ASSERT_LT(acts, kMaxActs) << "it does not come to rest\n" << story();
    }
    if (!failed()) check_the_end();
    if (failed()) ADD_FAILURE() << story();
  }

 private:
  struct Known {
    Value spec;
    std::map<std::string, std::string> words;  // by task: what its script does
    bool stored = true;                        // false: the program died, or the write failed, while it was created
    bool removed = false;
  };
  struct Asked {
    std::string what, run_id;
    int answers = 0;
    Status status;
  };

  static bool failed() { return testing::Test::HasFailure(); }
  bool one_in(std::uint32_t n) { return random_() % n == 0; }
  std::size_t below(std::size_t n) { return random_() % n; }
  template <class... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    story_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
  std::string story() const {
    std::string text;
    for (const auto& [id, known] : runs_) text += fmt::format("{} is {}\n", id, to_json(known.spec));
    return fmt::format("{}{}\n", text, fmt::join(story_, "\n"));
  }

  // --- lives ---

  void begin_life() {
    life_ = std::make_unique<Life>();
    database_ = std::make_unique<LivingDatabase>(*ground_.database, *life_);
    gate_ = std::make_unique<LivingBackend>(backend_, *life_);
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
    if (!quiet_ && one_in(6)) life_->fail_next_status();
    if (!quiet_ && deaths_ < kMaxDeaths && one_in(6)) life_->die_at(static_cast<int>(1 + below(4)), one_in(2));
    runner_->resume(unfinished);
  }

  void end_life() {
    life_->die();
    scheduler_.reset();
    runner_.reset();
    timers_.reset();
    for (const std::string& key : backend_.unanswered()) backend_.answer(key);  // to nobody
    gate_.reset();
    database_.reset();
    asked_.clear();
    stuck_.clear();
  }

  void die() {
    ++deaths_;
    ++counts_.deaths;
    note("the program dies");
    end_life();
    check_finished();
    if (one_in(4)) {
      options_.boot = fmt::format("boot-{}", deaths_);
      note("the machine is started anew: {}", options_.boot);
      for (const std::string& key : backend_.running()) backend_.lose(key);
    }
    while (one_in(2) && end_a_child(false)) {
    }
    clock_.advance(Millis(static_cast<std::int64_t>(below(40'000))));
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
    const auto may = [&](int what, int weight, bool can) {
      if (can) possible.insert(possible.end(), static_cast<std::size_t>(weight), what);
    };
    may(turn, 6, !runner_->queue().waiting().empty());
    may(answer, 2, !backend_.unanswered().empty());
    may(end, 2, !children(true).empty());
    may(operate, 1, !quiet_ && operations_ > 0);
    may(schedule, 1, !quiet_);
    may(timer, 1, timers_->next() && (!quiet_ || possible.empty()));
    if (possible.empty()) return false;
    switch (possible[below(possible.size())]) {
      case turn: {
        const auto keys = runner_->queue().waiting();
        runner_->queue().run(keys[below(keys.size())]);
        break;
      }
      case answer: {
        const auto keys = backend_.unanswered();
        backend_.answer(keys[below(keys.size())]);
        break;
      }
      case end:
        end_a_child(true);
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
        clock_.advance(Millis(static_cast<std::int64_t>(below(15'000))));
        scheduler_->run_due();
    }
    if (++acts_ % 50 == 0) check_finished();
    check_limits();
    return true;
  }

  void trouble() {
    backend_.hold_answers(one_in(2));
    if (one_in(20)) backend_.fail_next_start(Error(one_in(2) ? Code::unavailable : Code::not_found, "no start"));
    if (one_in(15)) {
      life_->fail_statement(1 + below(8));
      ++counts_.failed_writes;
    }
    if (deaths_ >= kMaxDeaths) return;
    if (one_in(25)) life_->die_at(static_cast<int>(1 + below(5)), one_in(2));
    if (one_in(60)) life_->die();
  }

  // Those that may end: of this life's only those whose start was answered, as a backend promises.
  std::vector<std::string> children(bool alive) {
    const auto unanswered = backend_.unanswered();
    std::vector<std::string> keys;
    for (std::string& key : backend_.running()) {
      if (alive && std::ranges::find(unanswered, key) != unanswered.end()) continue;
      if (!stuck_.contains(key)) keys.push_back(std::move(key));
    }
    return keys;
  }

  bool end_a_child(bool alive) {
    const auto keys = children(alive);
    if (keys.empty()) return false;
    const std::string& key = keys[below(keys.size())];
    const auto stopped = backend_.stopped();
    const bool is_stopped = std::ranges::find(stopped, key) != stopped.end();
    const std::size_t fate = below(16);
    note("{} ends: {}{}", key, fate, is_stopped ? ", stopped" : "");
    if (is_stopped && alive && fate == 0) {
      stuck_.insert(key);  // in the kernel: nobody sees it end
    } else if (is_stopped && fate < 12) {
      backend_.kill(key, 15);
    } else if (fate == 13) {
      backend_.kill(key, 9);
    } else if (fate == 14) {
      backend_.lose(key);
    } else if (fate == 15) {
      backend_.end(key, 1);
    } else {
      if (fate != 0) write_output(key);  // else it ends well without it, and so has failed
      backend_.end(key);
    }
    if (alive && one_in(5)) backend_.repeat_end(key);
    return true;
  }

  // The script is "<word> <input> <file>".
  void write_output(const std::string& key) {
    const std::string script = backend_.workload(key)->command.back();
    const std::size_t place = script.rfind(' ');
    const std::string value = fmt::format("v{}", ++values_);
    EXPECT_TRUE(write_file(script.substr(place + 1), value)) << script;
    written_[key] = value;
    results_[script.substr(0, place)].insert(value);
  }

  // --- what is asked for ---

  std::string any_run() {
    auto run = runs_.begin();
    std::advance(run, static_cast<std::ptrdiff_t>(below(runs_.size())));
    return run->first;
  }

  void operate_once() {
    switch (below(8)) {
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
        (void)runner_->stop_task(any_run(), fmt::format("root/t{}", below(3)));
    }
  }

  void ask(const std::string& what, const std::string& run_id) {
    note("{} {}", what, run_id);
    const auto asked = std::make_shared<Asked>(Asked{what, run_id, 0, {}});
    asked_.push_back(asked);
    if (what != "terminate") finished_.erase(run_id);
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

  Value random_pipeline(Known& known) {
    std::vector<Step> steps;
    const std::size_t count = 1 + below(4);
    for (std::size_t i = 0; i < count; ++i) {
      Step step;
      step.name = fmt::format("t{}", i);
      known.words[step.name] = one_in(2) ? "same" : fmt::format("other{}", below(3));
      step.script =
          known.words[step.name] + " {{$.inputs.parameters['in']}} {{$.outputs.parameters['out'].output_file}}";
      step.retries = static_cast<int>(below(3));
      if (i > 0 && one_in(2)) step.after = {fmt::format("t{}", below(i))};
      if (!step.after.empty() && one_in(2)) step.reads = step.after.front();
      step.always = step.reads.empty() && one_in(6);
      steps.push_back(std::move(step));
    }
    Value spec = make_pipeline(steps);
    for (auto& [name, task] : spec.child("root").child("dag").child("tasks").as_object()) {
      if (!one_in(3)) task.set("cachingOptions", Value::object({{"enableCache", true}}));
      if (one_in(3) && task.has("retryPolicy")) task.child("retryPolicy").set("backoffDuration", "2s");
    }
    Value kubernetes = Value::object();
    if (one_in(6)) kubernetes.child("pipelineConfig").set("activeDeadlineSeconds", 60);
    if (one_in(6)) {
      kubernetes.child("deploymentSpec").child("executors").child("exec-t0").set("activeDeadlineSeconds", 20);
    }
    if (kubernetes.empty()) return spec;
    return Value::object(
        {{"pipeline_spec", spec},
         {"platform_spec", Value::object({{"platforms", Value::object({{"kubernetes", kubernetes}})}})}});
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
    Known known;
    known.spec = random_pipeline(known);
    note("create {}", record.id);
    const Package package = std::move(*unwrap_package(known.spec));
    auto parsed = std::make_unique<PipelineSpec>(std::move(*parse_pipeline_spec(package.spec, package.platform)));
    record.parameters = std::move(*engine::bind_parameters(*parsed, Value::object()));
    const std::string id = record.id;
    const auto made = runner_->create(std::move(record), known.spec, std::move(parsed), also);
    known.stored = made.has_value();
    if (!made && !life_->is_over()) {
      EXPECT_FALSE(find(id)) << id << " was not created";
    }
    runs_.emplace(id, std::move(known));
    ++counts_.runs;
    return made ? Status() : fail(made.error());
  }

  // --- the recurring run ---

  void make_recurring() {
    schedule::RecurringRun recurring;
    recurring.id = recurring_ = fmt::format("every-{}", seed_);
    recurring.trigger = *parse_json(fmt::format(R"({{"periodic_schedule": {{"interval_second": {}}}}})", kInterval));
    recurring.max_concurrency = static_cast<std::int64_t>(1 + below(2));
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

  std::optional<RunRecord> find(const std::string& id) {
    std::optional<RunRecord> record;
    EXPECT_TRUE(ground_.database->read([&](db::Connection& connection) -> Status {
      record = MR_TRY(find_run(connection, id));
      return {};
    }));
    return record;
  }

  // Everything of a run, as text.
  std::string rows_of(const std::string& id) {
    std::string rows;
    EXPECT_TRUE(ground_.database->read([&](db::Connection& connection) -> Status {
      for (const std::string_view sql :
           {"SELECT state || finished || error || state_history FROM kfp_runs WHERE id = ?",
            "SELECT path || data FROM kfp_tasks WHERE run_id = ? ORDER BY position",
            "SELECT number || event FROM run_events WHERE run_id = ? ORDER BY number",
            "SELECT spec FROM kfp_run_specs WHERE run_id = ?"}) {
        auto row = MR_TRY(connection.prepare(sql));
        row.bind(id);
        while (MR_TRY(row.step())) rows += row.text(0) + "\n";
      }
      return {};
    }));
    return rows;
  }

  // A run that has ended is never changed, but by a retry.
  void check_finished() {
    for (const auto& [id, known] : runs_) {
      const auto record = find(id);
      if (!record || !record->finished) continue;
      if (std::ranges::any_of(asked_, [&, of = id](const auto& asked) {
            return asked->run_id == of && asked->what != "terminate" && asked->answers == 0;
          }))
        continue;
      std::string rows = rows_of(id);
      const auto [before, is_new] = finished_.try_emplace(id, rows);
      if (!is_new) {
        EXPECT_EQ(before->second, rows) << id << " has changed after its end";
      }
    }
  }

  void check_limits() {
    if (deaths_ > 0) return;  // what runs when the program comes back has a slot whatever the limit
    const auto stopped = backend_.stopped();
    std::size_t running = 0;
    for (const std::string& key : backend_.running()) {
      if (std::ranges::find(stopped, key) == stopped.end()) ++running;
    }
    EXPECT_LE(running, kSlots);
  }

  void check_the_end() {
    EXPECT_EQ(runner_->slots().taken(), 0U) << "a slot was not given back";
    EXPECT_EQ(runner_->slots().waiting(), 0U);
    EXPECT_EQ(timers_->size(), 0U) << "a timer is left";
    EXPECT_EQ(runner_->queue().size(), 0U);
    for (const auto& asked : asked_) {
      EXPECT_EQ(asked->answers, 1) << asked->what << " " << asked->run_id << " was not answered once";
    }
    const auto started = backend_.started();
    EXPECT_EQ(std::set<std::string>(started.begin(), started.end()).size(), started.size())
        << "a key was started twice";
    counts_.attempts += static_cast<int>(started.size());
    check_finished();
    for (const auto& [id, known] : runs_) check_run(id, known);
    if (!recurring_.empty()) check_recurring();
  }

  void check_run(const std::string& id, const Known& known) {
    SCOPED_TRACE(id);
    EXPECT_FALSE(runner_->is_active(id));
    const auto record = find(id);
    if (!record) {
      EXPECT_TRUE(known.removed || !known.stored || deaths_ > 0) << "it is gone";
      EXPECT_EQ(rows_of(id), "") << "it was removed, and something is left";
      return;
    }
    EXPECT_FALSE(known.removed) << "it was removed, and is there";
    ASSERT_TRUE(record->finished) << "it has not ended";
    check_rows(*record, known);
  }

  // The rows are what the events say.
  void check_rows(const RunRecord& record, const Known& known) {
    const Package package = std::move(*unwrap_package(known.spec));
    const PipelineSpec spec = std::move(*parse_pipeline_spec(package.spec, package.platform));
    engine::State state(spec, record.parameters);
    std::vector<TaskView> tasks;
    EXPECT_TRUE(ground_.database->read([&](db::Connection& connection) -> Status {
      for (const auto& event : MR_TRY(read_events(connection, record.id))) state.advance(event);
      tasks = MR_TRY(read_tasks(connection, record.id));
      return {};
    }));
    ASSERT_TRUE(state.finished());
    EXPECT_EQ(state.rules(), engine::kRules);
    EXPECT_EQ(record.state, state.root().state == engine::NodeState::succeeded ? "SUCCEEDED" : "FAILED");
    EXPECT_EQ(tasks.size(), state.nodes().size());
    for (const TaskView& task : tasks) {
      SCOPED_TRACE(task.id);
      const engine::Node* node = state.find(task.id);
      ASSERT_NE(node, nullptr);
      EXPECT_EQ(task.state, engine::state_name(node->state));
      EXPECT_EQ(task.attempt, node->attempt);
      EXPECT_EQ(task.error, node->error);
      EXPECT_EQ(task.cached, node->cached);
      EXPECT_EQ(to_json(task.outputs["parameters"]), to_json(node->output_parameters));
      if (!task.is_dag && node->state == engine::NodeState::succeeded) check_result(record.id, task, known);
    }
  }

  // What a task gives is what its attempt has written; of a cached one, what one like it has.
  void check_result(const std::string& run_id, const TaskView& task, const Known& known) {
    const std::string out = task.outputs["parameters"]["out"].string_or();
    if (!task.cached) {
      EXPECT_EQ(out, written_[executors::launch_key(run_id, task.id, task.attempt)]);
      return;
    }
    ++counts_.cached;
    const std::string in = task.inputs["parameters"]["in"].string_or();
    EXPECT_TRUE(results_[known.words.at(task.name) + " " + in].contains(out)) << out;
  }

  // Each interval once, in order.
  void check_recurring() {
    std::set<std::string> indexes;
    for (const auto& [id, known] : runs_) {
      const auto record = find(id);
      if (!record || record->recurring_run_id.empty()) continue;
      EXPECT_TRUE(indexes.insert(record->name).second) << "run " << record->name << " was started twice";
      EXPECT_EQ(record->scheduled, begun_ + Millis(1'000 * kInterval * std::stol(record->name)));
    }
  }

  Ground& ground_;
  const std::uint32_t seed_;
  std::mt19937 random_;
  Counts& counts_;
  FakeClock clock_;
  Options options_;
  Hooks hooks_;
  work::FakeBackend backend_;
  std::unique_ptr<Life> life_;
  std::unique_ptr<LivingDatabase> database_;
  std::unique_ptr<LivingBackend> gate_;
  std::unique_ptr<Timers> timers_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<schedule::Scheduler> scheduler_;
  std::map<std::string, Known> runs_;
  std::map<std::string, std::string> finished_;  // rows of runs that have ended
  std::vector<std::shared_ptr<Asked>> asked_;    // in this life
  std::set<std::string> stuck_;
  std::map<std::string, std::string> written_;            // by launch key
  std::map<std::string, std::set<std::string>> results_;  // by what the script does
  std::string recurring_;
  Time begun_{};
  std::vector<std::string> story_;
  std::size_t operations_ = 0;
  int deaths_ = 0, acts_ = 0, values_ = 0;
  bool quiet_ = false;
};

TEST(RunnerSimulation, LosesNothingWhateverHappens) {
  const char* fixed = std::getenv("MILLRACE_SEED");
  const auto first = fixed != nullptr ? static_cast<std::uint32_t>(std::strtoul(fixed, nullptr, 10))
                                      : static_cast<std::uint32_t>(random_u64());
  const char* rounds_text = std::getenv("MILLRACE_ROUNDS");
  const int rounds = rounds_text != nullptr ? std::atoi(rounds_text) : kOrdinaryRounds;
  fmt::print("MILLRACE_SEED={} MILLRACE_ROUNDS={}\n", first, rounds);
  log::set_level(log::Level::off);
  Ground ground;
  Counts counts;
  for (int round = 0; round < rounds; ++round) {
    const std::uint32_t seed = first + static_cast<std::uint32_t>(round);
    SCOPED_TRACE(fmt::format("this round alone: MILLRACE_SEED={} MILLRACE_ROUNDS=1", seed));
    Simulation(ground, seed, counts).run();
    if (HasFailure()) break;
  }
  log::set_level(log::Level::warn);
  fmt::print(
      "{} schedules: {} runs, {} ticks, {} attempts, {} cached, {} retries, {} removals, {} deaths, {} failing "
      "writes\n",
      rounds, counts.runs, counts.ticks, counts.attempts, counts.cached, counts.retries, counts.removals, counts.deaths,
      counts.failed_writes);
}

}  // namespace
}  // namespace millrace::pipelines::runner
