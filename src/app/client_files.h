#pragma once
// The files that clients of a running server need: kubeconfig, server.json, and an `aws` that knows the endpoint.

#include <string>

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

// The lines that `eval "$(millrace env)"` runs. Errors: not_found when no server has used this data directory.
Result<std::string> environment_lines(const DataLayout& layout, const aws::Credentials& administrator);

struct ServerFile {
  std::string endpoint, region, account;
  std::filesystem::path key_file;
};
Result<ServerFile> read_server_file(const DataLayout& layout);

// The key file that the directory's secrets are sealed with: the one that its last server was given, or its own.
std::filesystem::path key_file_of(const DataLayout& layout);

// The key in `key_file`. The directory's own is made at first use, when there is nothing yet that another key sealed.
Result<std::string> open_key(const DataLayout& layout, const std::filesystem::path& key_file);

}  // namespace millrace::app
