// Random pipelines in a world that performs commands late, in any order, and dies between any two writes.
//
// A round is a seed (base/simulated_rounds_for_tests.h): from it come the graph, what each attempt ends in, and the
// schedule. It is run twice, first without any trouble, then with all of it, and must end the same.

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/simulated_rounds_for_tests.h"
#include "pipelines/engine/engine.h"
#include "pipelines/engine/random_graph_for_tests.h"

namespace millrace::pipelines::engine {
namespace {

constexpr int kMaxSteps = 100'000;
constexpr int kMaxRunRetries = 2;

Time at(std::int64_t ms) { return from_epoch_ms(1'700'000'000'000 + ms); }

// --- the world ---

struct Trouble {
  bool any = false;        // late, in any order, reported twice, and deaths
  bool reboots = false;    // deaths of the whole machine: running attempts are gone
  bool terminate = false;  // at some moment
};

// What lasts: the stored events, the launcher's memory (which attempts it was asked to launch, what they ended in).
// What a death takes: the state, commands not yet performed, timers, facts that were learnt and not stored.
class World {
 public:
  World(const PipelineSpec& spec, std::uint32_t seed, Trouble trouble)
      : spec_(spec), seed_(seed), random_(seed ^ 0xA5A5A5A5U), trouble_(trouble) {
    state_ = std::make_unique<State>(spec_, Value::object());
  }

  void run() {
    learn({Event::Kind::created, now(), "", 0, false, "", true, {}, {}, false, "boot-0"});
    const int terminate_at = trouble_.terminate ? static_cast<int>(random_() % 60) : -1;
    for (int step = 0;; ++step) {
      ASSERT_LT(step, kMaxSteps) << "the run does not end\n" << picture(*state_);
      if (trouble_.any && deaths_ < 6 && random_() % 25 == 0) die();
      if (step == terminate_at) learn({Event::Kind::terminate, now(), "", 0, false, "", true, {}, {}});
      if (!act() && !begin_again()) break;
      if (::testing::Test::HasFailure()) return;
    }
    ASSERT_TRUE(state_->finished()) << "nothing is left to do, and the run has not ended\n" << picture(*state_);
    check_the_end();
  }

  // What must not depend on the schedule: the end of the run, of each task and what it left. Not how far a loop came
  // that failed: it starts no more iterations once one failed.
  std::string outcome() const {
    std::string text;
    for (const Node* node : sorted(*state_)) {
      bool counts = true;
      for (const Node* above = node->parent; above != nullptr; above = above->parent)
        counts = counts && !(above->is_loop() && above->state != NodeState::succeeded);
      if (!counts) continue;
      text += fmt::format("{} {} {} {}\n", node->path, state_name(node->state), to_json(node->output_parameters),
                          to_json(node->parameters["x"]));
    }
    return text;
  }
  // A loop that failed and began again with the run had come to different points.
  bool comparable() const { return !loop_failed_before_retry_; }
  int deaths() const { return deaths_; }

 private:
  using Attempt = std::pair<std::string, int>;
  struct Fate {
    bool good = false, retryable = true;
    int value = 0;
  };

  Time now() { return at(++clock_); }

  static std::vector<const Node*> sorted(const State& state) {
    std::vector<const Node*> nodes;
    for (const auto& node : state.nodes()) nodes.push_back(node.get());
    std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->path < b->path; });
    return nodes;
  }

  static std::string picture(const State& state) {
    std::string text;
    for (const auto& node : state.nodes()) {
      text += fmt::format("{} {} {}-{} {} {} {}\n", node->path, static_cast<int>(node->state), node->attempt,
                          node->spent_before, node->error, to_json(node->parameters), to_json(node->output_parameters));
    }
    return text;
  }

