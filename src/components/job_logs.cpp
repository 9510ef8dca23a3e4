#include "components/job_logs.h"

#include <fmt/core.h>

#include "components/log_lines.h"

namespace millrace::components {
namespace {

Status print_streams(Session& session, const std::string& group, const std::string& job_name) {
  const Value listed = MR_TRY(session.logs(
      "DescribeLogStreams", Value::object({{"logGroupName", group}, {"logStreamNamePrefix", job_name + "/"}})));
  for (const Value& stream : listed["logStreams"].items()) {
    const std::string name = stream["logStreamName"].string_or();
    log_info(fmt::format("\n***** {} *****\n", name));
    const Value read =
        MR_TRY(session.logs("GetLogEvents", Value::object({{"logGroupName", group}, {"logStreamName", name}})));
    for (const Value& event : read["events"].items()) log_info(event["message"].string_or());
  }
  return {};
}

}  // namespace

void print_job_logs(Session& session, const std::string& group, const std::string& job_name) {
  constexpr std::string_view kStars = "********************";
  log_info(fmt::format("\n{0} CloudWatch logs for {1} {2} {0}\n", kStars, group, job_name));
  if (const auto printed = print_streams(session, group, job_name); !printed) {
    log_error("Error in fetching CloudWatch logs for SageMaker job");
    log_error(printed.error().message);
    return;
  }
  log_info(fmt::format("\n{0} End of CloudWatch logs for {1} {2} {0}\n", kStars, group, job_name));
}

}  // namespace millrace::components
