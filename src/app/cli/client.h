#pragma once
// The KFP API and the console's, as the commands see them: JSON in, JSON out. What a person calls things: find.h.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "net/client.h"

namespace millrace::app {

// Where the server is: `url`, else $MILLRACE_URL, else what `millrace serve` left in the data directory.
struct Address {
  std::string url, data_dir;
};

enum class Text { printable, as_it_is };
inline Text text_for(bool json) { return json ? Text::as_it_is : Text::printable; }

class ApiClient {
 public:
  // Errors: unavailable, with the sentence that says how to start a server.
  // What the server says is someone else's text: Text::printable makes all of it safe for a terminal as it comes in;
  // Text::as_it_is is for JSON, whose reader is a program.
  static Result<std::unique_ptr<ApiClient>> open(const Address& address, Text text);
  ApiClient(std::string endpoint, Text text) : endpoint_(std::move(endpoint)), text_(text) {}

  // Requests show it from now on: the server of this very process takes what comes from itself for nobody's otherwise.
  void present(std::string operator_token) { token_ = std::move(operator_token); }

  // Another client of the same server, for what is sent back to it or printed as JSON.
  std::unique_ptr<ApiClient> as_it_is() const;

  // `path` is under /apis/v2beta1 and already encoded. Errors carry the server's own sentence.
  Result<Value> call(std::string_view method, const std::string& path, const Value& body = {});
  // A file of a form, as pipelines are uploaded.
  Result<Value> upload(const std::string& path, const std::string& content);
  Result<Value> run(const std::string& id);  // with its tasks
  // What the console knows of a run: {"tasks": [{id, inputs, outputs, cached, attempt, depends_on, …}]}.
  Result<Value> console_run(const std::string& id);
  // The log as it comes; `follow` until the task ends. The sink's false ends it.
  Status log(const std::string& run_id, const std::string& node, bool follow,
             const std::function<bool(std::string_view)>& sink);
  // A part of a task's log, {"text", "next_offset", "complete"}, also of one that has not started.
  Result<Value> log_part(const std::string& run_id, const std::string& task_id, std::int64_t offset);
  // The bytes of an answer, of any number, without a limit in time; `path` as for call(). The sink's false ends it.
  Status download(const std::string& path, const std::function<bool(std::string_view)>& sink);
  const std::string& endpoint() const { return endpoint_; }

 private:
  Result<net::ClientResponse> send(net::ClientRequest request);
  Result<Value> answer(net::ClientRequest request);
  std::string endpoint_, token_;
  Text text_;
  net::Client http_;
};

Value printable(Value answer, Text text);  // each string in it, and each name

Code code_of_status(int status);  // an HTTP status of the APIs

}  // namespace millrace::app
