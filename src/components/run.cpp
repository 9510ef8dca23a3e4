#include "components/run.h"

#include <filesystem>

#include <fmt/core.h>

#include "base/file.h"
#include "base/python_text.h"
#include "base/strings.h"
#include "components/log_lines.h"
#include "components/termination.h"

namespace millrace::components {
namespace {

constexpr int kFailed = 1;
constexpr std::string_view kRunning = "An error occurred while running the component";

int failed(std::string_view doing, const Error& error) {
  log_error(doing);
  log_error(error.message);
  return kFailed;
}

Result<JobStatus> wait_for_end(Component& component, Task& task, Termination& termination) {
  bool stopped = false;
  const auto stop_once = [&]() -> Status {
    if (stopped) return {};
    stopped = true;
    return component.stop(task);
  };
  bool terminated = termination.wait(std::chrono::milliseconds(0));
  for (int looks = 0;; ++looks) {
    if (terminated) MR_TRY(stop_once());
    JobStatus status = MR_TRY(component.status(task));
    if (status.is_completed) return status;
    terminated = termination.wait(task.session.poll_interval(looks));
    log_info(fmt::format("{} is in status: {}", component.noun(), status.raw));
  }
}

// The file of an output whose path nobody gave: a task of a pipeline may name another one for it, a line "path=file" in
// MILLRACE_OUTPUT_FILES (pipelines/v1/container.cpp).
std::string file_of(const std::string& path, const Environment& environment) {
  const std::string lines = environment("MILLRACE_OUTPUT_FILES");
  for (const std::string_view line : split(lines, '\n')) {
    if (line.starts_with(path + "=")) return std::string(line.substr(path.size() + 1));
  }
  return path;
}

// Objects and arrays as JSON, text as it is. Anything else is no output: the published components cannot write it.
Status write_outputs(const Arguments& arguments, const Value& results, const Environment& environment) {
  for (const auto& [name, path] : arguments.output_paths) {
    const Value& value = results[name];
    if (!value.is_string() && !value.is_object() && !value.is_array()) {
      return fail(Code::failed_precondition, fmt::format("There is no value for the output {}.", name));
    }
    const std::filesystem::path file(file_of(path, environment));
    if (file.has_parent_path()) MR_TRY(make_directories(file.parent_path()));
    MR_TRY(write_file(file, value.is_string() ? value.as_string() : python_json(value)));
  }
  return {};
}

}  // namespace

int run(Component& component, const std::vector<std::string>& words, const Environment& environment,
        const Clock& clock) {
  const auto arguments = parse_arguments(component.arguments(), component.outputs(), words, component.output_place());
  if (!arguments) {
    fmt::print(stderr, "{}\n", arguments.error().message);
    return arguments.error().code == Code::data_loss ? kUnreadableText : kWrongArgument;
  }
  Termination termination;
  Session session(*arguments, environment, clock);
  Task task{*arguments, session, clock};

  if (const auto prepared = component.prepare(task); !prepared) return failed(kRunning, prepared.error());
  const auto request = component.request(task);
  if (!request) return failed(kRunning, request.error());
  const auto job = component.submit(task, *request);
  if (!job) return failed("An error occurred while attempting to submit the request", job.error());
  if (const auto announced = component.announce(task, *job); !announced) return failed(kRunning, announced.error());

  const auto status = wait_for_end(component, task, termination);
  component.print_logs(task);
  if (!status) return failed("An error occurred while polling for job status", status.error());
  if (status->has_error) {
    log_error(status->error_message);
    return kFailed;
  }
  const auto results = component.results(task);
  if (!results) return failed(kRunning, results.error());
  if (const auto written = write_outputs(*arguments, *results, environment); !written)
    return failed(kRunning, written.error());
  return 0;
}

}  // namespace millrace::components
