#include <fmt/core.h>

#include "app/client_files.h"
#include "app/lab/steps.h"
#include "app/prune/operator_api.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/json.h"
#include "base/yaml.h"
#include "iam/iam.h"

namespace millrace::app {
namespace {

Result<Value> json_answer(const net::ClientResponse& response, std::string_view what) {
  auto body = response.body.empty() ? Result<Value>(Value::object()) : parse_json(response.body);
  if (response.status / 100 == 2) return body;
  std::string message = body ? (*body)["message"].string_or() : response.body;
  const Value details = body ? (*body)["details"] : Value();
  if (!details.empty() && details.is_array()) message = details.items()[0]["message"].string_or(message);
  const Code code = response.status == 409   ? Code::already_exists
                    : response.status == 404 ? Code::not_found
                    : response.status == 400 ? Code::invalid_argument
                                             : Code::internal;
  return fail(code, fmt::format("{} answered {}: {}", what, response.status, message));
}

}  // namespace

LabClient::LabClient(std::string server_endpoint, std::string server_region, aws::Credentials administrator,
                     DataLayout data)
    : endpoint(std::move(server_endpoint)),
      region(std::move(server_region)),
      data_(std::move(data)),
      credentials_(aws::static_credentials(std::move(administrator))) {}

Result<Value> LabClient::aws(const std::string& service, std::string_view operation, const Value& input) {
  for (const auto& [name, client] : clients_) {
    if (name == service) return client->call(operation, input);
  }
  aws::ClientOptions options;
  options.service = service;
  options.region = region;
  options.endpoint = endpoint;
  clients_.emplace_back(service, std::make_unique<aws::Client>(std::move(options), credentials_));
  return clients_.back().second->call(operation, input);
}

Result<Value> LabClient::pipelines(std::string_view method, std::string_view path, const Value& body) {
  net::ClientRequest request;
  request.method = method;
  request.url = endpoint + "/apis/v2beta1" + std::string(path);
  // The lab's server is this very process, and its own requests belong to no run and no person without a token.
  if (operator_token_.empty())
    operator_token_ = OperatorApi::token_of(MR_TRY(iam::read_encryption_key(key_file_of(data_).string())));
  request.headers.set("Authorization", "Bearer " + operator_token_);
  if (!body.is_null()) {
    request.headers.set("Content-Type", "application/json");
    request.body = to_json(body);
  }
  return json_answer(MR_TRY(http_.send(request)), "the pipeline service");
}

Result<Value> LabClient::kubernetes(std::string_view method, std::string_view path, const Value& body) {
  const Value config = MR_TRY(parse_yaml(MR_TRY(read_file(data_.kubeconfig()))));
  if (config["clusters"].empty() || config["users"].empty()) {
    return fail(Code::data_loss, "the kubeconfig names no cluster and user");
  }
  const Value& cluster = config["clusters"].items()[0]["cluster"];
  net::ClientRequest request;
  request.method = method;
  request.url = cluster["server"].string_or() + std::string(path);
  request.ca_pem = MR_TRY(from_base64(cluster["certificate-authority-data"].string_or()));
  request.headers.set("Authorization", "Bearer " + config["users"].items()[0]["user"]["token"].string_or());
  if (!body.is_null()) {
    request.headers.set("Content-Type", "application/json");
    request.body = to_json(body);
  }
  return json_answer(MR_TRY(http_.send(request)), "the Kubernetes API");
}

}  // namespace millrace::app
