#include "aws/errors.h"

#include <array>

#include "aws/protocol.h"
#include "base/disk_full.h"

namespace millrace::aws {
namespace {

struct StatusOf {
  std::string_view code;
  int status;
};
// Statuses of the XML protocols that do not follow from the kind of the error.
constexpr std::array kStatuses = {
    StatusOf{"413", 413},
    StatusOf{"NoSuchBucket", 404},
    StatusOf{"NoSuchKey", 404},
    StatusOf{"NoSuchUpload", 404},
    StatusOf{"NoSuchBucketPolicy", 404},
    StatusOf{"NoSuchTagSet", 404},
    StatusOf{"NoSuchEntity", 404},
    StatusOf{"BucketAlreadyOwnedByYou", 409},
    StatusOf{"BucketAlreadyExists", 409},
    StatusOf{"BucketNotEmpty", 409},
    StatusOf{"EntityAlreadyExists", 409},
    StatusOf{"DeleteConflict", 409},
    StatusOf{"LimitExceeded", 409},
    StatusOf{"ReportNotPresent", 410},
    StatusOf{"ReportExpired", 410},
    StatusOf{"InvalidAction", 400},
    StatusOf{"InvalidRange", 416},
    StatusOf{"PreconditionFailed", 412},
    StatusOf{"NotModified", 304},
    StatusOf{"MethodNotAllowed", 405},
    StatusOf{"MissingContentLength", 411},
    StatusOf{"NotImplemented", 501},
    StatusOf{"InternalError", 500},
    StatusOf{"InternalFailure", 500},
    StatusOf{"ServiceFailure", 500},
    StatusOf{"SlowDown", 503},
    StatusOf{"ServiceUnavailable", 503},
    StatusOf{"ModelError", 424},
    StatusOf{"ModelNotReadyException", 429},
    StatusOf{"AccessDenied", 403},
    StatusOf{"SignatureDoesNotMatch", 403},
    StatusOf{"InvalidAccessKeyId", 403},
    StatusOf{"InvalidClientTokenId", 403},
    StatusOf{"RequestTimeTooSkewed", 403},
    StatusOf{"MissingAuthenticationToken", 403},
    StatusOf{"RequestTooLarge", 413},
    StatusOf{"ServiceUnavailable", 503},
};

int status_of(Protocol protocol, const Error& error, std::string_view code) {
  if (protocol == Protocol::json) {
    if (is_disk_full(error)) return 503;
    const bool full = error.code == Code::resource_exhausted && error.reason.empty();
    return full || error.code == Code::internal || error.code == Code::data_loss ? 500
           : error.code == Code::unavailable                                     ? 503
                                                                                 : 400;
  }
  if (protocol == Protocol::rest_xml && code == "ExpiredToken") return 400;  // elsewhere 403
  for (const StatusOf& known : kStatuses) {
    if (known.code == code) return known.status;
  }
  switch (error.code) {
    case Code::not_found:
      return protocol == Protocol::rest_json ? 400 : 404;
    case Code::already_exists:
      return 409;
    case Code::permission_denied:
      return 403;
    case Code::unauthenticated:
      return 403;
    case Code::unimplemented:
      return 501;
    case Code::unavailable:
      return 503;
    case Code::internal:
    case Code::data_loss:
      return 500;
    default:
      return 400;
  }
}

std::string default_code(Protocol protocol, Code code) {
  const bool json = protocol == Protocol::json || protocol == Protocol::rest_json;
  switch (code) {
    case Code::permission_denied:
      return common_code(protocol, CommonError::access_denied);
    case Code::unauthenticated:
      return common_code(protocol, CommonError::bad_signature);
    case Code::not_found:
      return protocol == Protocol::query ? "NoSuchEntity" : json ? "ResourceNotFound" : "NoSuchKey";
    case Code::already_exists:
      return protocol == Protocol::query ? "EntityAlreadyExists" : json ? "ResourceInUse" : "BucketAlreadyExists";
    case Code::unimplemented:
      return common_code(protocol, CommonError::unknown_operation);
    case Code::resource_exhausted:  // ours: a full disk, a full queue; what is too large has a reason of its own
    case Code::internal:
    case Code::data_loss:
      return common_code(protocol, CommonError::internal);
    case Code::unavailable:
      return "ServiceUnavailable";
    default:
      return json ? "ValidationException" : protocol == Protocol::query ? "ValidationError" : "InvalidRequest";
  }
}

}  // namespace

std::string common_code(Protocol protocol, CommonError error) {
  const bool json = protocol == Protocol::json || protocol == Protocol::rest_json;
  const bool xml = protocol == Protocol::rest_xml;
  switch (error) {
    case CommonError::unknown_key:
      return xml ? "InvalidAccessKeyId" : json ? "UnrecognizedClientException" : "InvalidClientTokenId";
    case CommonError::bad_signature:
      return json ? "InvalidSignatureException" : "SignatureDoesNotMatch";
    case CommonError::expired_token:
      return json ? "ExpiredTokenException" : "ExpiredToken";
    case CommonError::access_denied:
      return json ? "AccessDeniedException" : "AccessDenied";
    case CommonError::missing_token:
      return xml ? "AccessDenied" : json ? "MissingAuthenticationTokenException" : "MissingAuthenticationToken";
    case CommonError::unknown_operation:
      return xml ? "NotImplemented" : json ? "UnknownOperationException" : "InvalidAction";
    case CommonError::too_large:
      // Without a code of the service's own: clients show the status (aws/sagemaker-python-sdk#171).
      if (protocol == Protocol::rest_json) return "413";
      return xml ? "EntityTooLarge" : json ? "RequestEntityTooLargeException" : "RequestTooLarge";
    case CommonError::internal:
      return xml ? "InternalError" : json ? "InternalFailure" : "ServiceFailure";
  }
  return "InternalFailure";
}

net::Response write_error(Protocol protocol, const Error& error, const std::string& request_id,
                          const std::string& resource, bool head_request, std::string_view xml_namespace,
                          const ErrorDetails& details) {
  std::string code = error.reason.empty() ? default_code(protocol, error.code) : error.reason;
  if (error.code == Code::permission_denied && code == "AccessDenied")
    code = common_code(protocol, CommonError::access_denied);
  const int status = status_of(protocol, error, code);
  return wire_protocol(protocol).write_error(
      {error, std::move(code), status, request_id, resource, xml_namespace, head_request, details});
}

}  // namespace millrace::aws
