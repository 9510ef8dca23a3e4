#include "app/cli/identity_client.h"

#include <fmt/core.h>

#include "app/cli/client.h"
#include "app/client_files.h"
#include "app/identity/api.h"
#include "app/prune/operator_api.h"
#include "base/json.h"
#include "iam/iam.h"

namespace millrace::app {
namespace {

constexpr std::string_view kStart = "start one with `millrace serve`, or name its directory with --data-dir";

}  // namespace

Result<std::unique_ptr<IdentityClient>> IdentityClient::open(const std::string& data_dir, Text text, Api api) {
  const DataLayout layout(data_dir.empty() ? default_data_dir() : std::filesystem::path(data_dir));
  const auto file = read_server_file(layout);
  if (!file)
    return fail(Code::unavailable, fmt::format("no Millrace server has used {}; {}", layout.root.string(), kStart));
  auto client = std::make_unique<IdentityClient>();
  client->endpoint_ = file->endpoint;
  client->text_ = text;
  const std::string key = MR_TRY(iam::read_encryption_key(key_file_of(layout).string()));
  client->root_ = api == Api::identity ? "/millrace/identity/" : "/millrace/operator/";
  client->token_ = api == Api::identity ? IdentityApi::token_of(key) : OperatorApi::token_of(key);
  return client;
}

Result<Value> IdentityClient::call(std::string_view method, const std::string& path, const Value& body) {
  net::ClientRequest request;
  request.method = method;
  request.timeout = kPatience;
  request.url = endpoint_ + root_ + path;
  request.headers.set("Authorization", "Bearer " + token_);
  if (!body.is_null()) {
    request.headers.set("Content-Type", "application/json");
    request.body = to_json(body);
  }
  const auto response = http_.send(request);
  if (!response && response.error().code == Code::unavailable)
    return fail(Code::unavailable, fmt::format("no Millrace server answers at {}; {}", endpoint_, kStart));
  if (!response) return fail(response.error());
  auto answer = parse_json(response->body);
  if (response->status / 100 != 2)
    return fail(code_of_status(response->status), answer ? (*answer)["message"].string_or() : response->body);
  if (!answer) return fail(answer.error());
  return printable(std::move(*answer), text_);
}

}  // namespace millrace::app
