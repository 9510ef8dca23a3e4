#pragma once
// A run under way: its engine's state, and the rows that follow from it.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/timers.h"
#include "db/database.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/process.h"
#include "pipelines/runner/cache.h"
#include "pipelines/runner/records.h"
#include "pipelines/runner/slots.h"
#include "pipelines/runner/task_rows.h"

namespace millrace::pipelines::runner {

// Used by one thread at a time.
class ActiveRun {
 public:
  static std::shared_ptr<ActiveRun> make(RunRecord record, std::unique_ptr<PipelineSpec> spec);
  // Of a stored pipeline. Errors: it cannot be read any more.
  static Result<std::shared_ptr<ActiveRun>> load(RunRecord record, const Value& spec);

  // Repeats a stored event: nothing is written or commanded.
  void replay(const engine::Event& event);
  // After the last replay(): the rows may be behind the events, and are all to be written again.
  void replayed();
  // Lets an event happen. What has to be stored gathers until store(); its commands may be performed after that.
  // `can_wait`: nobody need hear of it at once, and what it says would be found out again.
  void advance(engine::Event event, bool can_wait = false);
  // What the event just advanced adds to the cache.
  void remember(CacheEntry entry, Time at) { cached_.emplace_back(std::move(entry), at); }
  bool has_unstored() const { return !events_.empty() || !dirty_.empty() || record_changed_; }
  bool must_store() const { return urgent_; }

  // One transaction's part of what has gathered: the events first, then rows of tasks, the run's end last. May be
  // called again when it failed; stored() makes room for the next part.
  Status store(db::Connection& connection);
  void stored();
  // The same for a run that has no row yet.
  Status store_new(db::Connection& connection, const Value& spec);
  // What could wait has waited long enough.
  void hurry() { urgent_ = has_unstored(); }
  // What is to be performed when all is stored.
  const std::vector<engine::Command>& commands() const { return commands_; }
  // One that follows from what has happened so far, some of which may not be stored yet.
  void command(engine::Command command) { commands_.push_back(std::move(command)); }
  // The commands of what is stored, once.
  std::vector<engine::Command> take_commands() { return std::exchange(commands_, {}); }

  // What an attempt has while it is launching or running. advance() drops it with the attempt's end, whatever that is,
  // and so everything in it is given back.
  struct Attempt {
    int number = 0;
    Slots::Lease slot;
    bool in_flight = false;    // its launch was asked for and is not answered
    bool is_stopping = false;  // a stop was asked for; `lost` will end it, should nobody hear of its end
    Timers::Timer deadline, lost;
    std::string surroundings;  // executors::surroundings_digest() when the task started
  };
  Attempt& attempt_of(const engine::Node& node);  // made if need be; not for longer than until the next advance()
  // What is to be launched once its cause is stored, by path. Dropped as attempts are.
  struct Prepared {
    work::Workload spec;
    std::optional<work::PythonBuild> build;  // is to be made first, and the attempt prepared again
  };
  std::map<std::string, Result<Prepared>> prepared;
  std::map<std::string, Time> python_servers;  // launch keys of those that run, and when they were started
  std::set<std::string> python_server_failed;  // those that could not serve
  std::set<std::string> python_environments;   // that its tasks asked for
  std::string python_taken;                    // the key of the one that was ready; empty: none
  // Called once, in the run's turn: when what has gathered is stored; when the run has ended and that is stored.
  std::vector<std::function<void()>> when_stored, when_ended;
  bool is_recovering = false;     // it is not known yet which of its attempts were started before a restart
  bool store_is_due = false;      // store_timer will see to what can wait
  bool store_is_delayed = false;  // the database could not be written: nothing is, until store_timer
  Timers::Timer store_timer, deadline, recovery;
  std::map<std::string, Timers::Timer> retries;  // of nodes that back off, by path
  // When its end is stored: nothing of it is to come any more.
  void end();

  const engine::State& state() const { return *state_; }
  const RunRecord& record() const { return record_; }
  Time begun() const { return begun_; }  // when it was created, or last retried: its deadline counts from then
  const executors::RunContext& context() const { return context_; }
  const PipelineSpec& spec() const { return *spec_; }
  // The attempt is launching or running: its end is still to be reported.
  const engine::Node* open_attempt(std::string_view path, int attempt) const;

 private:
  ActiveRun(RunRecord record, std::unique_ptr<PipelineSpec> spec);
  void note_beginning(const engine::Event& event);
  void follow(const engine::Event& event);
  void enter(std::string_view state, Time at);
  std::size_t rows_now() const;
  void changed(const engine::Node& node);
  void drop_attempt(const engine::Node& node);
  Result<std::int64_t> put_row(db::Connection& connection, const engine::Node& node);

  RunRecord record_;
  executors::RunContext context_;
  std::unique_ptr<PipelineSpec> spec_;
  std::unique_ptr<engine::State> state_;
  std::int64_t events_stored_ = 0;
  std::vector<engine::Event> events_;
  std::vector<std::pair<CacheEntry, Time>> cached_;
  // Of a node, by its number.
  struct Row {
    std::int64_t position = 0;              // see TaskRow
    std::optional<std::uint32_t> pod = {};  // its pod's number
    bool dirty = false;                     // waits in dirty_
  };
  std::vector<Row> rows_;
  std::deque<const engine::Node*> dirty_;  // in the order of their first change; each once
  std::vector<std::int64_t> put_;          // positions of what store() wrote, which is nothing until stored()
  std::vector<engine::Command> commands_;
  std::map<std::string, Attempt> attempts_;  // by path
  bool record_changed_ = false, urgent_ = false;
  Time begun_{}, last_replayed_{};
};

}  // namespace millrace::pipelines::runner
