#pragma once
// Only for tests: a server that lives and dies, the programs that it has started, its clients, and the time. One thing
// happens after another, in an order drawn from the seed.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "sagemaker/simulation/chaos.h"
#include "sagemaker/simulation/ground.h"
#include "sagemaker/simulation/parts.h"
#include "sagemaker/simulation/programs.h"
#include "sagemaker/simulation/server_for_tests.h"

namespace millrace::sagemaker::simulation {

class World {
  Ground& ground_;  // first: the others are made of it

 public:
  static constexpr int kMostSteps = 60'000;

  World(Ground& ground, std::uint32_t seed)
      : ground_(ground),
        chaos(seed),
        database_(*ground.database, chaos),
        s3_(objects, chaos),
        logs_(chaos),
        backend_(
            programs_run, chaos, [this](const work::Workload& workload) { begun(workload); },
            [this](const std::string& key, Millis grace) { stopped(key, grace); }),
        ends_(programs_run.on_end(
            "", [this](const std::string& key, const work::WorkStatus& status) { ended(key, status); })) {
    ground.clear();
    programs_run.have_image("registry/own:1");
    programs_run.confined = true;
    objects["data/train/points.csv"] = "1,1\n2,2\n";
    objects["data/model.tar.gz"] = ground.archive;
    chaos.others = [this] { (void)give_turn(); };
  }

  Chaos chaos;
  Objects objects;
  work::FakeBackend programs_run{&ground_clock()};
  std::map<std::string, Program> programs;  // by key, all that ever began
  std::set<std::string> twice;              // keys that were started again

  int steps() const { return steps_; }
  bool are_answered() const { return answers_ + given_up_ == asked_; }
  Time now() { return ground_.clock.now(); }
  Server& server() { return *server_; }
  Store& store() { return server_->store(); }
  const std::filesystem::path& directory() const { return ground_.options.directory; }
  void at(Time due, std::function<void()> what) { happenings_.emplace(due, std::move(what)); }
  void after(Millis delay, std::function<void()> what) { at(now() + delay, std::move(what)); }

  // One statement of what the server does in `what` may fail.
  template <class What>
  auto disturbed(const What& what) {
    if (!chaos.any || chaos.is_nested() || !chaos.one_in(15)) return what();
    const db::FailingDatabase::Nth failing(1 + chaos.draw(10));
    return what();
  }

  // Lets things happen until `settled` says that there is nothing more to come. False: they do not end.
  bool run(const std::function<bool()>& settled, const std::function<void()>& look) {
    for (int step = 0; step < kMostSteps; ++step) {
      ++steps_;
      try {
        if (!server_) boot();
        if (step % 32 == 0) look();
        if (act()) continue;
        if (settled()) return true;
        if (!advance()) return settled();
      } catch (const Died&) {
        die();
      }
      if (::testing::Test::HasFailure()) return true;
    }
    return false;
  }

  void invoke(const std::string& endpoint, const std::string& variant) {
    ++asked_;
    const auto answered = std::make_shared<bool>(false);
    under_way_.push_back(answered);
    server_->invoke({endpoint, variant, "text/csv", "", "", "1,1\n"}, [this, answered](const auto&) {
      EXPECT_FALSE(*answered) << "an invocation was answered twice";
      *answered = true;
      ++answers_;
    });
  }

 private:
  const FakeClock& ground_clock() const { return ground_.clock; }

  void boot() {
    const int life = ++life_;
    server_ = std::make_unique<Server>(
        Server::Needs{database_, ground_.clock, *ground_.iam, s3_, logs_, backend_, *ground_.gateway, ground_.options,
                      [this, life](net::AsyncRequest request, net::AsyncClient::Done done) {
                        send(life, std::move(request), std::move(done));
                      }});
    if (const auto resumed = server_->resume(); !resumed) die();
  }

