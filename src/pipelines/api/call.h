#pragma once
// What an operation of the KFP API gets, and what all of them share.

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "db/database.h"
#include "net/http.h"
#include "net/routes.h"
#include "pipelines/pipelines.h"
#include "pipelines/runner/runner.h"

namespace millrace::pipelines::schedule {
class Scheduler;
}
namespace millrace::pipelines::executors {
class RemovedFiles;
}

namespace millrace::pipelines::api {

struct Context {
  db::Database& database;
  const Clock& clock;
  const Options& options;
  runner::Runner& runner;
  Pipelines& pipelines;  // the read side
  schedule::Scheduler& scheduler;
  executors::RemovedFiles& removed_files;
  const std::atomic<bool>& stopping;  // what takes long ends soon
  Caller caller = {};                 // whose call it is
};

struct Call {
  net::Request& request;
  net::PathParameters path;  // {id} → its decoded text
  std::vector<std::pair<std::string, std::string>> query;

  // Empty when absent: clients send empty values for what they leave out. A name may come in lowerCamelCase, as members
  // of bodies may.
  std::string parameter(std::string_view name) const;
  const std::string& id(std::string_view name = "id") const { return path.find(name)->second; }
};

// The request's body; an empty one is an empty object. Errors: invalid_argument.
Result<Value> read_json(const Call& call);
// The request's body as an object with members of these names only; lowerCamelCase is read as snake_case, as
// grpc-gateway does. An empty body is an empty object. Errors: invalid_argument naming the member.
Result<Value> read_body(const Call& call, std::string_view message, std::initializer_list<std::string_view> fields);
// The same for a nested message.
Result<Value> read_message(const Value& value, std::string_view message,
                           std::initializer_list<std::string_view> fields);
// A string member; absent is empty. Errors name it.
Result<std::string> text_field(const Value& message, std::string_view name);

// A member that is a whole number, as proto's JSON has int64: 5, "5", 5.0. nullopt: it is none.
std::optional<std::int64_t> whole_number(const Value& value);

// A query parameter that is true or false; absent is false. Errors name it.
Result<bool> flag(const Call& call, std::string_view name);

Error not_found(std::string_view what, std::string_view id);  // "Run <id> not found"

// Answers. A google.rpc.Status for REST operations; {error_message, error_details} for uploads and logs.
int rpc_number(Code code);  // google.rpc.Code's
int http_status(Code code);
net::Response error_response(const Error& error);
net::Response plain_error_response(const Error& error);

}  // namespace millrace::pipelines::api
