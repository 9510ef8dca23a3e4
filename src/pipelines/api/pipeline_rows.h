#pragma once
// What uploads need of the pipelines' rows.

#include <string>

#include "pipelines/api/operations.h"

namespace millrace::pipelines::api {

struct PipelineRow {
  std::string id, name, display_name, description, name_space;
  Time created{};
};
Status check_pipeline_name(const std::string& name);
Status insert_pipeline(db::Connection& connection, const PipelineRow& pipeline);
Result<Value> find_pipeline(db::Connection& connection, const std::string& id);  // the API's message

}  // namespace millrace::pipelines::api
