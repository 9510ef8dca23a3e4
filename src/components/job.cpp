#include "components/job.h"

#include <fmt/core.h>

#include "components/job_logs.h"
#include "components/job_status.h"
#include "components/names.h"

namespace millrace::components {

Status Job::prepare(Task& task) {
  name_ = task.arguments.text("job_name");
  own_name_ = name_.empty();
  if (own_name_) name_ = generated_name(kind_.prefix, task.clock);
  return {};
}

Result<Value> Job::submit(Task& task, const Value& request) {
  const std::string create = fmt::format("Create{}", kind_.name), find = fmt::format("Describe{}", kind_.name);
  return task.session.create({create, find, name_member(), own_name_}, request);
}

Result<JobStatus> Job::status(Task& task) {
  return job_status(MR_TRY(describe(task)), fmt::format("{}Status", kind_.name));
}

void Job::print_logs(Task& task) {
  if (!kind_.log_group.empty()) print_job_logs(task.session, std::string(kind_.log_group), name_);
}

Status Job::stop(Task& task) {
  MR_TRY(task.session.sagemaker(fmt::format("Stop{}", kind_.name), Value::object({{name_member(), name_}})));
  return {};
}

std::string Job::name_member() const { return fmt::format("{}Name", kind_.name); }

Result<Value> Job::describe(Task& task) const {
  return task.session.sagemaker(fmt::format("Describe{}", kind_.name), Value::object({{name_member(), name_}}));
}

}  // namespace millrace::components
