#pragma once
// OpenSSL's server context for one certificate: TLS 1.2 and later, HTTP/1.1 by ALPN.

#include <memory>
#include <string>

#include "base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace millrace::net {

struct TlsContextDeleter {
  void operator()(ssl_ctx_st* context) const;
};
using TlsContext = std::unique_ptr<ssl_ctx_st, TlsContextDeleter>;

// Errors: invalid_argument when the texts are not a certificate (chain) and its key.
Result<TlsContext> make_server_tls_context(const std::string& certificate_pem, const std::string& key_pem);

// "1.2" of a connection whose handshake is done.
std::string tls_version_of(const ssl_st* connection);

}  // namespace millrace::net
