#pragma once
// A signed AWS client over the embedded models: what components and the CLI use. Retries as botocore's standard mode
// does (3 attempts, full jitter, on throttling, 5xx and broken connections), plus `patience` for a server that is away.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "aws/credentials.h"
#include "base/result.h"
#include "base/value.h"
#include "net/client.h"

namespace millrace::aws {

struct ClientOptions {
  std::string service;  // of its model
  std::string region;
  std::string endpoint;  // "http://127.0.0.1:8080"; empty: AWS's own (ServiceIdentity::endpoint)
  int max_attempts = 3;
  std::chrono::milliseconds patience{0};  // keep retrying refused connections this long
  std::string application_id = {};        // part of the User-Agent, as SDKs send it; empty: none
};

class Client {
 public:
  Client(ClientOptions options, std::shared_ptr<CredentialsProvider> credentials);
  ~Client();
  // Input and output by the operation's shapes. A streaming output body is in "Body". An AWS error becomes
  // Error{code, message, reason = AWS's code}.
  Result<Value> call(std::string_view operation, const Value& input);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::aws
