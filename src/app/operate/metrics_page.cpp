#include "app/operate/metrics_page.h"

#include <fmt/core.h>

#include "app/commands.h"
#include "app/operate/process_metrics.h"
#include "base/log.h"

namespace millrace::app {
namespace {

void append_tasks(std::string& text, const pipelines::Pipelines::Load& load) {
  text += fmt::format(
      "# HELP millrace_tasks Tasks of runs: with a slot (RUNNING), or in the line for one (PENDING).\n"
      "# TYPE millrace_tasks gauge\n"
      "millrace_tasks{{state=\"RUNNING\"}} {}\nmillrace_tasks{{state=\"PENDING\"}} {}\n",
      load.with_slot, load.waiting);
  text +=
      "# HELP millrace_runs_ended_total Pipeline runs that have ended since the server was started, by state.\n"
      "# TYPE millrace_runs_ended_total counter\n";
  for (const auto& [state, count] : load.ended)
    text += fmt::format("millrace_runs_ended_total{{state=\"{}\"}} {}\n", state, count);
}

void append_jobs(std::string& text, sagemaker::SageMaker& sagemaker) {
  const auto counts = sagemaker.counts_under_way();
  if (!counts) return log::warn("metrics: {}", counts.error().message);
  text +=
      "# HELP millrace_sagemaker_under_way SageMaker jobs under way and endpoints, by kind and status.\n"
      "# TYPE millrace_sagemaker_under_way gauge\n";
  for (const auto& [kind, status, resources] : *counts)
    text += fmt::format("millrace_sagemaker_under_way{{kind=\"{}\",status=\"{}\"}} {}\n", kind, status, resources);
}

void append_runs(std::string& text, pipelines::Pipelines& pipelines) {
  const auto runs = pipelines.under_way();
  if (!runs) return log::warn("metrics: {}", runs.error().message);
  text +=
      "# HELP millrace_runs_under_way Pipeline runs that have not finished, by state.\n"
      "# TYPE millrace_runs_under_way gauge\n";
  for (const auto& [state, count] : *runs)
    text += fmt::format("millrace_runs_under_way{{state=\"{}\"}} {}\n", state, count);
}

}  // namespace

std::string metrics_text(const MetricsSources& sources) {
  std::string text;
  const auto gauge = [&text](const char* name, const char* help, double value, std::string labels = {}) {
    append(text, {name, help, "gauge", std::move(labels), value});
  };
  gauge("millrace_build_info", "The program's version.", 1, fmt::format("{{version=\"{}\"}}", kVersion));
  sources.requests.append(text);
  sources.operations.append(text);
  append_runs(text, sources.pipelines);
  append_tasks(text, sources.pipelines.load());
  append_jobs(text, sources.sagemaker);
  gauge("millrace_children", "Processes of steps, jobs and model servers.",
        static_cast<double>(sources.children.count()));
  gauge("millrace_task_slots", "Tasks that may run at once.", static_cast<double>(sources.options.max_running_tasks));
  append_storage(text, sources.layout);
  append_process(text);
  return text;
}

}  // namespace millrace::app
