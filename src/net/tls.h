#pragma once
// Key pairs and certificates for our own TLS listener (ECDSA P-256, X.509 v3).
#include <string>
#include <vector>
#include "base/result.h"

namespace millrace::net {

struct KeyAndCertificate {
  std::string key_pem;
  std::string certificate_pem;
};
// A certificate authority, valid ten years.
Result<KeyAndCertificate> make_certificate_authority(const std::string& common_name);
// A server certificate for these names and IP addresses, signed by `authority`, valid ten years.
Result<KeyAndCertificate> make_server_certificate(const KeyAndCertificate& authority,
                                                  const std::vector<std::string>& hosts);

}  // namespace millrace::net
