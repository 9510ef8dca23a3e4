#include "app/cli/client.h"

#include <cstdlib>

#include <fmt/core.h>

#include "app/client_files.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/terminal_text.h"

namespace millrace::app {
namespace {

constexpr std::string_view kApi = "/apis/v2beta1";
constexpr std::size_t kUuid = 36;
constexpr int kFailedPrecondition = 9;         // google.rpc.Code
constexpr std::string_view kAfterAnyId = "~";  // ids are of 0-9, a-f and dashes
constexpr std::size_t kShown = 5;              // of several that a prefix may mean

tl::unexpected<Error> no_server(const std::string& why) {
  return fail(Code::unavailable, fmt::format("{}; start one with `millrace serve`, or name one with --url", why));
}

Value predicate(std::string_view operation, std::string_view key, std::string_view value) {
  // The door undoes escapes in a filter once more than HTTP does.
  return Value::object(
      {{"operation", operation}, {"key", key}, {"string_value", replace_all(std::string(value), "%", "%25")}});
}

// All of them, as the `filter` parameter.
std::string predicates(std::initializer_list<Value> all) {
  return percent_encode(to_json(Value::object({{"predicates", Value::array(all)}})));
}

Error refusal(int status, const std::string& text) {
  const auto body = parse_json(text);
  std::string message = body ? (*body)["message"].string_or() : text;
  if (body && !(*body)["details"].items().empty())
    message = (*body)["details"].items()[0]["message"].string_or(message);
  if (message.empty()) message = fmt::format("the server answered {}", status);
  // Of the codes that share a status, this one is no fault of the command line.
  const bool not_now = body && (*body)["code"].int_or(0) == kFailedPrecondition;
  return {not_now ? Code::failed_precondition : code_of_status(status), message};
}

}  // namespace

Value printable(Value answer, Text text) {
  if (text == Text::as_it_is) return answer;
  if (answer.is_string()) {
    answer.as_string() = terminal_text(answer.as_string());
  } else if (answer.is_array()) {
    for (Value& item : answer.as_array()) item = printable(std::move(item), text);
  } else if (answer.is_object()) {
    for (auto& [name, value] : answer.as_object()) {
      name = terminal_text(name);
      value = printable(std::move(value), text);
    }
  }
  return answer;
}

Code code_of_status(int status) {
  switch (status) {
    case 400:
      return Code::invalid_argument;
    case 401:
      return Code::unauthenticated;
    case 404:
      return Code::not_found;
    case 409:
      return Code::already_exists;
    case 412:
      return Code::failed_precondition;
    case 501:
      return Code::unimplemented;
    default:
      return Code::internal;
  }
}

std::string filter(std::string_view operation, std::string_view key, std::string_view value) {
  return predicates({predicate(operation, key, value)});
}

Result<std::unique_ptr<DoorClient>> DoorClient::open(const Address& address, Text text) {
  std::string url = address.url;
  const char* variable = std::getenv("MILLRACE_URL");
  if (url.empty() && address.data_dir.empty() && variable != nullptr) url = variable;
  if (url.empty()) {
    const DataLayout layout(address.data_dir.empty() ? default_data_dir() : std::filesystem::path(address.data_dir));
    const auto file = read_server_file(layout);
    if (!file) return no_server(fmt::format("no Millrace server has used {}", layout.root.string()));
    url = file->endpoint;
  }
  while (url.ends_with('/')) url.pop_back();
  if (url.find("://") == std::string::npos) url = "http://" + url;
  return std::make_unique<DoorClient>(std::move(url), text);
}

Result<net::ClientResponse> DoorClient::send(net::ClientRequest request) {
  if (!token_.empty()) request.headers.set("Authorization", "Bearer " + token_);
  auto response = http_.send(request);
  if (!response && response.error().code == Code::unavailable && response.error().reason == "ConnectionRefused")
    return no_server(fmt::format("no Millrace server answers at {}", endpoint_));
  return response;
}

Result<Value> DoorClient::call(std::string_view method, const std::string& path, const Value& body) {
  net::ClientRequest request;
  request.method = method;
  request.url = endpoint_ + std::string(kApi) + path;
  if (!body.is_null()) {
    request.headers.set("Content-Type", "application/json");
    request.body = to_json(body);
  }
  const net::ClientResponse response = MR_TRY(send(std::move(request)));
  if (response.status / 100 != 2) return fail(refusal(response.status, response.body));
  if (response.body.empty()) return Value::object();
  auto answer = parse_json(response.body);
  if (!answer) return fail(Code::internal, fmt::format("what answers at {} is not a pipeline server", endpoint_));
  return printable(std::move(*answer), text_);
}

Result<Value> DoorClient::run(const std::string& id) { return call("GET", "/runs/" + percent_encode(id)); }

Result<Value> DoorClient::find_run(const std::string& name) {
  // Every id begins so: where there is one run only, it would be meant by a variable that is not set.
  if (name.empty()) return fail(Code::invalid_argument, "RUN is empty; name a run, or say latest");
  if (name == "latest") {
    const Value newest = MR_TRY(call("GET", "/runs?page_size=1&sort_by=created_at%20desc"));
    if (newest["runs"].empty()) return fail(Code::not_found, "there is no run yet");
    return run(newest["runs"].items()[0]["run_id"].string_or());
  }
  if (name.size() == kUuid) {
    auto found = run(name);
    if (found || found.error().code != Code::not_found) return found;
  }
  const Value named = MR_TRY(
      call("GET", "/runs?page_size=1&sort_by=created_at%20desc&filter=" + filter("EQUALS", "display_name", name)));
  if (!named["runs"].empty()) return run(named["runs"].items()[0]["run_id"].string_or());
  const std::string prefix = to_lower(name);
  const std::string range = predicates({predicate("GREATER_THAN_EQUALS", "run_id", prefix),
                                        predicate("LESS_THAN", "run_id", prefix + std::string(kAfterAnyId))});
  const Value like = MR_TRY(call("GET", fmt::format("/runs?page_size={}&sort_by=run_id&filter={}", kShown + 1, range)));
  std::vector<std::string> ids;
  for (const Value& candidate : like["runs"].items()) ids.push_back(candidate["run_id"].string_or());
  if (ids.size() == 1) return run(ids[0]);
  if (ids.empty()) {
    return fail(Code::not_found,
                fmt::format("no run is called \"{}\" or has an id that starts so; see `millrace runs`", name));
  }
  const bool more = ids.size() > kShown;
  ids.resize(std::min(ids.size(), kShown));
  return fail(Code::failed_precondition, fmt::format("\"{}\" may be {} runs: {}{}", name, like["total_size"].int_or(0),
                                                     join(ids, ", "), more ? ", …" : ""));
}

Result<std::string> DoorClient::find_experiment(const std::string& name) {
  const Value named = MR_TRY(call("GET", "/experiments?page_size=1&filter=" + filter("EQUALS", "display_name", name)));
  if (!named["experiments"].empty()) return named["experiments"].items()[0]["experiment_id"].string_or();
  const auto found = call("GET", "/experiments/" + percent_encode(name));
  if (found) return (*found)["experiment_id"].string_or();
  if (found.error().code != Code::not_found) return fail(found.error());
  return fail(Code::not_found, fmt::format("there is no experiment \"{}\"", name));
}

Status DoorClient::log(const std::string& run_id, const std::string& node, bool follow,
                       const std::function<bool(std::string_view)>& sink) {
  net::ClientRequest request;
  request.url = fmt::format("{}/apis/v1alpha1/runs/{}/nodes/{}/log{}", endpoint_, percent_encode(run_id),
                            percent_encode(node), follow ? "?follow=true" : "");
  if (follow) request.timeout = std::chrono::milliseconds(0);
  TerminalText safe;
  request.sink = [&](std::string_view part) {
    return sink(text_ == Text::printable ? std::string_view(safe.add(part)) : part);
  };
  const net::ClientResponse response = MR_TRY(send(std::move(request)));
  if (response.status / 100 != 2) return fail(refusal(response.status, response.body));
  if (const std::string rest = safe.end(); !rest.empty()) sink(rest);
  return {};
}

}  // namespace millrace::app
