#include "components/run.h"

#include <filesystem>

#include <fmt/core.h>

#include "base/file.h"
#include "base/json.h"
#include "components/log_lines.h"
#include "components/termination.h"

namespace millrace::components {
namespace {

constexpr int kFailed = 1;

int failed(std::string_view doing, const Error& error) {
  log_error(doing);
  log_error(error.message);
  return kFailed;
}

Result<JobStatus> wait_for_end(Component& component, Task& task, Termination& termination) {
  bool stopping = false;
  const auto told_to_stop = [&]() -> Result<bool> {
    if (stopping) return false;
    stopping = true;
    return !MR_TRY(component.stop(task));
  };
  bool told = termination.wait(std::chrono::milliseconds(0));
  for (int looks = 0;; ++looks) {
    if (told && MR_TRY(told_to_stop())) {
      return JobStatus{true, true, "Stopped", "The component was told to stop before it was done."};
    }
    JobStatus status = MR_TRY(component.status(task));
    if (status.is_completed) return status;
    told = termination.wait(task.session.poll_interval(looks));
    log_info("Job is in status: " + status.raw);
  }
}

// Objects and arrays as JSON, text as it is.
Status write_outputs(const Arguments& arguments, const Value& results) {
  for (const auto& [name, path] : arguments.output_paths) {
    const Value& value = results[name];
    const std::filesystem::path file(path);
    if (file.has_parent_path()) MR_TRY(make_directories(file.parent_path()));
    MR_TRY(write_file(file, value.is_string() ? value.as_string() : to_json(value)));
  }
  return {};
}

}  // namespace

int run(Component& component, const std::vector<std::string>& words, const Environment& environment,
        const Clock& clock) {
  const auto arguments = parse_arguments(component.arguments(), component.outputs(), words);
  if (!arguments) {
    fmt::print(stderr, "{}\n", arguments.error().message);
    return kFailed;
  }
  Termination termination;
  Session session(*arguments, environment, clock);
  Task task{*arguments, session, clock};
  constexpr std::string_view kRunning = "An error occurred while running the component";

  if (const auto prepared = component.prepare(task); !prepared) return failed(kRunning, prepared.error());
  const auto request = component.request(task);
  if (!request) return failed(kRunning, request.error());
  const auto job = component.submit(task, *request);
  if (!job) return failed("An error occurred while attempting to submit the request", job.error());
  component.announce(task, *job);

  const auto status = wait_for_end(component, task, termination);
  component.print_logs(task);
  if (!status) return failed("An error occurred while polling for job status", status.error());
  if (status->has_error) {
    log_error(status->error_message);
    return kFailed;
  }
  const auto results = component.results(task);
  if (!results) return failed(kRunning, results.error());
  if (const auto written = write_outputs(*arguments, *results); !written) return failed(kRunning, written.error());
  return 0;
}

}  // namespace millrace::components
