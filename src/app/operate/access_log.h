#pragma once
// A line of the log for each answered request, at level info.

#include <chrono>
#include <string>

#include "net/http.h"

namespace millrace::app {

struct AccessRecord {
  std::string method, path, operation, run_id;
};

// `operation` is that of AWS's JSON protocols; `run_id` the run whose address the path is, or empty.
AccessRecord access_record(const net::Request& request);

// With the answer's status, its request id where the API has one, and the time it took.
void log_access(const AccessRecord& record, const net::Response& answer, std::chrono::nanoseconds took);

}  // namespace millrace::app
