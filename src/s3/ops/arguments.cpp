#include "base/json.h"
#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

std::string argument_text(const Value& value) { return value.is_string() ? value.as_string() : to_json(value); }

tl::unexpected<Error> bad_argument(aws::Call& call, std::string_view name, std::string_view value,
                                   std::string message) {
  call.error_details.emplace_back("ArgumentName", name);
  call.error_details.emplace_back("ArgumentValue", value);
  return invalid_argument(std::move(message));
}

tl::unexpected<Error> not_implemented_header(aws::Call& call, std::string_view header, std::string_view why) {
  call.error_details.emplace_back("Header", header);
  if (!why.empty()) call.error_details.emplace_back("additionalMessage", why);
  return not_implemented("A header you provided implies functionality that is not implemented");
}

Error absent_or_denied(aws::Call& call, const std::string& bucket, Error error) {
  if (error.reason != "NoSuchKey" || call.authoriser == nullptr) return error;
  auto may_list = call.authoriser->authorise(call, {"s3:ListBucket", bucket_arn(bucket), {}});
  return may_list ? std::move(error) : std::move(may_list).error();
}

}  // namespace millrace::s3::ops
