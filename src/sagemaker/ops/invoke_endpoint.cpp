#include "sagemaker/ops/ops.h"

#include <fmt/core.h>

#include "aws/errors.h"
#include "base/json.h"
#include "sagemaker/serving/model_error.h"

namespace millrace::sagemaker {

namespace {

constexpr std::size_t kMaxBody = 6u << 20;  // InvokeEndpoint's limit, both ways

// A model's own error: 424 with what it said. Shape ModelError of the runtime's model.
net::Response model_error(const Ops& ops, const std::string& endpoint, const InvocationAnswer& answer) {
  const std::string message = model_error_message(ops.dependencies.account_region, endpoint, answer);
  net::Response response = net::Response::json(
      424,
      to_json(Value::object({{"Message", message},
                             {"OriginalStatusCode", answer.status},
                             {"OriginalMessage", original_message(answer)},
                             {"LogStreamArn", fmt::format("arn:aws:logs:{}:{}:log-group:/aws/sagemaker/Endpoints/{}",
                                                          ops.dependencies.account_region.region,
                                                          ops.dependencies.account_region.account, endpoint)}})));
  response.headers.set("x-amzn-ErrorType", "ModelError");
  return response;
}

Result<Invocation> read_invocation(aws::Call& call, const Value& input) {
  const std::string endpoint = input["EndpointName"].string_or();
  if (!input["InferenceComponentName"].string_or().empty()) {
    return fail(Code::invalid_argument, "InferenceComponentName is not supported by this endpoint.", "ValidationError");
  }
  Invocation invocation;
  invocation.endpoint = endpoint;
  invocation.target_variant = input["TargetVariant"].string_or();
  invocation.inference_id = input["InferenceId"].string_or();
  invocation.target_model = input["TargetModel"].string_or();
  invocation.target_container = input["TargetContainerHostname"].string_or();
  invocation.content_type = input["ContentType"].string_or();
  invocation.accept = input["Accept"].string_or();
  invocation.custom_attributes = input["CustomAttributes"].string_or();
  invocation.body = input["Body"].string_or();
  if (call.body != nullptr && invocation.body.empty()) invocation.body = MR_TRY(call.body->read_all(kMaxBody));
  if (invocation.body.size() > kMaxBody) {
    return fail(
        Code::invalid_argument,
        fmt::format("Request {} bytes must be less than or equal to {} bytes", invocation.body.size(), kMaxBody),
        "ValidationError");
  }
  return invocation;
}

// Shape InvokeEndpointOutput of the runtime's model: the body, and the rest as fields.
net::Response response_of(const Ops& ops, const std::string& endpoint, InvocationAnswer answer) {
  if (answer.status < 200 || answer.status > 299) return model_error(ops, endpoint, answer);
  net::Response response;
  response.body = std::move(answer.body);
  if (!answer.content_type.empty()) response.headers.set("Content-Type", answer.content_type);
  response.headers.set("x-Amzn-Invoked-Production-Variant", answer.variant);
  if (!answer.custom_attributes.empty()) {
    response.headers.set("X-Amzn-SageMaker-Custom-Attributes", answer.custom_attributes);
  }
  return response;
}

}  // namespace

aws::Operation invoke_endpoint(Ops& ops) {
  return {"InvokeEndpoint",
          "sagemaker:InvokeEndpoint",
          resource_named(ops, Kind::endpoint),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            // Read here: the request is gone when the model answers.
            auto invocation = MR_TRY(read_invocation(call, input));
            aws::Output output;
            if (auto answer = MR_TRY(ops.endpoints.answer_here(invocation))) {
              output.response = response_of(ops, invocation.endpoint, std::move(*answer));
              return output;
            }
            output.response.emplace();
            output.response->later = [&ops, id = call.request_id,
                                      invocation = std::move(invocation)](net::Completion completion) {
              const auto done = [&ops, id, endpoint = invocation.endpoint,
                                 completion](Result<InvocationAnswer> answer) {
                completion(answer ? response_of(ops, endpoint, std::move(*answer))
                                  : aws::write_error(aws::Protocol::rest_json, answer.error(), id, "", false, ""));
              };
              ops.endpoints.invoke(invocation, done, [completion] { return completion.wanted(); });
            };
            return output;
          },
          {},
          [](const aws::Call&, const Value& input) {
            decltype(aws::Check::keys) keys;
            if (const std::string model = input["TargetModel"].string_or(); !model.empty())
              keys.push_back({"sagemaker:TargetModel", {model}});
            return keys;
          }};
}

}  // namespace millrace::sagemaker
