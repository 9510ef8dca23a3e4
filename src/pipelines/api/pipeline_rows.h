#pragma once
// Rows of pipelines and their versions, shared by the operations on them. Everything here that takes a connection runs
// inside a transaction of the caller's.

#include <string>

#include "pipelines/api/operations.h"

namespace millrace::pipelines::api {

struct PipelineRow {
  std::string id, name, display_name, description;
  Value tags = Value::object();
  Time created{};
};
Result<Value> read_pipeline_message(const Value& value);
// A new pipeline of such a message; its name is still to be checked. Errors: invalid_argument.
Result<PipelineRow> pipeline_from(const Value& message, const Clock& clock);
// 1 to 128 bytes, as upstream has it. The display name too.
Status check_pipeline_name(const std::string& name);
Status insert_pipeline(db::Connection& connection, const PipelineRow& pipeline);
Result<Value> find_pipeline(db::Connection& connection, const std::string& id);  // the API's message

Result<Value> read_version_message(const Value& value);
Status check_version_name(const std::string& name);  // 1 to 127 bytes
Status insert_version(db::Connection& connection, const Version& version);

// Stores a pipeline with its first version, which has its name, or neither. The pipeline's message.
// Errors: already_exists for a name that is taken.
Result<Value> store_pipeline(Context& context, PipelineRow pipeline, Version first);
// Stores a further version. Errors: not_found for the pipeline; already_exists.
Result<Value> store_version(Context& context, const Version& version);

// PATCH: what a message may change is display_name and tags; another member must say what is there already, so that a
// change that would be dropped is refused. Errors: invalid_argument.
Status check_unchanged(const Value& given, const Value& stored, std::initializer_list<std::string_view> names);

}  // namespace millrace::pipelines::api
