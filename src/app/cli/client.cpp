#include "app/cli/client.h"

#include <cstdlib>

#include <fmt/core.h>

#include "app/client_files.h"
#include "base/encode.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/terminal_text.h"

namespace millrace::app {
namespace {

constexpr std::string_view kApi = "/apis/v2beta1", kConsole = "/console/api";
constexpr int kFailedPrecondition = 9;                  // google.rpc.Code
constexpr std::size_t kLargest = std::size_t{1} << 40;  // bytes of one download

tl::unexpected<Error> no_server(const std::string& why) {
  return fail(Code::unavailable, fmt::format("{}; start one with `millrace serve`, or name one with --url", why));
}

Error refusal(int status, const std::string& text) {
  const auto body = parse_json(text);
  std::string message = body ? (*body)["message"].string_or((*body)["error_message"].string_or()) : text;
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
    case 403:
      return Code::permission_denied;
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

Result<std::unique_ptr<ApiClient>> ApiClient::open(const Address& address, Text text) {
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
  return std::make_unique<ApiClient>(std::move(url), text);
}

std::unique_ptr<ApiClient> ApiClient::as_it_is() const {
  auto other = std::make_unique<ApiClient>(endpoint_, Text::as_it_is);
  other->present(token_);
  return other;
}

Result<net::ClientResponse> ApiClient::send(net::ClientRequest request) {
  if (!token_.empty()) request.headers.set("Authorization", "Bearer " + token_);
  auto response = http_.send(request);
  if (!response && response.error().code == Code::unavailable && response.error().reason == "ConnectionRefused")
    return no_server(fmt::format("no Millrace server answers at {}", endpoint_));
  return response;
}

Result<Value> ApiClient::answer(net::ClientRequest request) {
  const net::ClientResponse response = MR_TRY(send(std::move(request)));
  if (response.status / 100 != 2) return fail(refusal(response.status, response.body));
  if (response.body.empty()) return Value::object();
  auto body = parse_json(response.body);
  if (!body) return fail(Code::internal, fmt::format("what answers at {} is not a pipeline server", endpoint_));
  return printable(std::move(*body), text_);
}

Result<Value> ApiClient::call(std::string_view method, const std::string& path, const Value& body) {
  net::ClientRequest request;
  request.method = method;
  request.url = endpoint_ + std::string(kApi) + path;
  if (!body.is_null()) {
    request.headers.set("Content-Type", "application/json");
    request.body = to_json(body);
  }
  return answer(std::move(request));
}

Result<Value> ApiClient::upload(const std::string& path, const std::string& content) {
  const std::string boundary = "millrace-" + random_hex(16);  // not in the content: nobody can foresee it
  net::ClientRequest request;
  request.method = "POST";
  request.url = endpoint_ + std::string(kApi) + path;
  request.headers.set("Content-Type", "multipart/form-data; boundary=" + boundary);
  request.body = fmt::format(
      "--{0}\r\nContent-Disposition: form-data; name=\"uploadfile\"; filename=\"pipeline.yaml\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n{1}\r\n--{0}--\r\n",
      boundary, content);
  return answer(std::move(request));
}

Result<Value> ApiClient::run(const std::string& id) { return call("GET", "/runs/" + percent_encode(id)); }

Result<Value> ApiClient::console_run(const std::string& id) {
  net::ClientRequest request;
  request.url = fmt::format("{}{}/runs/{}", endpoint_, kConsole, percent_encode(id));
  return answer(std::move(request));
}

Result<Value> ApiClient::log_part(const std::string& run_id, const std::string& task_id, std::int64_t offset) {
  net::ClientRequest request;
  request.url = fmt::format("{}{}/runs/{}/tasks/{}/log?offset={}", endpoint_, kConsole, percent_encode(run_id),
                            percent_encode(task_id), offset);
  return answer(std::move(request));
}

Status ApiClient::log(const std::string& run_id, const std::string& node, bool follow,
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

Status ApiClient::download(const std::string& path, const std::function<bool(std::string_view)>& sink) {
  net::ClientRequest request;
  request.url = endpoint_ + std::string(kApi) + path;
  request.timeout = std::chrono::milliseconds(0);
  request.max_response_bytes = kLargest;
  request.sink = sink;
  const net::ClientResponse response = MR_TRY(send(std::move(request)));
  if (response.status / 100 != 2) return fail(refusal(response.status, response.body));
  return {};
}

}  // namespace millrace::app
