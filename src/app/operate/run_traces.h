#pragma once
// Runs as traces of OpenTelemetry, sent when they have ended: a span for the run, one for each task that began. OTLP
// over HTTP with JSON (opentelemetry.io, "OpenTelemetry Protocol" 1.x: POST /v1/traces). Off unless a collector is
// named.

#include <cstddef>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/value.h"
#include "net/client.h"
#include "pipelines/pipelines.h"
#include "pipelines/views.h"

namespace millrace::app {

// The requests' bodies (ExportTraceServiceRequest), each with at most `most` spans; none for a run that has not ended.
// The trace's id is the run's own, without its dashes. Pure.
std::vector<Value> traces_of(const pipelines::RunView& run, std::size_t most);

// "http://localhost:4318" → the address that traces are sent to. Error: one sentence with an example.
Result<std::string> traces_url(std::string_view endpoint);

// One thread, which waits for the collector. What cannot be sent is dropped, with a line in the log.
class RunTraces {
 public:
  static constexpr std::size_t kSpans = 500;           // of a request
  static constexpr std::size_t kMostWaiting = 10'000;  // runs; more are dropped
  static constexpr std::chrono::milliseconds kPause{1'000}, kAnswerLimit{2'000};

  RunTraces(pipelines::Pipelines& pipelines, std::string url);
  ~RunTraces();
  // Sends what has ended, for at most kAnswerLimit a run and twice that in all, and joins. Idempotent.
  void stop();
  RunTraces(const RunTraces&) = delete;
  RunTraces& operator=(const RunTraces&) = delete;

 private:
  void changed(const std::string& run_id);
  void run();
  bool wait(std::set<std::string>& runs);
  Status send(const std::string& run_id);

  pipelines::Pipelines& pipelines_;
  const std::string url_;
  net::Client client_;
  Mutex mutex_;
  CondVar woken_;
  std::set<std::string> changed_ MR_GUARDED_BY(mutex_);
  bool stopping_ MR_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace millrace::app