  // By its place, its count within what the retry policies count, and the run's own retries.
  Fate fate(const Node& node) const {
    std::string who = fmt::format("{} {}", run_retries_, node.path);
    for (const Node* its = &node; its->parent != nullptr; its = its->parent) {
      if (!its->iteration) who += fmt::format(" {}", its->attempt - its->spent_before);
    }
    const std::uint32_t number = fate_of(seed_, who);
    return {number % 6 != 0, number % 12 != 6, static_cast<int>(fate_of(seed_, node.path + "=") % 10)};
  }

  // --- events: learnt, stored in batches, then performed ---

  void learn(Event event) { inbox_.push_back(std::move(event)); }

  // A batch is stored whole or not at all; what follows from it is performed afterwards.
  void store_batch() {
    const std::size_t count = trouble_.any ? 1 + random_() % std::min<std::size_t>(inbox_.size(), 5) : 1;
    std::vector<Event> batch(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(count));
    inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(count));
    std::vector<Command> commands;
    for (const Event& event : batch) {
      if (event.kind == Event::Kind::retry) remember_loops();
      for (Command& command : state_->advance(event)) commands.push_back(std::move(command));
    }
    if (dies_here()) return die();  // advanced in memory, not stored
    for (const Event& event : batch) {
      if (event.kind == Event::Kind::retry) ++run_retries_, end_reported_ = false;
      keep(event);
    }
    for (const Command& command : commands) {
      if (command.kind == Command::Kind::launch) {
        EXPECT_TRUE(commanded_.insert({command.path, command.attempt}).second)
            << command.path << " attempt " << command.attempt << " was commanded twice";
      }
    }
    pending_.insert(pending_.end(), commands.begin(), commands.end());
    if (dies_here()) die();  // stored, nothing performed
  }

  void keep(const Event& event) {
    std::string text;
    append_event(text, event);
    events_.push_back(event_from_value(*parse_json(text)));
  }

  bool dies_here() { return trouble_.any && deaths_ < 6 && random_() % 40 == 0; }

  void perform(const Command& command) {
    const Attempt attempt{command.path, command.attempt};
    switch (command.kind) {
      case Command::Kind::launch: {
        // The launcher knows every key that it has launched, so a launch that is commanded again is none.
        if (!launched_.insert(attempt).second) break;
        const Node& node = *state_->find(command.path);
        check_its_place(node);
        const Fate what = fate(node);
        fates_[attempt] = what;
        if (node.task->cached && what.good && node.attempt - node.spent_before == 1) {
          ended_[attempt] = what;  // an earlier task's outputs: nothing runs
          finish(attempt, true);
          break;
        }
        alive_.insert(attempt);
        if (dies_here()) return die();  // launched, and nobody noted it
        if (random_() % 4 != 0)
          learn({Event::Kind::launched, now(), command.path, command.attempt, false, "", true, {}, {}});
        break;
      }
      case Command::Kind::stop:
        if (!ended_.contains(attempt)) stopped_.insert(attempt);
        break;
      case Command::Kind::timer:
        timers_.insert(command.path);
        break;
      case Command::Kind::finish_run:
        EXPECT_TRUE(state_->finished());
        EXPECT_EQ(command.succeeded, state_->root().state == NodeState::succeeded);
        end_reported_ = true;
        break;
    }
  }

  void check_its_place(const Node& node) {
    for (const std::string& upstream : node.task->upstream)
      EXPECT_TRUE(is_final(node.parent->child(upstream)->state)) << node.path << " before " << upstream;
    for (const Node* above = node.parent; above != nullptr; above = above->parent) {
      EXPECT_EQ(above->state, NodeState::running) << node.path << " runs in " << above->path << ", which does not";
      if (!above->is_loop() || above->task->iterator->limit == 0) continue;
      const auto open = std::count_if(above->iterations.begin(), above->iterations.end(),
                                      [](const Node* iteration) { return iteration->state == NodeState::running; });
      EXPECT_LE(static_cast<std::size_t>(open), above->task->iterator->limit) << above->path;
    }
  }

  std::size_t choose(std::size_t size) { return trouble_.any ? random_() % size : 0; }

  // One thing happens. False: nothing is left to happen.
  bool act() {
    enum { store, command, timer, end };
    std::vector<int> possible;
    if (!inbox_.empty()) possible.push_back(store);
    if (!pending_.empty()) possible.push_back(command);
    if (!timers_.empty()) possible.push_back(timer);
    if (!alive_.empty()) possible.push_back(end);
    if (possible.empty()) return false;
    if (trouble_.any && !ended_.empty() && random_() % 30 == 0)  // reported again, much later
      finish(std::next(ended_.begin(), static_cast<std::ptrdiff_t>(choose(ended_.size())))->first);
    switch (possible[choose(possible.size())]) {
      case store:
        store_batch();
        break;
      case command: {
        const auto which = static_cast<std::ptrdiff_t>(choose(pending_.size()));
        const Command next = pending_[static_cast<std::size_t>(which)];
        pending_.erase(pending_.begin() + which);
        perform(next);
        break;
      }
      case timer: {
        const std::string path = *timers_.begin();
        timers_.erase(timers_.begin());
        learn({Event::Kind::timer, now(), path, 0, false, "", true, {}, {}});
        break;
      }
      default: {
        const auto found = std::next(alive_.begin(), static_cast<std::ptrdiff_t>(choose(alive_.size())));
        const Attempt attempt = *found;
        alive_.erase(found);
        Fate what = fates_.at(attempt);
        if (stopped_.contains(attempt)) what.good = false;
        ended_[attempt] = what;
        finish(attempt);
        if (trouble_.any && random_() % 10 == 0) finish(attempt);  // reported twice
      }
    }
    return true;
  }

  void finish(const Attempt& attempt, bool cached = false) {
    const Fate& what = ended_.at(attempt);
    Event event{Event::Kind::finished,
                now(),
                attempt.first,
                attempt.second,
                what.good,
                what.good ? "" : "boom",
                what.retryable,
                what.good ? Value::object({{"out", what.value}}) : Value(),
                {}};
    event.cached = cached;
    learn(event);
  }

  // A run that failed is retried.
  bool begin_again() {
    if (!state_->finished() || state_->root().state == NodeState::succeeded) return false;
    if (run_retries_ >= static_cast<int>(fate_of(seed_, "retries") % (kMaxRunRetries + 1))) return false;
    EXPECT_TRUE(end_reported_) << "the run had ended and it was not reported";
    learn({Event::Kind::retry, now(), "", 0, false, "", true, {}, {}});
    return true;
  }

  void remember_loops() {
    for (const auto& node : state_->nodes())
      loop_failed_before_retry_ = loop_failed_before_retry_ || (node->is_loop() && node->state == NodeState::failed);
  }

  std::unique_ptr<State> replay() const {
    auto state = std::make_unique<State>(spec_, Value::object());
    for (const Event& event : events_) state->advance(event);
    return state;
  }

  void die() {
    ++deaths_;
    pending_.clear();
    timers_.clear();
    inbox_.clear();
    state_ = replay();
    if (deaths_ == 1) {
      ASSERT_EQ(picture(*replay()), picture(*state_)) << "a replay is not the same twice";
    }
    if (events_.empty()) {  // the run was not stored: whoever asked for it asks again
      learn({Event::Kind::created, now(), "", 0, false, "", true, {}, {}, false, "boot-0"});
      return;
    }
    if (trouble_.reboots && random_() % 3 == 0) reboot();
    recover();
  }

  void reboot() {
    for (const Attempt& attempt : alive_) ended_[attempt] = {false, true, 0};
    alive_.clear();
    const Event event{Event::Kind::rebooted,          now(), "", 0, false, "", true, {}, {}, false,
                      fmt::format("boot-{}", deaths_)};
    state_->advance(event);
    keep(event);
  }

  // As the shell does it: what the state says is outstanding.
  void recover() {
    for (const Node* node : state_->outstanding()) {
      const Attempt attempt{node->path, node->attempt};
      if (node->state == NodeState::backing_off) {
        timers_.insert(node->path);
      } else if (ended_.contains(attempt)) {
        finish(attempt);
      } else if (!launched_.contains(attempt)) {
        pending_.push_back({Command::Kind::launch, node->path, node->attempt, {}, false, ""});
        if (!state_->may_launch(*node))
          pending_.push_back({Command::Kind::stop, node->path, node->attempt, {}, false, ""});
      } else if (!state_->may_launch(*node)) {
        pending_.push_back({Command::Kind::stop, node->path, node->attempt, {}, false, ""});
      }
    }
    if (state_->finished()) {
      const bool good = state_->root().state == NodeState::succeeded;
      pending_.push_back({Command::Kind::finish_run, "root", 0, {}, good, state_->root().error});
    }
  }

  void check_the_end() {
    EXPECT_TRUE(end_reported_) << "the run had ended and it was not reported";
    EXPECT_TRUE(alive_.empty()) << "a task is still running after the run's end";
    for (const Node* node : sorted(*state_)) {
      EXPECT_TRUE(is_final(node->state)) << node->path;
      if (node->component->dag || node->state != NodeState::succeeded) continue;
      const auto result = ended_.find({node->path, node->attempt});
      ASSERT_NE(result, ended_.end()) << node->path << " succeeded without having run";
      EXPECT_TRUE(result->second.good) << node->path;
      EXPECT_EQ(node->output_parameters["out"].int_or(-1), result->second.value) << node->path << " lost its result";
    }
    if (trouble_.terminate) return;
    for (const Node* node : sorted(*state_)) {
      // An exit task runs whatever its group came to, and gets its status.
      if (node->task == nullptr || !node->task->name.starts_with("after-") || !is_running_parent(*node)) continue;
      EXPECT_TRUE(node->state == NodeState::succeeded || node->state == NodeState::failed) << node->path;
      const Node& group = *node->parent->child(node->task->upstream.front());
      EXPECT_EQ(node->parameters["status"]["state"].string_or(), group.state == NodeState::succeeded ? "COMPLETE"
                                                                 : group.state == NodeState::failed  ? "FAILED"
                                                                                                     : "CANCELED")
          << node->path;
    }
  }

  static bool is_running_parent(const Node& node) {
    return node.parent->state == NodeState::succeeded || node.parent->state == NodeState::failed;
  }

  const PipelineSpec& spec_;
  const std::uint32_t seed_;
  std::mt19937 random_;
  const Trouble trouble_;
  std::int64_t clock_ = 0;
  std::unique_ptr<State> state_;
  std::vector<Event> events_;  // as they come back from their row
  std::vector<Event> inbox_;
  std::vector<Command> pending_;
  std::set<std::string> timers_;
  std::set<Attempt> commanded_, launched_, alive_, stopped_;
  std::map<Attempt, Fate> fates_, ended_;
  int run_retries_ = 0, deaths_ = 0;
  bool end_reported_ = false, loop_failed_before_retry_ = false;
};

struct Totals {
  std::int64_t compared = 0, deaths = 0;
};

void run_round(std::uint32_t seed, Totals& totals) {
  std::mt19937 random(seed);
  const Graph graph(random);
  const Trouble trouble{true, random() % 4 == 0, random() % 4 == 0};
  World quiet(graph.spec, seed, {});
  quiet.run();
  if (testing::Test::HasFailure()) return;
  World world(graph.spec, seed, trouble);
  world.run();
  if (testing::Test::HasFailure()) return;
  totals.deaths += world.deaths();
  if (trouble.reboots || trouble.terminate || !quiet.comparable() || !world.comparable()) return;
  ++totals.compared;
  EXPECT_EQ(quiet.outcome(), world.outcome());
}

TEST(Simulation, LosesNothingWhateverHappens) {
  Totals totals;
  const int rounds = SimulatedRounds().run([&](std::uint32_t seed) { run_round(seed, totals); });
  fmt::print("{} schedules, {} deaths, {} compared with the quiet run\n", rounds, totals.deaths, totals.compared);
}

}  // namespace
}  // namespace millrace::pipelines::engine
