#include "app/client_files.h"

#include <cstdlib>

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

constexpr std::string_view kRivals[] = {"AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",
                                        "AWS_DEFAULT_PROFILE",
                                        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
                                        "AWS_ENDPOINT_URL_IAM",
                                        "AWS_ENDPOINT_URL_S3",
                                        "AWS_ENDPOINT_URL_SAGEMAKER",
                                        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME",
                                        "AWS_ENDPOINT_URL_STS"};

// Python's clients send even requests to loopback through a proxy of the environment unless its exceptions say
// otherwise. Nothing where there is no proxy.
std::optional<std::string> hosts_without_proxy() {
  const auto variable = [](const char* name) { return std::string(std::getenv(name) ? std::getenv(name) : ""); };
  bool any = false;
  for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
    any = any || !variable(name).empty();
  if (!any) return std::nullopt;
  std::string hosts = variable("no_proxy").empty() ? variable("NO_PROXY") : variable("no_proxy");
  if (hosts == "*") return hosts;
  for (const std::string_view host : {"127.0.0.1", "localhost"}) {
    if (fmt::format(",{},", hosts).find(fmt::format(",{},", host)) == std::string::npos)
      hosts += (hosts.empty() ? "" : ",") + std::string(host);
  }
  return hosts;
}

// The SageMaker SDK, version 2, asks STS at AWS's own address for the name of its default bucket and sends telemetry to
// a bucket of AWS's, unless its settings say otherwise. The bucket is the one that it would have named.
std::string sagemaker_settings(const ServeOptions& options) {
  const Value modules = Value::object(
      {{"TelemetryOptOut", true},
       {"Session",
        Value::object({{"DefaultS3Bucket", fmt::format("sagemaker-{}-{}", options.region, options.account)}})}});
  return to_yaml(Value::object({{"SchemaVersion", "1.0"},
                                {"SageMaker", Value::object({{"PythonSDK", Value::object({{"Modules", modules}})}})}}));
}

// `millrace` in a directory that is on the clients' PATH: this program, wherever it is.
Status link_program(const std::filesystem::path& link) {
  const auto program = own_executable();
  std::error_code error;
  if (std::filesystem::read_symlink(link, error) == program) return {};
  std::filesystem::remove(link, error);
  std::filesystem::create_symlink(program, link, error);
  return error ? Status(fail(system_error("cannot make " + link.string(), error.value()))) : Status();
}

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
  MR_TRY(link_program(layout.bin() / "millrace"));
  MR_TRY(keep_file(layout.sagemaker_settings(), sagemaker_settings(options), 0600));
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

std::vector<Variable> client_environment(const DataLayout& layout, const ServerFile& server,
                                         const aws::Credentials& administrator) {
  std::vector<Variable> out = {
      {"MILLRACE_URL", server.endpoint},
      {"MILLRACE_ENDPOINT", server.endpoint},
      {"MILLRACE_DATA_DIR", layout.root.string()},
      {"KF_PIPELINES_ENDPOINT", server.endpoint},
      {"KF_PIPELINES_UI_ENDPOINT", std::nullopt},  // the SDK links to KF_PIPELINES_ENDPOINT then
      {"AWS_ENDPOINT_URL", server.endpoint},
      {"AWS_REGION", server.region},
      {"AWS_DEFAULT_REGION", server.region},
      {"AWS_ACCESS_KEY_ID", administrator.access_key_id},
      {"AWS_SECRET_ACCESS_KEY", administrator.secret_access_key},
      {"AWS_PAGER", ""},
      {"SAGEMAKER_USER_CONFIG_OVERRIDE", layout.sagemaker_settings().string()},
      {"KUBECONFIG", layout.kubeconfig().string()},
  };
  // What would win over these: other credentials, endpoints of single services.
  for (const std::string_view name : kRivals) out.push_back({name, std::nullopt});
  if (const auto hosts = hosts_without_proxy()) {
    out.push_back({"no_proxy", *hosts});
    out.push_back({"NO_PROXY", *hosts});
  }
  return out;
}

std::string environment_lines(const DataLayout& layout, const std::vector<Variable>& variables) {
  std::string lines, unset;
  for (const Variable& variable : variables) {
    if (variable.value) lines += fmt::format("export {}={}\n", variable.name, shell_quoted(*variable.value));
    if (!variable.value) unset += fmt::format(" {}", variable.name);
  }
  lines += "unset" + unset + "\n";
  const std::string bin = layout.bin().string();
  lines += fmt::format("case \":$PATH:\" in *:{0}:*) ;; *) export PATH={0}:\"$PATH\" ;; esac\n", shell_quoted(bin));
  return lines;
}

}  // namespace millrace::app
