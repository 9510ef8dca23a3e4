#include "components/session.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/core.h>

#include "aws/origin.h"
#include "base/strings.h"
#include "components/assumed_role.h"
#include "components/parameter_check.h"

namespace millrace::components {
namespace {

constexpr std::chrono::seconds kPatience{120};  // with a server that is being started again
constexpr std::chrono::seconds kAwsPoll{30};
constexpr std::chrono::milliseconds kFirstPoll{20};
constexpr std::chrono::milliseconds kLongestPoll{500};
constexpr int kAttempts = 10;  // of the clients that the published components configure
constexpr std::string_view kUserAgent = "sagemaker-on-kubeflow-pipelines-v1.1.2 millrace";

// An endpoint of one's own can be looked at often and may be away for a while; AWS neither.
bool is_aws(const std::string& endpoint) {
  return endpoint.empty() || endpoint.find(".amazonaws.com") != std::string::npos ||
         endpoint.find(".api.aws") != std::string::npos;
}

aws::ClientOptions client_options(const Environment& environment, std::string service, const std::string& region,
                                  std::string endpoint) {
  aws::ClientOptions options;
  options.application_id = environment(aws::kApplicationIdVariable);
  options.service = std::move(service);
  options.region = region;
  if (!is_aws(endpoint)) options.patience = kPatience;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  options.endpoint = std::move(endpoint);
  return options;
}

Result<Value> as_botocore(std::string_view operation, Result<Value> result) {
  if (result || result.error().reason.empty()) return result;
  Error error = std::move(result).error();
  error.message =
      fmt::format("An error occurred ({}) when calling the {} operation: {}", error.reason, operation, error.message);
  return fail(std::move(error));
}

bool says_it_exists(const Error& error) {
  return error.reason == "ResourceInUse" || error.message.find("already exist") != std::string::npos;
}

// Whether `found` has all that `wanted` asks for; empty wishes are wishes for nothing.
bool covers(const Value& found, const Value& wanted) {
  if (wanted.is_null() || (wanted.is_string() && wanted.as_string().empty())) return true;
  if (wanted.is_object()) {
    return std::ranges::all_of(wanted.as_object(), [&](const Value::Member& member) {
      return member.first == "Tags" || covers(found[member.first], member.second);
    });
  }
  if (wanted.is_array()) {
    if (found.items().size() != wanted.as_array().size()) return false;
    for (std::size_t i = 0; i < wanted.as_array().size(); ++i) {
      if (!covers(found.items()[i], wanted.as_array()[i])) return false;
    }
    return true;
  }
  if (wanted.is_bool() && !wanted.as_bool() && found.is_null()) return true;
  return found == wanted;
}

}  // namespace

Environment process_environment() {
  return [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
  };
}

std::string message_of_service(const Error& error) {
  constexpr std::string_view kBefore = " operation: ";
  const std::size_t at = error.message.find(kBefore);
  return at == std::string::npos ? error.message : error.message.substr(at + kBefore.size());
}

std::string service_endpoint(const Environment& environment, std::string_view id, const std::string& argument) {
  const std::string given(trim(argument));
  if (!given.empty()) return given;
  if (equals_ignore_case(environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true")) return {};
  std::string endpoint = environment(fmt::format("AWS_ENDPOINT_URL_{}", id).c_str());
  return endpoint.empty() ? environment("AWS_ENDPOINT_URL") : endpoint;
}

Session::Session(const Arguments& arguments, const Environment& environment, const Clock& clock) : clock_(clock) {
  const std::string region = arguments.text("region");
  std::shared_ptr<aws::CredentialsProvider> credentials = aws::default_credentials();
  if (const std::string role = arguments.text("assume_role"); !role.empty()) {
    credentials =
        assumed_role(role, client_options(environment, "sts", region, service_endpoint(environment, "STS", "")),
                     std::move(credentials), clock);
  }
  const auto own_client = [&](const std::string& service, std::string_view id) {
    auto options =
        client_options(environment, service, region, service_endpoint(environment, id, arguments.text("endpoint_url")));
    options.max_attempts = kAttempts;
    options.user_agent = kUserAgent;
    options.on_retry = [this] { sent_again_ = true; };
    return std::make_shared<aws::Client>(std::move(options), credentials);
  };
  at_aws_ = is_aws(service_endpoint(environment, "SAGEMAKER", arguments.text("endpoint_url")));
  const auto sagemaker = own_client("sagemaker", "SAGEMAKER"), robomaker = own_client("robomaker", "ROBOMAKER");
  auto logs = std::make_shared<aws::Client>(
      client_options(environment, "logs", region, service_endpoint(environment, "CLOUDWATCH_LOGS", "")), credentials);
  caller_ = [=](std::string_view service, std::string_view operation, const Value& input) {
    return (service == "logs" ? logs : service == "robomaker" ? robomaker : sagemaker)->call(operation, input);
  };
}

Result<Value> Session::call(const std::string& service, std::string_view operation, const Value& input) {
  const aws::OperationModel* model = aws::client_operation(service, operation).operation;
  if (model != nullptr && model->input != nullptr) MR_TRY(check_parameters(*model->input, input));
  return as_botocore(operation, caller_(service, operation, input));
}

Result<Value> Session::sagemaker(std::string_view operation, const Value& input) {
  return call("sagemaker", operation, input);
}

Result<Value> Session::robomaker(std::string_view operation, const Value& input) {
  auto result = call("robomaker", operation, input);
  // A server that does not know the service has no code of AWS's for it.
  if (!result && result.error().reason.empty() && result.error().message.starts_with("501")) {
    return fail(Code::unimplemented,
                fmt::format("{} of robomaker is not served here, and AWS has ended that service.", operation));
  }
  return result;
}

Result<Value> Session::logs(std::string_view operation, const Value& input) { return call("logs", operation, input); }

Result<Value> Session::controller(std::string_view operation, const Value& input) {
  return as_botocore(operation, caller_("sagemaker", operation, input));
}

Result<Value> Session::create(const Creation& creation, const Value& request) {
  const double began = std::floor(to_epoch_seconds(clock_.now()));  // services may answer in whole seconds
  sent_again_ = false;
  return own_after_loss(creation, request, sagemaker(creation.operation, request), began);
}

Result<Value> Session::create_as_controller(const Creation& creation, const Value& request) {
  const double began = std::floor(to_epoch_seconds(clock_.now()));
  sent_again_ = false;
  return own_after_loss(creation, request, controller(creation.operation, request), began);
}

Result<Value> Session::own_after_loss(const Creation& creation, const Value& request, Result<Value> created,
                                      double began) {
  if (created || !sent_again_ || !says_it_exists(created.error())) return created;
  const auto found =
      sagemaker(creation.describe, Value::object({{std::string(creation.name_member), request[creation.name_member]}}));
  if (!found) return created;
  const bool made_now = (*found)["CreationTime"].double_or(0) >= began && covers(*found, request);
  return creation.own_name || made_now ? found : created;
}

std::chrono::milliseconds Session::poll_interval(int looks) const {
  if (at_aws_) return kAwsPoll;
  // Half as long again each time: 500 ms after eight looks.
  std::chrono::milliseconds interval = kFirstPoll;
  for (int i = 0; i < looks && interval < kLongestPoll; ++i) interval = interval * 3 / 2;
  return std::min(interval, kLongestPoll);
}

}  // namespace millrace::components
