#pragma once
// The KFP door as the commands see it: JSON in, JSON out, and runs by what a person calls them.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "app/cli/commands.h"
#include "base/result.h"
#include "base/value.h"
#include "net/client.h"

namespace millrace::app {

enum class Text { printable, as_it_is };
inline Text text_for(bool json) { return json ? Text::as_it_is : Text::printable; }

class DoorClient {
 public:
  // Errors: unavailable, with the sentence that says how to start a server.
  // What the server says is someone else's text: Text::printable makes all of it safe for a terminal as it comes in;
  // Text::as_it_is is for JSON, whose reader is a program.
  static Result<std::unique_ptr<DoorClient>> open(const Address& address, Text text);
  DoorClient(std::string endpoint, Text text) : endpoint_(std::move(endpoint)), text_(text) {}

  // Requests show it from now on: the server of this very process takes what comes from itself for nobody's otherwise.
  void present(std::string operator_token) { token_ = std::move(operator_token); }

  // `path` is under /apis/v2beta1 and already encoded. Errors carry the server's own sentence.
  Result<Value> call(std::string_view method, const std::string& path, const Value& body = {});
  // An id, `latest`, a display name (the newest that has it), or a prefix of one run's id. With its tasks.
  // Errors: not_found; failed_precondition for a prefix of several.
  Result<Value> find_run(const std::string& name);
  Result<Value> run(const std::string& id);
  Result<std::string> find_experiment(const std::string& name);  // by display name or id
  // The log as it comes; `follow` until the task ends. The sink's false ends it.
  Status log(const std::string& run_id, const std::string& node, bool follow,
             const std::function<bool(std::string_view)>& sink);
  const std::string& endpoint() const { return endpoint_; }

 private:
  Result<net::ClientResponse> send(net::ClientRequest request);
  std::string endpoint_, token_;
  Text text_;
  net::Client http_;
};

Value printable(Value answer, Text text);  // each string in it, and each name

Code code_of_status(int status);  // an HTTP status of the doors
// The `filter` parameter, encoded, of one predicate.
std::string filter(std::string_view operation, std::string_view key, std::string_view value);

}  // namespace millrace::app
