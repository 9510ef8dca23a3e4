#include "sagemaker/ops/ops.h"

#include <fmt/core.h>

#include "base/json.h"

namespace millrace::sagemaker {

namespace {

constexpr std::size_t kMaxBody = 6u << 20;  // InvokeEndpoint's limit, both ways

// A model's own error: 424 with what it said. Shape ModelError of the runtime's model.
net::Response model_error(const Ops& ops, const std::string& endpoint, const Endpoints::Answer& answer) {
  const std::string_view side = answer.status >= 500 ? "server" : "client";
  const std::string message = fmt::format(
      "Received {} error ({}) from primary with message \"{}\". See log group /aws/sagemaker/Endpoints/{} in account "
      "{} "
      "for more information.",
      side, answer.status, answer.body.substr(0, 1024), endpoint, ops.world.place.account);
  net::Response response = net::Response::json(
      424, to_json(Value::object(
               {{"Message", message},
                {"OriginalStatusCode", answer.status},
                {"OriginalMessage", answer.body.substr(0, 1024)},
                {"LogStreamArn", fmt::format("arn:aws:logs:{}:{}:log-group:/aws/sagemaker/Endpoints/{}",
                                             ops.world.place.region, ops.world.place.account, endpoint)}})));
  response.headers.set("x-amzn-ErrorType", "ModelError");
  return response;
}

}  // namespace

aws::Operation invoke_endpoint(Ops& ops) {
  return {"InvokeEndpoint",
          "sagemaker:InvokeEndpoint",
          resource_named(ops, Kind::endpoint),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            for (const std::string_view member : {"TargetModel", "TargetContainerHostname", "InferenceComponentName"}) {
              if (!input[member].string_or().empty()) {
                return fail(Code::invalid_argument, fmt::format("{} is not supported by this endpoint.", member),
                            "ValidationError");
              }
            }
            Endpoints::Invocation invocation;
            invocation.endpoint = input["EndpointName"].string_or();
            invocation.target_variant = input["TargetVariant"].string_or();
            invocation.content_type = input["ContentType"].string_or();
            invocation.accept = input["Accept"].string_or();
            invocation.custom_attributes = input["CustomAttributes"].string_or();
            invocation.body = input["Body"].string_or();
            if (call.body != nullptr && invocation.body.empty()) {
              invocation.body = MR_TRY(call.body->read_all(kMaxBody));
            }
            if (invocation.body.size() > kMaxBody) {
              return fail(Code::invalid_argument,
                          fmt::format("Request {} bytes must be less than or equal to {} bytes", invocation.body.size(),
                                      kMaxBody),
                          "ValidationError");
            }
            auto answer = MR_TRY(ops.endpoints.invoke(invocation));
            aws::Output output;
            if (answer.status < 200 || answer.status > 299) {
              output.response = model_error(ops, invocation.endpoint, answer);
              return output;
            }
            output.members.set("Body", std::move(answer.body));
            output.members.set("ContentType", std::move(answer.content_type));
            output.members.set("InvokedProductionVariant", std::move(answer.variant));
            if (!answer.custom_attributes.empty()) output.members.set("CustomAttributes", answer.custom_attributes);
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
