#include "s3/errors.h"

namespace millrace::s3 {

tl::unexpected<Error> error_with(std::string_view reason, std::string message, Code code) {
  return fail(code, std::move(message), std::string(reason));
}

tl::unexpected<Error> no_such_bucket() {
  return error_with("NoSuchBucket", "The specified bucket does not exist", Code::not_found);
}
tl::unexpected<Error> no_such_key() {
  return error_with("NoSuchKey", "The specified key does not exist.", Code::not_found);
}
tl::unexpected<Error> no_such_upload() {
  return error_with("NoSuchUpload",
                    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
                    "aborted or completed.",
                    Code::not_found);
}
tl::unexpected<Error> no_such_bucket_policy() {
  return error_with("NoSuchBucketPolicy", "The bucket policy does not exist", Code::not_found);
}
tl::unexpected<Error> invalid_part() {
  return error_with("InvalidPart",
                    "One or more of the specified parts could not be found.  The part may not have been uploaded, or "
                    "the specified entity tag may not match the part's entity tag.");
}
tl::unexpected<Error> malformed_xml() {
  return error_with("MalformedXML",
                    "The XML you provided was not well-formed or did not validate against our published schema");
}
tl::unexpected<Error> not_implemented(std::string message) {
  return error_with("NotImplemented", std::move(message), Code::unimplemented);
}
tl::unexpected<Error> invalid_argument(std::string message) {
  return error_with("InvalidArgument", std::move(message));
}
tl::unexpected<Error> precondition_failed() {
  return error_with("PreconditionFailed", "At least one of the pre-conditions you specified did not hold",
                    Code::failed_precondition);
}

Error storage_error(Error error) {
  if (error.code == Code::resource_exhausted && error.reason.empty()) error.reason = "InternalError";
  return error;
}

}  // namespace millrace::s3
