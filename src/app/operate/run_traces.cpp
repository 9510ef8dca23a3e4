#include "app/operate/run_traces.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "app/commands.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/thread_name.h"

namespace millrace::app {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kSpanId = 16, kTraceId = 32;  // hexadecimal digits
constexpr std::string_view kRoot = "root";          // the run's own path
constexpr int kOk = 1, kError = 2, kInternal = 1;   // Status.StatusCode, Span.SpanKind

std::string span_id(const std::string& run_id, std::string_view path) {
  return sha256_hex(fmt::format("{}/{}", run_id, path)).substr(0, kSpanId);
}

std::string trace_id(const std::string& run_id) {
  const std::string id = replace_all(run_id, "-", "");
  return id.size() == kTraceId ? id : sha256_hex(run_id).substr(0, kTraceId);
}

// 64-bit numbers are text in OTLP's JSON.
std::string nanoseconds(Time at) { return fmt::format("{}000000", to_epoch_ms(at)); }

Value attribute(std::string_view key, const std::string& text) {
  return Value::object({{"key", key}, {"value", Value::object({{"stringValue", text}})}});
}
Value attribute(std::string_view key, std::int64_t number) {
  return Value::object({{"key", key}, {"value", Value::object({{"intValue", std::to_string(number)}})}});
}

Value status(bool failed, const std::string& error) {
  return failed ? Value::object({{"code", kError}, {"message", error}}) : Value::object({{"code", kOk}});
}

Value span(const pipelines::RunView& run, std::string_view path, const std::string& name, Time start, Time end) {
  return Value::object({{"traceId", trace_id(run.id)},
                        {"spanId", span_id(run.id, path)},
                        {"name", name},
                        {"kind", kInternal},
                        {"startTimeUnixNano", nanoseconds(start)},
                        {"endTimeUnixNano", nanoseconds(end)}});
}

Value span_of_run(const pipelines::RunView& run) {
  Value out = span(run, kRoot, run.display_name, run.created, *run.finished);
  Value attributes = Value::array();
  attributes.push(attribute("millrace.run.id", run.id));
  attributes.push(attribute("millrace.pipeline.name", run.pipeline_name));
  attributes.push(attribute("millrace.state", run.state));
  out.set("attributes", std::move(attributes));
  out.set("status", status(run.state != "SUCCEEDED", run.error));
  return out;
}

Value span_of_task(const pipelines::RunView& run, const pipelines::TaskView& task) {
  Value out = span(run, task.id, task.display_name, *task.started, *task.ended);
  out.set("parentSpanId", span_id(run.id, task.parent_id.empty() ? kRoot : std::string_view(task.parent_id)));
  Value attributes = Value::array();
  attributes.push(attribute("millrace.task.path", task.id));
  attributes.push(attribute("millrace.state", task.state));
  if (!task.is_dag) attributes.push(attribute("millrace.task.attempt", task.attempt));
  if (task.exit_code) attributes.push(attribute("process.exit.code", *task.exit_code));
  out.set("attributes", std::move(attributes));
  out.set("status", status(task.state == "FAILED" || task.state == "CANCELED", task.error));
  return out;
}

Value request_of(Value spans) {
  Value resource = Value::array(), scopes = Value::array(), out = Value::array();
  resource.push(attribute("service.name", std::string("millrace")));
  resource.push(attribute("service.version", std::string(kVersion)));
  scopes.push(Value::object({{"scope", Value::object({{"name", "millrace.pipelines"}})}, {"spans", std::move(spans)}}));
  out.push(Value::object(
      {{"resource", Value::object({{"attributes", std::move(resource)}})}, {"scopeSpans", std::move(scopes)}}));
  return Value::object({{"resourceSpans", std::move(out)}});
}

}  // namespace

std::vector<Value> traces_of(const pipelines::RunView& run, std::size_t most) {
  std::vector<Value> requests;
  if (!run.finished) return requests;
  Value spans = Value::array();
  spans.push(span_of_run(run));
  for (const pipelines::TaskView& task : run.tasks) {
    if (task.id == kRoot || !task.started || !task.ended) continue;
    if (spans.size() >= most) requests.push_back(request_of(std::exchange(spans, Value::array())));
    spans.push(span_of_task(run, task));
  }
  requests.push_back(request_of(std::move(spans)));
  return requests;
}

Result<std::string> traces_url(std::string_view endpoint) {
  const std::size_t host = endpoint.starts_with("http://") ? 7 : endpoint.starts_with("https://") ? 8 : 0;
  if (host == 0 || host >= endpoint.size() || endpoint.find_first_of(" ?#", host) != std::string_view::npos)
    return fail(
        Code::invalid_argument,
        fmt::format("--otlp-endpoint {} is no address of a collector, such as http://localhost:4318", endpoint));
  while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  return fmt::format("{}/v1/traces", endpoint);
}

RunTraces::RunTraces(pipelines::Pipelines& pipelines, std::string url)
    : pipelines_(pipelines), url_(std::move(url)), thread_([this] { run(); }) {
  pipelines_.on_change([this](const std::string& run_id) { changed(run_id); });
}

RunTraces::~RunTraces() { stop(); }

void RunTraces::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// On the runs' threads, at each change: whether one has ended is looked at later, once for many.
void RunTraces::changed(const std::string& run_id) {
  const MutexLock lock(mutex_);
  if (stopping_ || changed_.size() >= kMostWaiting) return;
  if (changed_.insert(run_id).second && changed_.size() == 1) woken_.notify_all();
}

// false: the server stops, and these are the last.
bool RunTraces::wait(std::set<std::string>& runs) {
  MutexLock lock(mutex_);
  while (!stopping_ && changed_.empty()) woken_.wait(mutex_);
  const auto until = Steady::now() + kPause;
  while (!stopping_ && Steady::now() < until) woken_.wait_until(mutex_, until);
  runs = std::exchange(changed_, {});
  return !stopping_;
}

void RunTraces::run() {
  name_thread("run-traces");
  std::set<std::string> runs;
  for (bool goes_on = true; goes_on;) {
    goes_on = wait(runs);
    const auto until = Steady::now() + 2 * kAnswerLimit;
    for (const std::string& run_id : runs) {
      if (!goes_on && Steady::now() >= until) return;
      if (const Status sent = send(run_id); !sent)
        log::warn("the trace of run {} is not sent to {}: {}", run_id, url_, sent.error().message);
    }
  }
}

Status RunTraces::send(const std::string& run_id) {
  const auto run = pipelines_.run(run_id);
  if (!run) return run.error().code == Code::not_found ? Status() : fail(run.error());
  for (const Value& body : traces_of(*run, kSpans)) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = url_;
    request.headers.set("content-type", "application/json");
    request.body = to_json(body);
    request.connect_timeout = request.timeout = kAnswerLimit;
    const net::ClientResponse answer = MR_TRY(client_.send(request));
    if (answer.status / 100 != 2)
      return fail(Code::unavailable, fmt::format("the collector answered with status {}", answer.status));
  }
  return {};
}

}  // namespace millrace::app
