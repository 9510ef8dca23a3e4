#pragma once
// Where a service departs from what its protocol, its model and the common sequence of a request say. The gateway names
// no service: each registers its dialect with its operations (Gateway::add).

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/model.h"
#include "aws/sigv4.h"
#include "base/result.h"
#include "base/value.h"
#include "net/http.h"

namespace millrace::aws {

struct Call;

// Each member may be left as it is.
struct Dialect {
  // What of a request without a signature comes to this service: nothing; forms; whatever no other service takes.
  enum class Unsigned { none, forms, rest };

  // --- Who may ask.
  sigv4::Rule signature = {};
  bool takes_version2_urls = false;       // see sigv2.h
  std::vector<std::string> regions = {};  // that requests may be signed for, besides the server's own
  Unsigned unsigned_requests = Unsigned::none;
  // Lets a request without a signature in, or refuses it. Null: all are refused.
  std::function<Status(const net::Request&)> allow_unsigned = {};
  // What a signature must not be combined with. Null: anything.
  std::function<Status(const net::Request&, const sigv4::Claim&)> check_claim = {};
  // The refusal of a request that was signed for another region; may name the right one in Call::error_details and
  // Call::error_headers. Null: the common one.
  std::function<Error(Call&, const std::string& region)> wrong_region = {};
  // The service's own error for a signature that cannot be read or a key that is not known. nullopt: the common one.
  std::optional<Error> (*own_words)(const Error&) = nullptr;

  // --- How it is read.
  // The path that operations are found by, where the host name says a part of it. Null: the request's.
  std::string (*path)(const net::Request&) = nullptr;
  // Called for a presigned URL once its signature is verified, before the request is read.
  void (*complete_presigned)(net::Request&) = nullptr;
  std::string_view broken_body = {};  // the reason of a body that ended early; empty: none
  ValidationWords validation = {};

  // --- What is done.
  // Before the input is validated against the model: refuses in the service's own codes, and may rewrite the input.
  std::function<Status(Call&, const OperationModel&, Value& input)> prepare = {};
  // Adds to Call::error_details what follows from the error's code and the input.
  std::function<void(Call&, const Error&, const Value& input)> explain = {};
};

}  // namespace millrace::aws
