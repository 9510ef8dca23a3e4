#include "sagemaker/jobs/machine.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/printable.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kMaxReason = 1024;

// Texts of SecondaryStatusTransitions, as the API reference describes each status.
std::string_view status_message(std::string_view status) {
  if (status == "Starting") return "Starting the training job";
  if (status == "Downloading") return "Downloading input data";
  if (status == "Training") return "Training image download completed. Training in progress.";
  if (status == "Uploading") return "Uploading generated training model";
  if (status == "Stopping") return "Stopping the training job";
  if (status == "Stopped") return "Training job stopped";
  if (status == "MaxRuntimeExceeded") return "Training job runtime exceeded MaxRuntimeInSeconds provided";
  if (status == "Completed") return "Training job completed";
  if (status == "Failed") return "Training job failed";
  return "";
}

std::string_view noun(Kind kind) {
  switch (kind) {
    case Kind::processing_job:
      return "processing job";
    case Kind::transform_job:
      return "transform job";
    case Kind::tuning_job:
      return "hyperparameter tuning job";
    default:
      return "training job";
  }
}

std::string failure_reason(const Ending& e) {
  if (e.child.state == work::WorkStatus::State::lost) {
    return "InternalServerError: The job's process was lost when its machine restarted. Please retry.";
  }
  const int code = e.child.exit_code;
  const bool is_whole = e.failure.starts_with("ClientError: ") || e.failure.starts_with("AlgorithmError: ");
  if (e.kind == Kind::transform_job && is_whole) return e.failure;
  if (e.built_in && code == 1) {
    return fmt::format("ClientError: {}, exit code: {}", e.failure.empty() ? "the input was refused" : e.failure, code);
  }
  if (e.built_in && e.child.signal == 0 && code == 2) {
    return fmt::format("InternalServerError: {}, exit code: {}",
                       e.failure.empty() ? "the algorithm failed; see its log" : e.failure, code);
  }
  if (e.child.signal == 9 && e.failure.empty()) {
    return fmt::format("AlgorithmError: the process was killed, probably for want of memory, exit code: {}", code);
  }
  return fmt::format("AlgorithmError: {}, exit code: {}", e.failure, code);
}

}  // namespace

Step next_step(const JobFacts& facts) {
  if (facts.ended) return Step::release;
  if (!facts.child) return facts.stop_requested ? Step::conclude_stopped : Step::prepare;
  if (facts.child->is_over()) return facts.incomplete ? Step::forget : Step::finish;
  const bool is_to_end = facts.stop_requested || facts.timed_out || facts.incomplete || facts.host_failed;
  return is_to_end ? Step::end_child : Step::watch;
}

Outcome outcome_of(const Ending& e) {
  // A training job that is stopped keeps what it has written so far; the others' output would be partial.
  const bool keep_when_stopped = e.kind == Kind::training_job;
  if (e.stop_requested) return {"Stopped", "Stopped", "", keep_when_stopped};
  const bool succeeded = e.child.state == work::WorkStatus::State::exited && e.child.exit_code == 0;
  if (e.timed_out && !succeeded) return {"Stopped", "MaxRuntimeExceeded", "", keep_when_stopped};
  if (succeeded) return {"Completed", "Completed", "", true};
  return {"Failed", "Failed", cut_reason(failure_reason(e)), false};
}

std::string cut_reason(std::string text) {
  if (!is_valid_utf8(text)) text = printable(text);
  if (text.size() <= kMaxReason) return text;
  std::size_t end = kMaxReason;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text;
}

void set_secondary_status(Value& body, std::string_view status, Time now) {
  if (body["SecondaryStatus"].string_or() == status) return;
  Value& transitions = body.child("SecondaryStatusTransitions");
  if (transitions.is_array() && !transitions.empty()) {
    Value& last = transitions.as_array().back();
    if (!last.has("EndTime")) last.set("EndTime", seconds(now));
  }
  Value next = Value::object({{"Status", status}, {"StartTime", seconds(now)}});
  const bool final = is_final(status) || status == "MaxRuntimeExceeded";
  if (final) next.set("EndTime", seconds(now));
  next.set("StatusMessage", status_message(status));
  transitions.push(std::move(next));
  body.set("SecondaryStatus", status);
}

bool is_final(std::string_view status) { return status == "Completed" || status == "Failed" || status == "Stopped"; }

Status request_stop(Resource& job, Time now) {
  if (job.status != "InProgress" && job.status != "Stopping") {
    return validation_error(
        fmt::format("The request was rejected because the {} is in status {}.", noun(job.kind), job.status));
  }
  job.status = "Stopping";
  job.modified = now;
  job.state.set("stop", true);
  job.body.set(info_of(job.kind).status_member, "Stopping");
  if (job.body.has("LastModifiedTime")) job.body.set("LastModifiedTime", seconds(now));
  if (job.kind == Kind::training_job) set_secondary_status(job.body, "Stopping", now);
  return {};
}

}  // namespace millrace::sagemaker
