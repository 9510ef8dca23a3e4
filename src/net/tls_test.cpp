#include "net/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "net/client.h"
#include "net/raw_connection_for_tests.h"

namespace millrace::net {
namespace {

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;

X509Ptr parse(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                          BIO_free_all);
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
}

// As a strict verifier sees it (Go's, OpenSSL's -x509_strict): chain, purpose, constraints.
bool verifies(const std::string& leaf, const std::string& root) {
  const X509Ptr certificate = parse(leaf), authority = parse(root);
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                X509_STORE_CTX_free);
  X509_STORE_add_cert(store.get(), authority.get());
  X509_STORE_set_flags(store.get(), X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  return X509_verify_cert(context.get()) == 1;
}

class Tls : public ::testing::Test {
 protected:
  void SetUp() override {
    auto authority = make_certificate_authority("Millrace test authority");
    ASSERT_TRUE(authority) << authority.error().message;
    authority_ = std::move(*authority);
    auto certificate = make_server_certificate(authority_, {"localhost", "127.0.0.1", "::1"});
    ASSERT_TRUE(certificate) << certificate.error().message;
    certificate_ = std::move(*certificate);
  }
  ServerOptions options() const {
    ServerOptions options;
    options.tls_certificate_pem = certificate_.certificate_pem;
    options.tls_key_pem = certificate_.key_pem;
    return options;
  }
  KeyAndCertificate authority_, certificate_;
};

TEST_F(Tls, CertificatesStandUpToAStrictVerifier) {
  EXPECT_TRUE(verifies(certificate_.certificate_pem, authority_.certificate_pem));
  EXPECT_FALSE(verifies(certificate_.certificate_pem, make_certificate_authority("Other")->certificate_pem));
  const X509Ptr certificate = parse(certificate_.certificate_pem);
  EXPECT_EQ(X509_check_host(certificate.get(), "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "::1", 0), 1);
  EXPECT_EQ(X509_check_host(certificate.get(), "example.com", 0, 0, nullptr), 0);
}

TEST_F(Tls, AHostCannotBringNamesOfItsOwn) {
  for (const std::string_view host : {"a,DNS:evil.example", "a b", "", "a\nb", "a=b"}) {
    EXPECT_EQ(make_server_certificate(authority_, {std::string(host)}).error().code, Code::invalid_argument) << host;
  }
  EXPECT_FALSE(make_server_certificate(authority_, {}));
  EXPECT_FALSE(make_server_certificate(KeyAndCertificate{"x", "y"}, {"localhost"}));
  EXPECT_TRUE(make_server_certificate(authority_, {std::string(60, 'a') + "." + std::string(60, 'b')}));
}

TEST_F(Tls, TheServerRefusesAKeyThatIsNotItsCertificates) {
  ServerOptions wrong = options();
  wrong.tls_key_pem = authority_.key_pem;
  EXPECT_EQ(Server::start(wrong, echo).error().code, Code::invalid_argument);
  wrong.tls_key_pem = "";
  EXPECT_EQ(Server::start(wrong, echo).error().code, Code::invalid_argument);
}

TEST_F(Tls, UploadsDownloadsAndStaysOpen) {
  auto server = start_server(echo, options());
  Client client;
  ClientRequest request;
  request.method = "PUT";
  request.url = fmt::format("https://localhost:{}/big", server->port());
  request.ca_pem = authority_.certificate_pem;
  for (const std::size_t size : {0u, 10u, 70'000u, 9u << 20}) {
    request.body = std::string(size, 't');
    const auto answer = client.send(request);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "PUT /big " + request.body);
  }
  request.headers.add("Transfer-Encoding", "chunked");
  request.body = std::string(1u << 20, 'c');
  const auto answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "PUT /big " + request.body);
}

TEST_F(Tls, ClientsThatDoNotTrustUsAreToldSoAndHurtNobody) {
  auto server = start_server(echo, options());
  Client client;
  ClientRequest request;
  request.url = fmt::format("https://127.0.0.1:{}/", server->port());
  EXPECT_EQ(client.send(request).error().code, Code::unauthenticated);
  RawConnection noise(server->port());
  noise.send(std::string("\x16\x03\x01\x00\x05hello and more", 19));
  (void)noise.receive();
  request.ca_pem = authority_.certificate_pem;
  EXPECT_TRUE(client.send(request));
}

TEST_F(Tls, AServerWithoutACertificateClosesOnAHello) {
  auto server = start_server(echo);
  RawConnection raw(server->port());
  raw.send("\x16\x03\x01");
  EXPECT_EQ(raw.receive(), "");
}

TEST_F(Tls, StopDoesNotWaitForSilentPeers) {
  auto server = start_server(echo, options());
  Client client;
  ClientRequest request;
  request.url = fmt::format("https://127.0.0.1:{}/", server->port());
  request.ca_pem = authority_.certificate_pem;
  ASSERT_TRUE(client.send(request));  // its connection stays open in the client's pool
  const auto start = std::chrono::steady_clock::now();
  server->stop(std::chrono::milliseconds(5000));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1000));
}

}  // namespace
}  // namespace millrace::net
