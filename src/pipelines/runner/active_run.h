#pragma once
// A run under way: its engine's state, and the rows that follow from it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "db/database.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/process.h"
#include "pipelines/runner/cache.h"
#include "pipelines/runner/records.h"

namespace millrace::pipelines::runner {

// Used by one thread at a time.
class ActiveRun {
 public:
  // Errors: the pipeline cannot be read any more.
  static Result<std::shared_ptr<ActiveRun>> make(RunRecord record, const Value& spec);

  // Takes up a stored event: nothing is written or commanded.
  void replay(const engine::Event& event);
  // Lets an event happen. What has to be stored is then in store(); the commands may be performed after that.
  std::vector<engine::Command> advance(const engine::Event& event);
  // What the event about to be stored adds to the cache.
  void remember(CacheEntry entry) { cache_entry_ = std::move(entry); }
  // The last advance()'s event and all that it changed. May be called again when it failed.
  Status store(db::Connection& connection, bool is_new, const Value& spec) const;

  const engine::State& state() const { return *state_; }
  const RunRecord& record() const { return record_; }
  const executors::RunContext& context() const { return context_; }
  const PipelineSpec& spec() const { return *spec_; }
  // The attempt is launching or running: its end is still to be told.
  const engine::Node* open_attempt(std::string_view path, int attempt) const;

 private:
  ActiveRun(RunRecord record, std::unique_ptr<PipelineSpec> spec);
  void follow(const engine::Event& event);
  TaskView view_of(const engine::Node& node) const;

  RunRecord record_;
  executors::RunContext context_;
  std::unique_ptr<PipelineSpec> spec_;
  std::unique_ptr<engine::State> state_;
  engine::Event last_;
  std::int64_t events_ = 0;
  std::optional<CacheEntry> cache_entry_;
};

}  // namespace millrace::pipelines::runner
