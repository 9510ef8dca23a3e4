// What an attempt comes to: its outputs, a success in the cache, or why it failed.

#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "pipelines/executors/failure.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/surroundings.h"
#include "pipelines/runner/attempts.h"
#include "pipelines/runner/cache.h"

namespace millrace::pipelines::runner {

using engine::Event;

bool Attempts::complete_without_process(const Run& run, const engine::Node& node, const Executor& executor) {
  const std::string path = node.path;
  const int attempt = node.attempt;
  if (auto outcome = executors::run_inline(options_, hooks_, run->context(), node, executor)) {
    if (*outcome)
      succeed(run, path, attempt, std::move(**outcome), false);
    else
      failed(run, path, attempt, outcome->error());
    return true;
  }
  const std::string fingerprint = fingerprint_before(run, node, executor);
  if (fingerprint.empty()) return false;
  std::optional<CacheEntry> cached;
  const Status looked = needs_.database.read([&](db::Connection& connection) -> Status {
    cached = MR_TRY(find_cached(connection, fingerprint));
    return {};
  });
  if (!looked) log::error("run {}: the cache cannot be read: {}", run->record().id, looked.error().message);
  if (!looked || !cached || !bytes_are_there(options_, hooks_, run->context(), *cached)) return false;
  succeed(run, path, attempt, std::move(cached->outputs), true);
  return true;
}

// Empty: the task is not to be cached.
std::string Attempts::fingerprint_before(const Run& run, const engine::Node& node, const Executor& executor) {
  if (!options_.caching || !node.task->cached) return {};
  auto surroundings = executors::surroundings_digest(options_, hooks_, run->context(), node, executor);
  if (!surroundings) {
    log::warn("run {}: {} is not cached: {}", run->record().id, node.path, surroundings.error().message);
    return {};
  }
  const std::string fingerprint = cache_fingerprint(options_, run->context(), node, executor, *surroundings);
  run->attempt_of(node).surroundings = std::move(*surroundings);
  return fingerprint;
}

// The same, when the task has ended. Of surroundings that changed meanwhile (an edited file, another Secret) nobody
// knows which ones left the outputs.
std::string Attempts::fingerprint_after(const Run& run, const engine::Node& node, const Executor& executor) {
  if (!options_.caching || !node.task->cached) return {};
  const auto surroundings = executors::surroundings_digest(options_, hooks_, run->context(), node, executor);
  if (!surroundings || *surroundings != run->attempt_of(node).surroundings) return {};
  return cache_fingerprint(options_, run->context(), node, executor, *surroundings);
}

void Attempts::succeed(const Run& run, const std::string& path, int attempt, executors::Outputs outputs, bool cached) {
  Event event = queue_.event(Event::Kind::finished, path, attempt);
  event.succeeded = true;
  event.cached = cached;
  event.output_parameters = std::move(outputs.parameters);
  event.output_artifacts = std::move(outputs.artifacts);
  run->advance(std::move(event));
}

void Attempts::failed(const Run& run, const std::string& path, int attempt, const Error& error) {
  if (run->open_attempt(path, attempt) == nullptr) return;
  Event event = queue_.event(Event::Kind::finished, path, attempt);
  event.error = error.message;
  event.retryable = error.code == Code::unavailable || error.code == Code::resource_exhausted;
  run->advance(std::move(event));
}

void Attempts::ended(const Run& run, const std::string& path, int attempt, const work::WorkStatus& status) {
  const engine::Node* node = run->open_attempt(path, attempt);
  if (node == nullptr) return;
  Event event = queue_.event(Event::Kind::finished, path, attempt);
  if (!run->state().may_launch(*node))
    event.error = "the run was terminated";  // whatever its exit code: what it left may be half of it
  else if (status.succeeded())
    take_outputs(run, *node, event);
  else
    take_failure(run, *node, status, event);
  if (!event.succeeded && run->state().may_launch(*node)) keep_left(run, *node, event);
  run->advance(std::move(event));
}

// Of one that ended well. The event says that it has failed where its outputs are not what they are to be.
void Attempts::take_outputs(const Run& run, const engine::Node& node, Event& event) {
  auto outputs = executors::collect(options_, run->context(), node);
  if (outputs) {
    Status kept = executors::check_stores(run->context().rights.get(), outputs->artifacts);
    if (kept) kept = executors::publish(options_, hooks_, run->context(), node, *outputs);
    if (!kept) outputs = fail(kept.error());
  }
  if (!outputs) {
    event.error = outputs.error().message;
    return;
  }
  event.succeeded = true;
  const std::string fingerprint = fingerprint_after(run, node, *run->state().executor_of(node));
  if (!fingerprint.empty()) {
    Value written = written_bytes(options_, run->context(), outputs->artifacts);
    run->remember({fingerprint, *outputs, std::move(written)}, event.at);
  }
  event.output_parameters = std::move(outputs->parameters);
  event.output_artifacts = std::move(outputs->artifacts);
}

void Attempts::take_failure(const Run& run, const engine::Node& node, const work::WorkStatus& status, Event& event) {
  if (status.state == work::WorkStatus::State::exited) event.exit_code = status.exit_code;
  const Executor* executor = run->state().executor_of(node);
  const Millis allowed(executor->deadline_seconds * 1'000);
  event.error = allowed > Millis(0) && node.attempt_started && event.at - *node.attempt_started >= allowed
                    ? fmt::format("the task was ended after its activeDeadlineSeconds, {}", executor->deadline_seconds)
                    : executors::describe_failure(options_, hooks_, run->context(), node, *executor, status);
}

// Of a task that failed: what it has left, so that somebody can look at it. Nothing else needs it.
void Attempts::keep_left(const Run& run, const engine::Node& node, Event& event) {
  executors::Outputs left = executors::collect_left(options_, run->context(), node);
  Status kept = executors::check_stores(run->context().rights.get(), left.artifacts);
  if (kept) kept = executors::publish(options_, hooks_, run->context(), node, left);
  if (!kept) log::warn("run {}: what {} left is not kept: {}", run->record().id, node.path, kept.error().message);
  event.output_parameters = std::move(left.parameters);
  if (kept) event.output_artifacts = std::move(left.artifacts);
}

}  // namespace millrace::pipelines::runner
