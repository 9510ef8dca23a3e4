// Numbers of a run that its list shows: reported over the API, or left by a task in an output named mlpipeline-metrics.
// Source: kubeflow/pipelines backend/api/v1beta1/run.proto (RunMetric), backend/src/agent/persistence/worker.

#include <cmath>
#include <map>
#include <set>

#include <fmt/core.h>

#include "base/json.h"
#include "db/dialect.h"
#include "pipelines/api/access.h"
#include "pipelines/api/v1beta1/operations.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

constexpr std::string_view kOutput = "mlpipeline-metrics";
constexpr std::size_t kMaxFile = 1u << 20;
constexpr std::size_t kMaxMetrics = 50;  // of one file, and of one report
constexpr std::size_t kMaxName = 191;

struct Metric {
  std::string name, node_id, format;
  double value = 0;
};

Value to_message(const Metric& metric) {
  Value message = Value::object({{"name", metric.name}, {"node_id", metric.node_id}});
  message.set("number_value", metric.value);
  return message.set("format", metric.format.empty() ? "UNSPECIFIED" : metric.format);
}

// What is wrong with it; empty: nothing.
std::string fault(const Metric& metric) {
  if (metric.name.empty() || metric.name.size() > kMaxName)
    return fmt::format("a metric has a name of 1 to {} bytes", kMaxName);
  if (metric.node_id.empty()) return "a metric names the node that it is of";
  if (!std::isfinite(metric.value)) return "a metric's value is a finite number";
  return {};
}

Metric read_metric(const Value& value, std::string_view number) {
  Metric metric{value["name"].string_or(), value["node_id"].string_or(), value["format"].string_or(), std::nan("")};
  metric.value = value[number].double_or(metric.value);
  return metric;
}

// What a task left, and the pod that it was.
struct Left {
  std::string pod, uri;
};

Result<std::vector<Left>> left_by_tasks(db::Connection& connection, const std::string& run_id) {
  std::vector<Left> all;
  auto row =
      MR_TRY(connection.prepare(fmt::format("SELECT {}, a.uri FROM kfp_artifacts a JOIN kfp_tasks t ON t.run_id = "
                                            "a.run_id AND t.path = a.task_id WHERE a.run_id = ? AND a.output = ?",
                                            db::json_member("t.data", "pod"))));
  row.bind_all(run_id, kOutput);
  while (MR_TRY(row.step())) all.push_back({row.text(0), row.text(1)});
  return all;
}

// {"metrics": [{"name": "accuracy", "numberValue": 0.9, "format": "PERCENTAGE"}]}; what cannot be read counts as none,
// as upstream: a task's own words do not make the run unreadable.
void add_left(const Options& options, const Left& left, std::map<std::string, Metric>& metrics) {
  const auto file = executors::find_artifact(options, left.uri);
  const auto text =
      file ? file->tree.read(file->path, kMaxFile, Links::within) : Result<std::string>(fail(Code::not_found, ""));
  const auto parsed = text ? parse_json(*text) : Result<Value>(fail(Code::not_found, ""));
  if (!parsed) return;
  std::size_t count = 0;
  for (const Value& entry : (*parsed)["metrics"].items()) {
    if (++count > kMaxMetrics) break;
    Metric metric = read_metric(entry, "numberValue");
    metric.node_id = left.pod;
    const std::string key = metric.node_id + "/" + metric.name;
    if (fault(metric).empty()) metrics.emplace(key, std::move(metric));
  }
}

}  // namespace

Result<Value> metrics_of(Context& context, const std::string& run_id) {
  std::map<std::string, Metric> metrics;  // by node and name
  std::vector<Left> left;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare("SELECT name, node_id, format, value FROM kfp_v1_metrics WHERE run_id = ?"));
    row.bind_all(run_id);
    while (MR_TRY(row.step())) {
      Metric metric{row.text(0), row.text(1), row.text(2), row.real(3)};
      metrics.emplace(metric.node_id + "/" + metric.name, std::move(metric));
    }
    left = MR_TRY(left_by_tasks(connection, run_id));
    return {};
  }));
  for (const Left& one : left) {
    if (may_read_artifact(context, run_id, one.uri)) add_left(context.options, one, metrics);
  }
  Value list = Value::array();
  for (const auto& [key, metric] : metrics) list.push(to_message(metric));
  return list;
}

Result<Value> report_metrics(Context& context, const Call& call) {
  const Value body = MR_TRY(read_body(call, "ReportRunMetricsRequest", {"run_id", "metrics"}));
  if (body["metrics"].size() > kMaxMetrics)
    return fail(Code::invalid_argument, fmt::format("more than {} metrics at once", kMaxMetrics));
  Value results = Value::array();
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    results = Value::array();
    if (!MR_TRY(runner::find_run(connection, call.id()))) return fail(not_found("Run", call.id()));
    for (const Value& entry : body["metrics"].items()) {
      const Metric metric = read_metric(entry, "number_value");
      std::string status = "OK", message = fault(metric);
      if (!message.empty()) {
        status = "INVALID_ARGUMENT";
      } else {
        auto row =
            MR_TRY(connection.prepare("INSERT INTO kfp_v1_metrics(run_id, node_id, name, value, format) "
                                      "VALUES(?,?,?,?,?) ON CONFLICT DO NOTHING RETURNING 1"));
        if (!MR_TRY(row.bind_all(call.id(), metric.node_id, metric.name, metric.value, metric.format).step())) {
          status = "DUPLICATE_REPORTING";
          message = "the metric was reported before";
        }
      }
      Value result = Value::object({{"metric_name", metric.name}, {"metric_node_id", metric.node_id}});
      result.set("status", status);
      results.push(std::move(result.set_if(!message.empty(), "message", message)));
    }
    return {};
  }));
  return Value::object({{"results", std::move(results)}});
}

}  // namespace millrace::pipelines::api::v1beta1
