#pragma once
// The files that clients of a running server need: kubeconfig, server.json, the SageMaker SDK's settings, an `aws` that
// knows the endpoint, and `millrace` itself.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/options.h"
#include "aws/credentials.h"
#include "base/result.h"
#include "net/tls.h"

namespace millrace::app {

// The server's certificate authority and certificate, made at first use and kept in the data directory (0600).
struct ServerTls {
  std::string authority_pem;
  net::KeyAndCertificate server;
};
Result<ServerTls> open_server_tls(const DataLayout& layout, const std::string& address);

// What Kubernetes clients present. Derived from the server's key.
std::string kubernetes_token(std::string_view encryption_key);

Status write_client_files(const DataLayout& layout, const ServeOptions& options, const std::filesystem::path& key_file,
                          const std::string& endpoint, const std::string& kubernetes_endpoint,
                          const std::string& authority_pem, const std::string& token);

struct ServerFile {
  std::string endpoint, region, account;
  std::filesystem::path key_file;
};
// Errors: not_found when no server has used this data directory.
Result<ServerFile> read_server_file(const DataLayout& layout);

// A variable of a client's environment; without a value it is to be unset.
struct Variable {
  std::string_view name;
  std::optional<std::string> value;
};
// What every client of the server wants, PATH apart: the directory layout.bin() is to come first in it.
std::vector<Variable> client_environment(const DataLayout& layout, const ServerFile& server,
                                         const aws::Credentials& administrator);

// The lines that `eval "$(millrace env)"` runs.
std::string environment_lines(const DataLayout& layout, const std::vector<Variable>& variables);

// The key file that the directory's secrets are sealed with: the one that its last server was given, or its own.
std::filesystem::path key_file_of(const DataLayout& layout);

// The key in `key_file`. The directory's own is made at first use, when there is nothing yet that another key sealed.
Result<std::string> open_key(const DataLayout& layout, const std::filesystem::path& key_file);

}  // namespace millrace::app
