#pragma once
// The AWS side of a component: which endpoint, which credentials, how patient, how often to look.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "aws/client.h"
#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "components/arguments.h"

namespace millrace::components {

// Reads a variable of the environment; empty when it is not set.
using Environment = std::function<std::string(const char* name)>;
Environment process_environment();

// Where a service is: `argument`, else AWS_ENDPOINT_URL_<id>, else AWS_ENDPOINT_URL, else empty (AWS itself). The two
// variables are left out when AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is "true".
std::string service_endpoint(const Environment& environment, std::string_view id, const std::string& argument);

// An error of a Session's without botocore's words in front of the service's own.
std::string message_of_service(const Error& error);

class Session {
 public:
  // How its calls are made: service ("sagemaker", "robomaker", "logs"), operation, input.
  using Caller = std::function<Result<Value>(std::string_view service, std::string_view operation, const Value& input)>;
  Session(Caller caller, const Clock& clock) : at_aws_(false), clock_(clock), caller_(std::move(caller)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  // From the common arguments region, endpoint_url and assume_role.
  Session(const Arguments& arguments, const Environment& environment, const Clock& clock);

  // Errors read as botocore's: "An error occurred (<code>) when calling the <operation> operation: <message>"; an input
  // that its client would not send is not sent here either (parameter_check.h).
  Result<Value> sagemaker(std::string_view operation, const Value& input);
  Result<Value> robomaker(std::string_view operation, const Value& input);
  Result<Value> logs(std::string_view operation, const Value& input);
  // SageMaker as AWS's controller for Kubernetes calls it, whose client checks nothing that matters here.
  Result<Value> controller(std::string_view operation, const Value& input);

  // A create whose answer was lost, sent again, meets its own resource. It counts as done when `describe` then finds a
  // resource that is ours: under a name this process made (`own_name`), or made since the call began and with all that
  // `request` asked for. The result is then the description, which has the same ARN.
  struct Creation {
    std::string_view operation;
    std::string_view describe;
    std::string_view name_member;  // "TrainingJobName"
    bool own_name = false;
  };
  Result<Value> create(const Creation& creation, const Value& request);
  Result<Value> create_as_controller(const Creation& creation, const Value& request);

  // How long to wait before looking the nth time (from 0): 30 s at AWS; from 20 ms growing to 500 ms elsewhere.
  std::chrono::milliseconds poll_interval(int looks) const;

 private:
  Result<Value> own_after_loss(const Creation& creation, const Value& request, Result<Value> created, double began);
  Result<Value> call(const std::string& service, std::string_view operation, const Value& input);

  bool at_aws_;
  const Clock& clock_;
  bool sent_again_ = false;  // the call that is being made, since its answer was lost
  Caller caller_;
};

}  // namespace millrace::components
