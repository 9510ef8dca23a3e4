#include "aws/errors.h"

#include <array>

#include <fmt/core.h>

#include "aws/codec.h"
#include "base/disk_full.h"
#include "base/json.h"

namespace millrace::aws {
namespace {

struct StatusOf {
  std::string_view code;
  int status;
};
// S3's and the query services' statuses that do not follow from the kind of the error.
constexpr std::array kStatuses = {
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
  const bool s3 = protocol == Protocol::rest_xml;
  switch (error) {
    case CommonError::unknown_key:
      return s3 ? "InvalidAccessKeyId" : json ? "UnrecognizedClientException" : "InvalidClientTokenId";
    case CommonError::bad_signature:
      return json ? "InvalidSignatureException" : "SignatureDoesNotMatch";
    case CommonError::expired_token:
      return json ? "ExpiredTokenException" : "ExpiredToken";
    case CommonError::access_denied:
      return json ? "AccessDeniedException" : "AccessDenied";
    case CommonError::missing_token:
      return s3 ? "AccessDenied" : json ? "MissingAuthenticationTokenException" : "MissingAuthenticationToken";
    case CommonError::unknown_operation:
      return s3 ? "NotImplemented" : json ? "UnknownOperationException" : "InvalidAction";
    case CommonError::too_large:
      return s3 ? "EntityTooLarge" : json ? "RequestEntityTooLargeException" : "RequestTooLarge";
    case CommonError::internal:
      return s3 ? "InternalError" : json ? "InternalFailure" : "ServiceFailure";
  }
  return "InternalFailure";
}

net::Response write_error(Protocol protocol, const Error& error, const std::string& request_id,
                          const std::string& resource, bool head_request, std::string_view xml_namespace,
                          const ErrorDetails& details) {
  std::string code = error.reason.empty() ? default_code(protocol, error.code) : error.reason;
  if (error.code == Code::permission_denied && code == "AccessDenied")
    code = common_code(protocol, CommonError::access_denied);
  net::Response response;
  response.status = status_of(protocol, error, code);
  switch (protocol) {
    case Protocol::json:
      response.headers.set("Content-Type", "application/x-amz-json-1.1");
      response.headers.set("x-amzn-RequestId", request_id);
      response.body = to_json(Value::object({{"__type", code}, {"message", error.message}}));
      break;
    case Protocol::rest_json:
      response.headers.set("Content-Type", "application/json");
      response.headers.set("x-amzn-RequestId", request_id);
      response.headers.set("x-amzn-ErrorType", code);
      response.body = to_json(Value::object({{"message", error.message}, {"Message", error.message}}));
      break;
    case Protocol::query:
      response.headers.set("Content-Type", "text/xml");
      response.headers.set("x-amzn-RequestId", request_id);
      response.body = fmt::format(
          "<ErrorResponse xmlns=\"{}\">\n  <Error>\n    <Type>{}</Type>\n    <Code>{}</Code>\n    "
          "<Message>{}</Message>\n  </Error>\n"
          "  <RequestId>{}</RequestId>\n</ErrorResponse>\n",
          xml_namespace, response.status >= 500 ? "Receiver" : "Sender", escape_xml(code), escape_xml(error.message),
          request_id);
      break;
    case Protocol::rest_xml:
      response.headers.set("Content-Type", "application/xml");
      response.headers.set("x-amz-request-id", request_id);
      response.headers.set("x-amz-id-2", request_id);
      if (!head_request) {
        std::string elements;
        for (const auto& [name, value] : details) elements += fmt::format("<{0}>{1}</{0}>", name, escape_xml(value));
        response.body = fmt::format(
            "<?xml version=\"1.0\" "
            "encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{}<Resource>{}</Resource>"
            "<RequestId>{}</RequestId><HostId>{}</HostId></Error>",
            escape_xml(code), escape_xml(error.message), elements, escape_xml(resource), request_id, request_id);
      }
      break;
  }
  return response;
}

}  // namespace millrace::aws
