#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <string_view>

#include <memory>

namespace millrace::net {
namespace {

constexpr long kValidSeconds = 10L * 365 * 24 * 3600;

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION, X509_EXTENSION_free>>;

tl::unexpected<Error> failure(const char* what) {
  return fail(Code::internal, std::string("OpenSSL could not ") + what);
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

// A name that can stand in the extension's text as it is; anything else could add names of its own.
bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*:") ==
             std::string_view::npos;
}

Result<Certificate> make_certificate(EVP_PKEY* key, const std::string& whole_name) {
  const std::string common_name = whole_name.substr(0, ub_common_name);
  Certificate certificate(X509_new());
  unsigned char serial[16];
  if (!certificate || RAND_bytes(serial, sizeof serial) != 1) return failure("make a certificate");
  serial[0] &= 0x7f;  // a positive number
  const std::unique_ptr<BIGNUM, Deleter<BIGNUM, BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  if (!number || BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) == nullptr ||
      X509_set_version(certificate.get(), 2) != 1 ||
      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600) == nullptr ||
      X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kValidSeconds) == nullptr ||
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) != 1 ||
      X509_set_pubkey(certificate.get(), key) != 1) {
    return failure("make a certificate");
  }
  return certificate;
}

Status add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) return failure("extend a certificate");
  return {};
}

Result<KeyAndCertificate> to_pem(EVP_PKEY* key, X509* certificate) {
  const Bio key_bio(BIO_new(BIO_s_mem())), certificate_bio(BIO_new(BIO_s_mem()));
  if (!key_bio || !certificate_bio ||
      PEM_write_bio_PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(certificate_bio.get(), certificate) != 1) {
    return failure("write a certificate");
  }
  return KeyAndCertificate{text_of(key_bio.get()), text_of(certificate_bio.get())};
}

}  // namespace

Result<KeyAndCertificate> make_certificate_authority(const std::string& common_name) {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return failure("make a key");
  const Certificate certificate = MR_TRY(make_certificate(key.get(), common_name));
  if (X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) != 1) {
    return failure("make a certificate");
  }
  MR_TRY(add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  MR_TRY(add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign"));
  MR_TRY(add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash"));
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) return failure("sign a certificate");
  return to_pem(key.get(), certificate.get());
}

Result<KeyAndCertificate> make_server_certificate(const KeyAndCertificate& authority,
                                                  const std::vector<std::string>& hosts) {
  if (hosts.empty()) return fail(Code::invalid_argument, "a certificate is made for one host at least");
  for (const std::string& host : hosts) {
    if (!is_host(host))
      return fail(Code::invalid_argument, "a certificate cannot be made for the host \"" + host + "\"");
  }
  const Bio key_bio(BIO_new_mem_buf(authority.key_pem.data(), static_cast<int>(authority.key_pem.size())));
  const Bio certificate_bio(
      BIO_new_mem_buf(authority.certificate_pem.data(), static_cast<int>(authority.certificate_pem.size())));
  const Key authority_key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  const Certificate issuer(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr));
  const Key key(EVP_EC_gen("P-256"));
  if (!authority_key || !issuer) {
    return fail(Code::invalid_argument, "the certificate authority's key or certificate cannot be read");
  }
  if (!key) return failure("make a key");
  const Certificate certificate = MR_TRY(make_certificate(key.get(), hosts.front()));
  if (X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get())) != 1) {
    return failure("make a certificate");
  }
  std::string names;
  for (const std::string& host : hosts) {
    in6_addr address{};
    const bool is_address =
        ::inet_pton(AF_INET, host.c_str(), &address) == 1 || ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
    names += (names.empty() ? "" : ",") + std::string(is_address ? "IP:" : "DNS:") + host;
  }
  MR_TRY(add_extension(certificate.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE"));
  MR_TRY(add_extension(certificate.get(), issuer.get(), NID_key_usage, "critical,digitalSignature"));
  MR_TRY(add_extension(certificate.get(), issuer.get(), NID_ext_key_usage, "serverAuth"));
  MR_TRY(add_extension(certificate.get(), issuer.get(), NID_subject_alt_name, names));
  MR_TRY(add_extension(certificate.get(), issuer.get(), NID_subject_key_identifier, "hash"));
  MR_TRY(add_extension(certificate.get(), issuer.get(), NID_authority_key_identifier, "keyid"));
  if (X509_sign(certificate.get(), authority_key.get(), EVP_sha256()) == 0) return failure("sign a certificate");
  return to_pem(key.get(), certificate.get());
}

}  // namespace millrace::net
