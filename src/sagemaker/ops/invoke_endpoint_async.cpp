#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation invoke_endpoint_async(Ops& ops) {
  return {"InvokeEndpointAsync", "sagemaker:InvokeEndpointAsync", resource_named(ops, Kind::endpoint),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            constexpr std::size_t kMaxInline = 128'000;  // shape AsyncBodyBlob
            Value request = input;
            if (call.body != nullptr && request["Body"].string_or().empty()) {
              if (std::string body = MR_TRY(call.body->read_all(kMaxInline)); !body.empty())
                request.set("Body", std::move(body));
            }
            const AsyncAccepted accepted = MR_TRY(ops.endpoints.invoke_async(request, call.now));
            Value answer =
                Value::object({{"InferenceId", accepted.inference_id}, {"OutputLocation", accepted.output_location}});
            answer.set_if(!accepted.failure_location.empty(), "FailureLocation", accepted.failure_location);
            return aws::Output(std::move(answer));
          }};
}

}  // namespace millrace::sagemaker
