#include "app/client_files.h"

#include <fmt/core.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/yaml.h"
#include "iam/iam.h"

namespace millrace::app {
namespace {

// Older AWS CLIs (Debian 12 ships 2.9) do not know AWS_ENDPOINT_URL; newer ones do. This one, first on PATH, finds the
// next `aws` on PATH and tells it; an --endpoint-url of the user's own comes later and so wins.
// clang-format off
constexpr std::string_view kAwsWrapper = R"sh(#!/bin/sh
# The AWS CLI, pointed at this Millrace server. Any version will do.
here=$(cd "$(dirname "$0")" && pwd)
IFS=:
for directory in $PATH; do
  if [ "$directory" != "$here" ] && [ -x "$directory/aws" ]; then
    unset IFS
    exec "$directory/aws" --endpoint-url "$AWS_ENDPOINT_URL" "$@"
  fi
done
echo "aws: no AWS CLI on PATH besides Millrace's own wrapper; install one, for example: apt-get install awscli" >&2
exit 127
)sh";
// clang-format on

std::string shell_quote(std::string_view text) { return "'" + replace_all(std::string(text), "'", "'\\''") + "'"; }

// Most starts find it as it is to be: one less thing that a full disk prevents.
Status keep_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  const auto present = read_file(path, content.size());
  return present && *present == content ? Status() : write_file_atomic(path, content, mode);
}

}  // namespace

Result<ServerTls> open_server_tls(const DataLayout& layout, const std::string& address) {
  const auto file = [&](const char* name) { return layout.tls() / name; };
  if (std::filesystem::exists(file("server.crt"))) {
    ServerTls tls;
    tls.authority_pem = MR_TRY(read_file(file("ca.crt")));
    tls.server.key_pem = MR_TRY(read_file(file("server.key")));
    tls.server.certificate_pem = MR_TRY(read_file(file("server.crt")));
    return tls;
  }
  MR_TRY(make_directories(layout.tls(), 0700));
  const auto authority = MR_TRY(net::make_certificate_authority("Millrace"));
  std::vector<std::string> hosts = {"localhost", "127.0.0.1", "::1"};
  if (!is_loopback(address) && address != "0.0.0.0" && address != "::") hosts.push_back(address);
  auto server = MR_TRY(net::make_server_certificate(authority, hosts));
  // The certificate last: its presence says that the set is whole.
  MR_TRY(write_file_atomic(file("ca.crt"), authority.certificate_pem, 0600));
  MR_TRY(write_file_atomic(file("server.key"), server.key_pem, 0600));
  MR_TRY(write_file_atomic(file("server.crt"), server.certificate_pem, 0600));
  return ServerTls{authority.certificate_pem, std::move(server)};
}

std::string kubernetes_token(std::string_view encryption_key) {
  return to_hex(as_chars(hmac_sha256(encryption_key, "kubernetes bearer token")));
}

Status write_client_files(const DataLayout& layout, const ServeOptions& options, const std::filesystem::path& key_file,
                          const std::string& endpoint, const std::string& kubernetes_endpoint,
                          const std::string& authority_pem, const std::string& token) {
  MR_TRY(make_directories(layout.bin(), 0700));
  MR_TRY(keep_file(layout.bin() / "aws", kAwsWrapper, 0700));
  const Value kubeconfig = Value::object(
      {{"apiVersion", "v1"},
       {"kind", "Config"},
       {"clusters", Value::array({Value::object(
                        {{"name", "millrace"},
                         {"cluster", Value::object({{"server", kubernetes_endpoint},
                                                    {"certificate-authority-data", to_base64(authority_pem)}})}})})},
       {"users",
        Value::array({Value::object({{"name", "administrator"}, {"user", Value::object({{"token", token}})}})})},
       {"contexts", Value::array({Value::object({{"name", "millrace"},
                                                 {"context", Value::object({{"cluster", "millrace"},
                                                                            {"user", "administrator"},
                                                                            {"namespace", "kubeflow"}})}})})},
       {"current-context", "millrace"}});
  MR_TRY(keep_file(layout.kubeconfig(), to_yaml(kubeconfig), 0600));
  const Value server = Value::object({{"endpoint", endpoint},
                                      {"region", options.region},
                                      {"account", options.account},
                                      {"key_file", key_file == layout.key() ? "" : key_file.native()}});
  return keep_file(layout.server_file(), to_json_pretty(server) + "\n", 0600);
}

Result<ServerFile> read_server_file(const DataLayout& layout) {
  const auto text = read_file(layout.server_file());
  if (!text) {
    return fail(Code::not_found, fmt::format("no server has used the data directory {}; start one with `millrace serve "
                                             "--data-dir {}`",
                                             layout.root.string(), layout.root.string()));
  }
  const Value file = MR_TRY(parse_json(*text));
  return ServerFile{file["endpoint"].string_or(), file["region"].string_or(), file["account"].string_or(),
                    file["key_file"].string_or()};
}

std::filesystem::path key_file_of(const DataLayout& layout) {
  const auto server = read_server_file(layout);
  return server && !server->key_file.empty() ? server->key_file : layout.key();
}

Result<std::string> open_key(const DataLayout& layout, const std::filesystem::path& key_file) {
  std::error_code error;
  const bool fresh = !std::filesystem::exists(layout.database(), error) && !std::filesystem::exists(key_file, error);
  return fresh && key_file == layout.key() ? iam::make_encryption_key(key_file) : iam::read_encryption_key(key_file);
}

Result<std::string> environment_lines(const DataLayout& layout, const aws::Credentials& administrator) {
  const ServerFile server = MR_TRY(read_server_file(layout));
  std::string lines;
  const auto set = [&](std::string_view name, std::string_view value) {
    lines += fmt::format("export {}={}\n", name, shell_quote(value));
  };
  set("MILLRACE_ENDPOINT", server.endpoint);
  set("AWS_ENDPOINT_URL", server.endpoint);
  set("AWS_REGION", server.region);
  set("AWS_DEFAULT_REGION", server.region);
  set("AWS_ACCESS_KEY_ID", administrator.access_key_id);
  set("AWS_SECRET_ACCESS_KEY", administrator.secret_access_key);
  lines += "unset AWS_SESSION_TOKEN AWS_PROFILE\n";
  set("AWS_PAGER", "");
  set("KUBECONFIG", layout.kubeconfig().string());
  const std::string bin = layout.bin().string();
  lines += fmt::format("case \":$PATH:\" in *:{0}:*) ;; *) export PATH={0}:\"$PATH\" ;; esac\n", shell_quote(bin));
  return lines;
}

}  // namespace millrace::app
