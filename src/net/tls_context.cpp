#include "net/tls_context.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace millrace::net {
namespace {

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;

Bio reader(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// HTTP/1.1 for clients that negotiate (RFC 7301); those that do not are served all the same.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                    unsigned in_length, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kHttp11, sizeof kHttp11 - 1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

void TlsContextDeleter::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Result<TlsContext> make_server_tls_context(const std::string& certificate_pem, const std::string& key_pem) {
  TlsContext context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(Code::resource_exhausted, "OpenSSL has no memory for a TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);  // an idle connection gives 34 KiB back
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);

  const Bio certificates = reader(certificate_pem), key_text = reader(key_pem);
  const Certificate certificate(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
  if (!certificate || SSL_CTX_use_certificate(context.get(), certificate.get()) != 1) {
    return fail(Code::invalid_argument, "the TLS certificate cannot be read; a PEM text is expected");
  }
  while (Certificate next{PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add0_chain_cert(context.get(), next.get()) == 1) (void)next.release();
  }
  const Key key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  if (!key || SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 || SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(Code::invalid_argument, "the TLS key cannot be read, or is not the certificate's");
  }
  return context;
}

std::string tls_version_of(const ssl_st* connection) {
  const std::string_view name = SSL_get_version(connection);
  constexpr std::string_view kPrefix = "TLSv";
  return std::string(name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name);
}

}  // namespace millrace::net
