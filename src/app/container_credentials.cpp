#include "app/container_credentials.h"

#include "base/encode.h"
#include "base/hash.h"
#include "base/json.h"

namespace millrace::app {
namespace {

constexpr std::string_view kPrefix = "/v2/credentials/";
constexpr std::chrono::seconds kLifetime{3600};
constexpr std::size_t kMaxSessionName = 64;  // sts:RoleSessionName

Result<Value> decode_path(std::string_view path) {
  const std::string hex(path.substr(kPrefix.size()));
  return parse_json(MR_TRY(from_hex(hex)));
}

// A launch key made into a role session name: [\w+=,.@-]{2,64}; the end of the key tells more than its start.
std::string session_name(std::string_view key) {
  std::string name;
  for (const char c : key) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '=' || c == '@' || c == '+' || c == ',';
    name += plain ? c : '.';
  }
  if (name.size() > kMaxSessionName) name = name.substr(name.size() - kMaxSessionName);
  while (name.size() < 2) name += '-';
  return name;
}

net::Response refuse(int status, std::string_view code, std::string_view message) {
  return net::Response::json(status, to_json(Value::object({{"code", code}, {"message", message}})));
}

}  // namespace

std::string ContainerCredentials::token_for(std::string_view path) const {
  return to_hex(as_chars(hmac_sha256(key_, std::string("container-credentials\n") + std::string(path))));
}

std::vector<std::pair<std::string, std::string>> ContainerCredentials::environment(std::string_view endpoint,
                                                                                   std::string_view role_arn,
                                                                                   std::string_view service,
                                                                                   std::string_view launch_key,
                                                                                   std::string_view origin) const {
  const std::string claims =
      to_json(Value::object({{"role", role_arn}, {"service", service}, {"child", launch_key}, {"origin", origin}}));
  const std::string path = std::string(kPrefix) + to_hex(claims);
  return {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", std::string(endpoint) + path},
          {"AWS_CONTAINER_AUTHORIZATION_TOKEN", token_for(path)}};
}

bool ContainerCredentials::handles(const net::Request& request) { return request.path.starts_with(kPrefix); }

net::Response ContainerCredentials::handle(net::Request& request) {
  if (request.method != "GET") return refuse(405, "MethodNotAllowed", "Credentials are read with GET.");
  if (!equal_constant_time(request.headers.get("authorization"), token_for(request.path))) {
    return refuse(401, "Unauthorized", "The Authorization header is not the token of this URL.");
  }
  const auto claims = decode_path(request.path);
  if (!claims) return refuse(400, "BadRequest", claims.error().message);
  const std::string child = (*claims)["child"].string_or();
  if (child.empty() || !runs_(child))
    return refuse(403, "AccessDenied",
                  "These credentials end with the task that they were made for, which runs no more.");
  const auto session = iam_.issue_session((*claims)["role"].string_or(), (*claims)["service"].string_or(),
                                          session_name(child), kLifetime, (*claims)["origin"].string_or());
  if (!session) return refuse(403, session.error().reason, session.error().message);
  return net::Response::json(200, to_json(Value::object({{"AccessKeyId", session->credentials.access_key_id},
                                                         {"SecretAccessKey", session->credentials.secret_access_key},
                                                         {"Token", session->credentials.session_token},
                                                         {"Expiration", format_rfc3339(session->expires)},
                                                         {"RoleArn", (*claims)["role"].string_or()}})));
}

}  // namespace millrace::app
