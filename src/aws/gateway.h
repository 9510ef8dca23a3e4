#pragma once
// The one way into every AWS service: read the claim, find the credential, verify the signature, find the operation,
// parse and validate the input, authorise each check of the operation's table entry, call the handler, write the
// answer in the service's protocol. An operation cannot be built without its IAM action (see IamAction).

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/dialect.h"
#include "aws/errors.h"
#include "aws/model.h"
#include "aws/principal.h"
#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "net/http.h"

namespace millrace::aws {

// "sagemaker:CreateTrainingJob". Checked while compiling; there is no default.
class IamAction {
 public:
  consteval IamAction(const char* text) : text_(text) {
    bool colon = false, after = false;
    for (const char* c = text; *c != '\0'; ++c) {
      if (*c == ':')
        colon = true;
      else if (colon)
        after = true;
    }
    if (!colon || !after) throw "an IAM action is written service:Action";
  }
  constexpr std::string_view text() const { return text_; }

 private:
  const char* text_;
};

// One question to the policy engine: may the principal do `action` on `resource`?
struct Check {
  std::string action;
  std::string resource;                                                // an ARN, or "*"
  std::vector<std::pair<std::string, std::vector<std::string>>> keys;  // condition keys besides the global ones
};

class Authoriser;

struct Call {
  Principal principal;
  std::string service, operation;
  std::string account, region;  // the server's own
  std::string request_id;
  std::string origin;  // the run of a pipeline that the call belongs to; empty: none is known (see origin.h)
  Time now{};
  net::Request* http = nullptr;     // headers for conditional requests and the like
  net::BodyReader* body = nullptr;  // the decoded payload of a streaming input (S3, InvokeEndpoint); else null
  // Of an operation with `items`: for each item, in the order of the request, why it is refused; empty: it is allowed.
  std::vector<std::string> refused_items;
  // For what only the handler can know to ask (S3: may who asks for an absent key learn that it is absent?). Null in
  // checks_of().
  Authoriser* authoriser = nullptr;
  // What an error is about, by the element's name; see errors.h.
  ErrorDetails error_details;
  net::Headers error_headers;  // fields of the answer, if it is an error
};

// What a handler yields: the output shape's members, and, where the operation streams, the body and extra headers.
struct Output {
  Value members = Value::object();
  std::optional<net::Response> response;  // body/file/stream and additional headers; status 0: the model's
  Output() = default;
  Output(Value v) : members(std::move(v)) {}
};

using Resources = std::function<std::vector<std::string>(const Call&, const Value& input)>;
using Handle = std::function<Result<Output>(Call&, const Value& input)>;
using MoreChecks = std::function<Result<std::vector<Check>>(const Call&, const Value& input)>;
using ConditionKeys =
    std::function<std::vector<std::pair<std::string, std::vector<std::string>>>(const Call&, const Value& input)>;
using ChosenAction = std::function<IamAction(const Value& input)>;
using Items = std::function<std::vector<std::vector<Check>>(const Call&, const Value& input)>;

struct Operation {
  // The input shape is validated against the model before `resources`, `more` and `handle` see it.
  Operation(std::string_view op_name, IamAction iam_action, Resources on, Handle handler, MoreChecks more_checks = {},
            ConditionKeys condition_keys = {})
      : name(op_name),
        action(iam_action),
        resources(std::move(on)),
        handle(std::move(handler)),
        more(std::move(more_checks)),
        keys(std::move(condition_keys)) {}
  std::string name;
  IamAction action;
  Resources resources;  // each must be allowed
  Handle handle;
  MoreChecks more;  // e.g. iam:PassRole on the role that a job is given
  ConditionKeys keys;
  ChosenAction chosen_action;  // instead of `action`, where the request decides which one it is; null: `action`
  // The items of a list that are decided one by one: the checks of each. A refused item does not refuse the request;
  // the handler finds it in Call::refused_items and reports it.
  Items items;
  std::string action_for(const Value& input) const {
    return std::string((chosen_action ? chosen_action(input) : action).text());
  }
};
Resources any_resource();  // "*"

struct Service {
  std::string name;  // of its model
  Dialect dialect = {};
  std::vector<Operation> operations = {};
  // How operations are registered: by the functions that make them from the part of the service that they act on (its
  // store). A function makes one operation, or all those of one kind of thing.
  template <class Part>
  Service& add(Part& part, std::initializer_list<Operation (*)(Part&)> makers) {
    for (const auto make : makers) operations.push_back(make(part));
    return *this;
  }
  template <class Part>
  Service& add(Part& part, std::initializer_list<std::vector<Operation> (*)(Part&)> makers) {
    for (const auto make : makers) {
      for (Operation& operation : make(part)) operations.push_back(std::move(operation));
    }
    return *this;
  }
};

// Implemented by iam/.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  struct Found {
    Principal principal;
    std::string secret_access_key;
  };
  // Errors, reason as AWS: InvalidClientTokenId / InvalidAccessKeyId (unknown or inactive), ExpiredToken.
  virtual Result<Found> find(std::string_view access_key_id, std::string_view session_token, Time now) = 0;
};
class Authoriser {
 public:
  virtual ~Authoriser() = default;
  // Identity, boundary and session policies, and the resource's own policy, combined in AWS's order.
  // Error: permission_denied, reason AccessDenied, AWS's current wording.
  virtual Status authorise(const Call& call, const Check& check) = 0;
};
// Implemented by a service that has resource policies (s3/): the JSON document for this resource, empty for none.
using ResourcePolicy = std::function<Result<std::string>(const std::string& resource_arn)>;

struct GatewayOptions {
  std::string account = "123456789012";
  std::string region = "us-east-1";
  std::size_t max_body_bytes = 6u << 20;  // of buffered (not streaming) requests
};

// One line of the audit trail, after the answer is known.
struct CallRecord {
  Time at{};
  std::string request_id, principal_arn, access_key_id, service, operation, error_code, source_address, user_agent;
  std::vector<Check> checks;
};

class Gateway {
 public:
  Gateway(GatewayOptions options, Authenticator& authenticator, Authoriser& authoriser, const Clock& clock,
          std::function<void(const CallRecord&)> record = {});
  ~Gateway();
  void add(Service service);
  // Is this request for an AWS API: SigV4 in header or query, an AWS target header, or an unsigned AWS-looking call?
  static bool is_aws_request(const net::Request& request);
  net::Response handle(net::Request& request);
  // An error before the request is handled, in the words of the service that it seems to be for: nobody has been
  // authenticated. For limits of the network layer.
  net::Response refuse(const net::Request& head, const Error& error) const;
  // What an operation's table entry would ask of the authoriser for this input. Nothing is asked or done. Errors:
  // unimplemented for what is not served; those of the entry.
  Result<std::vector<Check>> checks_of(const Principal& principal, std::string_view service, std::string_view operation,
                                       const Value& input) const;
  // For a service acting inside the server on a principal's behalf (a job that reads S3 as its execution role).
  Status authorise(const Principal& principal, std::string_view service, std::string_view operation,
                   const Check& check);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::aws
