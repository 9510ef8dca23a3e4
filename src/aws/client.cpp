#include "aws/client.h"

#include <thread>

#include <fmt/core.h>

#include "aws/model.h"
#include "aws/model_data.h"
#include "aws/protocol.h"
#include "aws/sigv4.h"
#include "base/ids.h"
#include "base/strings.h"
#include "base/time.h"

namespace millrace::aws {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kBackoffBase{50};
constexpr std::chrono::milliseconds kBackoffLongest{20'000};
constexpr std::chrono::milliseconds kPatienceStep{50};
constexpr std::chrono::milliseconds kTimeout{120'000};

Code code_of(int status, std::string_view reason) {
  if (reason.find("AccessDenied") != std::string_view::npos) return Code::permission_denied;
  if (reason.find("NoSuch") != std::string_view::npos || reason.find("NotFound") != std::string_view::npos)
    return Code::not_found;
  if (reason.find("Already") != std::string_view::npos || reason == "ResourceInUse") return Code::already_exists;
  if (status == 404) return Code::not_found;
  if (status == 409) return Code::already_exists;
  if (status == 403 || status == 401) return Code::permission_denied;
  if (status == 429 || reason.find("Throttl") != std::string_view::npos) return Code::resource_exhausted;
  return status >= 500 ? Code::unavailable : Code::invalid_argument;
}

bool is_worth_retrying(int status, std::string_view reason) {
  constexpr int kNotImplemented = 501;  // will not be at the next attempt either
  return (status >= 500 && status != kNotImplemented) || status == 429 ||
         reason.find("Throttl") != std::string_view::npos || reason == "RequestLimitExceeded" || reason == "SlowDown" ||
         reason == "RequestTimeout";
}

Error read_error(const ServiceModel& model, const net::ClientResponse& response) {
  auto [reason, message] = wire_protocol(model.protocol).read_error(response);
  // "com.amazonaws.service#ResourceInUse:http://…" → "ResourceInUse"
  reason = reason.substr(0, reason.find(':'));
  if (const std::size_t hash = reason.rfind('#'); hash != std::string::npos) reason = reason.substr(hash + 1);
  if (message.empty()) message = fmt::format("{} {}", response.status, net::status_text(response.status));
  const Code code = code_of(response.status, reason);
  return Error(code, std::move(message), std::move(reason));
}

}  // namespace

struct Client::Impl {
  ClientOptions options;
  std::shared_ptr<CredentialsProvider> credentials;
  net::Client http;
  SystemClock clock;

  net::ClientRequest build(const ServiceModel& model, const OperationModel& operation, const Value& input) const {
    const std::string endpoint =
        options.endpoint.empty() ? replace_all(model.endpoint, "{region}", options.region) : options.endpoint;
    net::ClientRequest request = wire_protocol(model.protocol).build(model, operation, input, endpoint);
    request.method = operation.method;
    request.timeout = kTimeout;
    const std::string application = options.application_id.empty() ? "" : " app/" + options.application_id;
    request.headers.set("User-Agent", options.user_agent + application);
    return request;
  }

  Result<Value> read(const ServiceModel& model, const OperationModel& operation, net::ClientResponse response) const {
    if (response.status / 100 != 2) return fail(read_error(model, response));
    return wire_protocol(model.protocol).read_answer(model, operation, response);
  }
};

Client::Client(ClientOptions options, std::shared_ptr<CredentialsProvider> credentials) {
  impl_.reset(new Impl{std::move(options), std::move(credentials), {}, {}});
}

Client::~Client() = default;

ClientOperation client_operation(const std::string& service, std::string_view operation) {
  for (const std::string& name : {service, service + "-client"}) {
    if (model_text(name).empty()) continue;
    const ServiceModel& model = service_model(name);
    if (const OperationModel* found = model.operation(operation)) return {&model, found};
  }
  return {};
}

Result<Value> Client::call(std::string_view operation_name, const Value& input) {
  const auto [model, operation] = client_operation(impl_->options.service, operation_name);
  if (operation == nullptr)
    return fail(Code::unimplemented,
                fmt::format("{} has no operation {} here", impl_->options.service, operation_name));
  const auto give_up = SteadyClock::now() + impl_->options.patience;
  bool again = false;
  for (int attempt = 1;; ++attempt) {
    if (again && impl_->options.on_retry) impl_->options.on_retry();
    again = true;
    const Credentials credentials = MR_TRY(impl_->credentials->get());
    net::ClientRequest request = impl_->build(*model, *operation, input);
    sigv4::SignOptions sign;
    sign.region = impl_->options.region;
    sign.service = model->signing_name;
    sign.scheme = model->signing;
    sign.now = impl_->clock.now();
    sigv4::sign(request.method, request.url, request.headers, request.body, credentials, sign);
    auto response = impl_->http.send(request);
    if (!response) {
      if (response.error().code != Code::unavailable && response.error().code != Code::deadline_exceeded)
        return fail(response.error());
      // A server that is away for a moment: wait for it, without counting the attempt.
      if (SteadyClock::now() < give_up) {
        std::this_thread::sleep_for(kPatienceStep);
        --attempt;
        continue;
      }
      if (attempt >= impl_->options.max_attempts) return fail(response.error());
    } else {
      const int status = response->status;
      auto result = impl_->read(*model, *operation, std::move(*response));
      const bool starting = status == 503 && SteadyClock::now() < give_up;
      if (result || !is_worth_retrying(status, result.error().reason) ||
          (attempt >= impl_->options.max_attempts && !starting))
        return result;
    }
    // Full jitter: between nothing and 2^attempt times the base.
    const auto longest = std::min<std::int64_t>(kBackoffLongest.count(), kBackoffBase.count() << std::min(attempt, 9));
    std::this_thread::sleep_for(
        std::chrono::milliseconds(static_cast<std::int64_t>(random_u64() % static_cast<std::uint64_t>(longest + 1))));
  }
}

}  // namespace millrace::aws
