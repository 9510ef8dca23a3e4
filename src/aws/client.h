#pragma once
// A signed AWS client over the embedded models: what components and the CLI use. Retries as botocore's standard mode
// does (3 attempts, full jitter, on throttling, 5xx and broken connections), plus `patience` for a server that is away.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "aws/credentials.h"
#include "aws/model.h"
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
  std::string user_agent = "millrace";    // what the User-Agent begins with
  std::function<void()> on_retry = {};    // before a request that may have reached the service is sent again
};

// The model of an operation that a client can call: of those that are served here, else of those that are only called
// (models/sagemaker-client.json); both null for one that is in neither.
struct ClientOperation {
  const ServiceModel* service = nullptr;
  const OperationModel* operation = nullptr;
};
ClientOperation client_operation(const std::string& service, std::string_view operation);

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
