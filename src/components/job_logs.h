#pragma once
#include <string>

#include "components/session.h"

namespace millrace::components {

// Prints the newest events of every stream of a job, under headings. What cannot be read is logged, not returned: a job
// does not fail for its log.
void print_job_logs(Session& session, const std::string& group, const std::string& job_name);

}  // namespace millrace::components
