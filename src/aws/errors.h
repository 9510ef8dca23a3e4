#pragma once
// Errors as each protocol writes them, with AWS's codes and HTTP statuses.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/model.h"
#include "base/result.h"
#include "net/http.h"

namespace millrace::aws {

// The names under which one failure goes in the different families of services.
enum class CommonError {
  unknown_key,        // InvalidAccessKeyId | UnrecognizedClientException | InvalidClientTokenId
  bad_signature,      // SignatureDoesNotMatch | InvalidSignatureException
  expired_token,      // ExpiredToken | ExpiredTokenException
  access_denied,      // AccessDenied | AccessDeniedException
  missing_token,      // AccessDenied | MissingAuthenticationTokenException | MissingAuthenticationToken
  unknown_operation,  // NotImplemented | UnknownOperationException | InvalidAction
  too_large,
  internal,
};
std::string common_code(Protocol protocol, CommonError error);

// Elements of an error besides its code and message, in order. REST-XML alone has them (Amazon S3 API Reference, "Error
// responses").
using ErrorDetails = std::vector<std::pair<std::string, std::string>>;

// Writes `error`; its reason is the code, or, when empty, the family's code for its kind.
net::Response write_error(Protocol protocol, const Error& error, const std::string& request_id,
                          const std::string& resource, bool head_request, std::string_view xml_namespace,
                          const ErrorDetails& details = {});

}  // namespace millrace::aws