  void die() {
    server_.reset();
    for (const auto& answered : under_way_) given_up_ += !*answered;
    under_way_.clear();
    if (chaos.one_in(2)) ground_.clock.advance(Millis(chaos.draw(20'000)));
    if (chaos.one_in(4)) {  // the whole machine
      for (const auto& key : programs_run.running()) programs_run.lose(key);
    }
  }

  bool give_turn() {
    std::vector<std::pair<KeyedQueue*, std::string>> turns;
    for (KeyedQueue* queue : server_->queues()) {
      for (auto& key : queue->waiting()) turns.emplace_back(queue, std::move(key));
    }
    if (turns.empty()) return false;
    const auto& turn = turns[chaos.draw(static_cast<std::uint32_t>(turns.size()))];
    disturbed([&] { return turn.first->run(turn.second); });
    return true;
  }

  // One thing that is possible now happens. False: nothing is.
  bool act() {
    const bool has_due = !happenings_.empty() && happenings_.begin()->first <= now();
    const auto next = server_->timers().next();
    const bool has_timer = next && *next <= now();
    switch (chaos.draw(4)) {
      case 0:
        if (has_due) return happen();
        break;
      case 1:
        if (has_timer) return server_->timers().run_due() > 0;
        break;
      default:
        if (give_turn()) return true;
    }
    if (give_turn()) return true;
    if (has_due) return happen();
    return has_timer && server_->timers().run_due() > 0;
  }

  bool happen() {
    std::vector<decltype(happenings_)::iterator> due;
    for (auto it = happenings_.begin(); it != happenings_.end() && it->first <= now(); ++it) due.push_back(it);
    const auto chosen = due[chaos.draw(static_cast<std::uint32_t>(due.size()))];
    const auto what = std::move(chosen->second);
    happenings_.erase(chosen);
    what();
    return true;
  }

  bool advance() {
    auto next = server_->timers().next();
    if (!happenings_.empty()) next = next ? std::min(*next, happenings_.begin()->first) : happenings_.begin()->first;
    if (!next) return false;
    if (*next > now()) ground_.clock.set(*next);
    return true;
  }

  // --- programs ---

  void begun(const work::Workload& workload) {
    const std::string key = workload.key;
    if (programs.contains(key)) twice.insert(key);
    const Program program = make_program(chaos.seed(), workload, now());
    programs.insert_or_assign(key, program);
    at(program.ends, [this, key] { end(key, false); });
    if (program.is_server) {
      after(Millis(fate_of(chaos.seed(), key) % 500), [path = workload.working_directory / "s"] {
        if (std::filesystem::exists(path.parent_path())) make_socket_file(path);
      });
    }
  }

  void end(const std::string& key, bool by_force) {
    const Program& program = programs.at(key);
    const auto status = programs_run.status(key);
    if (!status || !*status || (*status)->is_over()) return;
    if (!program.is_server) leave_files(chaos.seed(), program);
    end_program(programs_run, program, by_force);
  }

  void stopped(const std::string& key, Millis grace) {
    const auto found = programs.find(key);
    if (found == programs.end()) return;
    found->second.was_stopped = true;
    if (grace.count() == 0 || found->second.ignores_stop) return after(grace, [this, key] { end(key, true); });
    after(std::min(grace, Millis(fate_of(chaos.seed(), key) % 3'000)), [this, key] { end(key, false); });
  }

  // Its end is reported: late, and perhaps twice.
  void ended(const std::string& key, const work::WorkStatus& status) {
    const auto report = [this, key, status] { backend_.report(key, status); };
    after(Millis(chaos.one_in(3) ? chaos.draw(5'000) : 0), report);
    if (chaos.one_in(6)) after(Millis(chaos.draw(20'000)), report);
  }

  // --- exchanges with model servers ---

  const Program* listener(const std::string& socket) {
    std::error_code error;
    const auto directory = std::filesystem::read_symlink(socket, error).parent_path();
    for (const auto& [key, program] : programs) {
      if (!program.is_server || program.workload.working_directory != directory) continue;
      const auto status = programs_run.status(key);
      if (status && *status && !(*status)->is_over()) return &program;
    }
    return nullptr;
  }

  void send(int life, net::AsyncRequest request, net::AsyncClient::Done done) {
    const Program* program = listener(request.unix_socket);
    const auto status = program == nullptr ? Result<std::optional<work::WorkStatus>>(std::nullopt)
                                           : programs_run.status(program->workload.key);
    Millis delay(chaos.draw(20));
    Result<net::ClientResponse> answer = fail(Code::unavailable, "nobody listens", "ConnectionRefused");
    if (status && *status && !(*status)->is_over()) {
      const bool is_ping = request.target == "/ping";
      if (now() < program->answers && !is_bad_deployment(chaos.seed(), program->workload.key)) {
        answer = respond(503);
      } else if (now() < program->answers || now() >= program->silent) {
        delay = request.timeout;
        answer = fail(Code::deadline_exceeded, "no answer");
      } else {
        answer = respond(200);
        if (!is_ping) delay = Millis(chaos.draw(3'000));
      }
    }
    after(delay, [this, life, done = std::move(done), answer = std::move(answer)] {
      if (life == life_ && server_) done(answer);
    });
  }
  static net::ClientResponse respond(int status) {
    net::ClientResponse response;
    response.status = status;
    return response;
  }

  MortalDatabase database_;
  SimulatedS3 s3_;
  SimulatedLogs logs_;
  UnreliableBackend backend_;
  std::multimap<Time, std::function<void()>> happenings_;
  std::vector<std::shared_ptr<bool>> under_way_;  // shared with who answers
  int life_ = 0, steps_ = 0;
  int answers_ = 0, asked_ = 0, given_up_ = 0;  // invocations; given_up_: their server died
  work::Subscription ends_;
  std::unique_ptr<Server> server_;  // last
};

}  // namespace millrace::sagemaker::simulation
