#pragma once
// What a component asks of AWS, found by letting it run its course with nobody at the other end: every call is noted,
// and answered as if the job had been made and had ended well.

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"

namespace millrace::components {

struct DryCall {
  std::string service, operation;  // "sagemaker", "CreateTrainingJob"
  Value input;
};
struct DryRun {
  std::vector<DryCall> calls;
  Value outputs = Value::object();  // what the component would give: names, addresses of artifacts
  std::string assume_role;          // the role that the calls are made as, where an argument names one
};

// What earlier components of the pipeline have made, by the operation that made it and its name: later ones ask for it.
using Made = std::map<std::pair<std::string, std::string>, Value>;

// `native_command`: as native_command() gives it. Errors: invalid_argument, the component's own sentence.
Result<DryRun> dry_run(const std::vector<std::string>& native_command, const Clock& clock, Made& made);

}  // namespace millrace::components
