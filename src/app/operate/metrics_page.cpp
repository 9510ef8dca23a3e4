#include "app/operate/metrics_page.h"

#include <fmt/core.h>

#include "app/commands.h"
#include "app/operate/process_metrics.h"
#include "base/log.h"

namespace millrace::app {
namespace {

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
  append_runs(text, sources.pipelines);
  if (const auto jobs = sources.sagemaker.under_way())
    gauge("millrace_sagemaker_under_way", "SageMaker jobs under way and endpoints with model servers.",
          static_cast<double>(*jobs));
  gauge("millrace_children", "Processes of steps, jobs and model servers.",
        static_cast<double>(sources.children.count()));
  gauge("millrace_task_slots", "Tasks that may run at once.", static_cast<double>(sources.options.max_running_tasks));
  append_storage(text, sources.layout);
  append_process(text);
  return text;
}

}  // namespace millrace::app
