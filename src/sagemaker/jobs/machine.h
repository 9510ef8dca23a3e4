#pragma once
// What happens next to a job, decided from how things are. Pure: the same facts give the same step, however often they
// are looked at, so a server that was killed asks again and goes on.

#include <optional>
#include <string>

#include "base/time.h"
#include "base/value.h"
#include "sagemaker/resource.h"
#include "work/workload.h"

namespace millrace::sagemaker {

struct JobFacts {
  bool ended = false;  // the row's status is final
  bool stop_requested = false;
  bool timed_out = false;                 // its child ran longer than the stopping condition allows
  std::optional<work::WorkStatus> child;  // as the backend has it; nullopt: never started
  // Of several hosts (hosts.h), which `child` is together.
  bool incomplete = false, host_failed = false;
  std::size_t culprit = 1;
};

enum class Step {
  prepare,           // download the input, write the configuration, launch the child
  watch,             // wait for the child's end (or the deadline)
  end_child,         // tell it to stop, then wait
  forget,            // not all of its hosts were launched, and those that were have ended: launch all anew
  conclude_stopped,  // stopped before anything ran
  finish,            // the child has ended: upload, write the outcome
  release,           // the outcome is written: forget the child, remove the directory
};
Step next_step(const JobFacts& facts);

// How the child ended, for the customer.
struct Outcome {
  std::string status;            // Completed, Failed, Stopped
  std::string secondary_status;  // training jobs: Completed, Failed, Stopped, MaxRuntimeExceeded
  std::string failure_reason;    // at most 1024 characters
  bool upload = false;           // is the output kept?
};
struct Ending {
  Kind kind = Kind::training_job;
  bool built_in = false;  // the program is ours (its exit codes: sagemaker/worker/worker.h)
  bool stop_requested = false;
  bool timed_out = false;
  work::WorkStatus child;
  std::string failure;  // what the program said (output/failure)
};
Outcome outcome_of(const Ending& ending);

std::string cut_reason(std::string text);  // to 1024 bytes, never within a UTF-8 sequence

// Changes a training job's secondary status: the open transition ends, the next begins (StatusMessage as SageMaker's).
void set_secondary_status(Value& body, std::string_view status, Time now);

// A stop request's effect on the row. Error: ValidationException when the job is over.
Status request_stop(Resource& job, Time now);

bool is_final(std::string_view status);  // Completed, Failed, Stopped

}  // namespace millrace::sagemaker
