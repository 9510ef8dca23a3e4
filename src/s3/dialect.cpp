#include "s3/dialect.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/core.h>

#include "base/strings.h"
#include "s3/bucket_host.h"
#include "s3/errors.h"
#include "s3/hoisted_headers.h"
#include "s3/names.h"
#include "s3/ops/ops.h"
#include "s3/signature.h"

namespace millrace::s3 {
namespace {

constexpr std::size_t kAccountDigits = 12;

Status refused(aws::Call& call, std::string_view wire, const Value& value, std::string message) {
  return ops::bad_argument(call, wire, ops::argument_text(value), std::move(message));
}

struct Number {
  std::string_view member, wire;
  std::int64_t least, most;
  std::string_view out_of_range;  // the sentence
};
constexpr std::int64_t kMostInteger = std::numeric_limits<std::int32_t>::max();
constexpr std::string_view kPartNumber = "Part number must be an integer between 1 and 10000, inclusive";
constexpr std::array kNumbers = {
    Number{"MaxKeys", "max-keys", 0, kMostInteger, "Argument maxKeys must be an integer between 0 and 2147483647"},
    Number{"MaxParts", "max-parts", 0, kMostInteger, "Argument maxParts must be an integer between 0 and 2147483647"},
    Number{"MaxUploads", "max-uploads", 0, kMostInteger,
           "Argument maxUploads must be an integer between 0 and 2147483647"},
    Number{"MaxBuckets", "max-buckets", 1, 10'000, "Argument maxBuckets must be an integer between 1 and 10000"},
    Number{"PartNumberMarker", "part-number-marker", 0, kMostInteger,
           "Argument part-number-marker must be an integer between 0 and 2147483647"},
    Number{"PartNumber", "partNumber", 1, kMaxParts, kPartNumber}};

Status check_numbers(aws::Call& call, Value& input) {
  for (const Number& number : kNumbers) {
    const Value* value = input.find(number.member);
    if (value == nullptr) continue;
    if (value->is_string() && value->as_string().empty() && number.member != "PartNumber") {
      input.erase(number.member);  // "max-keys=": as if it were not there
      continue;
    }
    const bool part = number.member == "PartNumber";
    const bool integer =
        value->is_number() && value->int_or(-1) == value->int_or(0) && value->int_or(0) <= kMostInteger;
    if (!integer && !part) {
      return refused(call, number.wire, *value,
                     fmt::format("Provided {} not an integer or within integer range", number.wire));
    }
    if (!integer || value->as_int() < number.least || value->as_int() > number.most)
      return refused(call, number.wire, *value, std::string(number.out_of_range));
  }
  return {};
}

// One value of a few, by the model; a member that the operation has under several names is reported by the model's.
struct Choice {
  std::string_view member, code, message;
  bool any_case;
};
constexpr std::string_view kAlgorithms =
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, "
    "CRC64NVME, SHA1, SHA256]";
constexpr std::array kChoices = {
    Choice{"StorageClass", "InvalidStorageClass", "The storage class you specified is not valid", false},
    Choice{"ACL", "InvalidArgument", "", false},
    Choice{"ServerSideEncryption", "InvalidArgument", "The encryption method specified is not supported", false},
    Choice{"MetadataDirective", "InvalidArgument", "Unknown metadata directive.", false},
    Choice{"TaggingDirective", "InvalidArgument", "Unknown tagging directive.", false},
    Choice{"EncodingType", "InvalidArgument", "Invalid Encoding Method specified in Request", false},
    Choice{"ObjectLockMode", "InvalidArgument", "Unknown wormMode directive.", false},
    Choice{"ObjectOwnership", "InvalidArgument", "Invalid x-amz-object-ownership header", false},
    Choice{"ChecksumMode", "InvalidRequest", "Value for x-amz-checksum-mode header is invalid.", true},
    Choice{"ChecksumAlgorithm", "InvalidRequest", kAlgorithms, true},
    Choice{"ChecksumType", "InvalidRequest", "Value for x-amz-checksum-type header is invalid.", true},
    Choice{"RequestPayer", "InvalidArgument", "Value for x-amz-request-payer header is invalid.", false}};

bool is_served_algorithm(std::string_view name) {
  constexpr std::array<std::string_view, 5> kServed = {"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"};
  return std::ranges::find(kServed, name) != kServed.end();
}

Status refuse_choice(aws::Call& call, const Choice& choice, const aws::Member& member, const Value& value) {
  if (choice.code == "InvalidStorageClass") {
    call.error_details.emplace_back("StorageClassRequested", ops::argument_text(value));
    return error_with(choice.code, std::string(choice.message));
  }
  if (choice.code == "InvalidArgument") return refused(call, member.location_name, value, std::string(choice.message));
  if (member.location_name == "x-amz-sdk-checksum-algorithm")
    return error_with(choice.code, "Value for x-amz-sdk-checksum-algorithm header is invalid.");
  return error_with(choice.code, std::string(choice.message));
}

// Of a list in a header each item counts.
Status check_attributes(aws::Call& call, const aws::Shape& shape, const Value& input) {
  const aws::Member* member = shape.member("ObjectAttributes");
  if (member == nullptr) return {};
  const auto& allowed = member->shape->element.shape->enumeration;
  for (const Value& item : input["ObjectAttributes"].items()) {
    if (std::ranges::find(allowed, item.string_or()) == allowed.end())
      return refused(call, member->location_name, item, "Invalid attribute name specified.");
  }
  return {};
}

Status check_choices(aws::Call& call, const aws::Shape& shape, Value& input) {
  for (const Choice& choice : kChoices) {
    const Value* value = input.find(choice.member);
    const aws::Member* member = value == nullptr ? nullptr : shape.member(choice.member);
    if (member == nullptr || member->shape->enumeration.empty()) continue;
    // aws-sdk-cpp writes "enabled", and S3 takes it.
    if (choice.any_case) value = &input.set(choice.member, to_upper(value->string_or()))[choice.member];
    const auto& allowed = member->shape->enumeration;
    const bool known = std::ranges::find(allowed, value->string_or()) != allowed.end();
    if (!known || (choice.member == "ChecksumAlgorithm" && !is_served_algorithm(value->string_or())))
      return refuse_choice(call, choice, *member, *value);
  }
  return {};
}

// Checksums of kinds that are not computed here: passing over one would be passing over the check.
Status refuse_other_checksums(const Value& input) {
  for (const std::string_view member :
       {"ChecksumSHA512", "ChecksumMD5", "ChecksumXXHASH64", "ChecksumXXHASH3", "ChecksumXXHASH128"}) {
    if (input.find(member) != nullptr) return error_with("InvalidRequest", std::string(kAlgorithms));
  }
  return {};
}

// A condition that the operation does not know is refused, never passed over: S3 answers 501.
Status check_conditions(aws::Call& call, const aws::OperationModel& operation) {
  if (call.http == nullptr || operation.method == "GET" || operation.method == "HEAD") return {};
  for (const std::string_view header : {"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}) {
    const auto names_it = [&](const aws::Member& member) { return member.location_name == header; };
    if (call.http->headers.has(header) && std::ranges::none_of(operation.input->members, names_it))
      return ops::not_implemented_header(call, header, "");
  }
  return {};
}

Status check_location(aws::Call& call, const aws::Shape& shape, const Value& input) {
  const std::string wanted = input["CreateBucketConfiguration"]["LocationConstraint"].string_or();
  const aws::Member* configuration = wanted.empty() ? nullptr : shape.member("CreateBucketConfiguration");
  if (configuration == nullptr) return {};
  const auto& known = configuration->shape->member("LocationConstraint")->shape->enumeration;
  if (std::ranges::find(known, wanted) != known.end()) return {};
  call.error_details.emplace_back("LocationConstraint", wanted);
  return error_with("InvalidLocationConstraint", "The specified location-constraint is not valid");
}

// A document that does not fit its schema is malformed XML, whatever it is that does not fit.
Status check_document(const aws::Shape& shape, const Value& input) {
  const aws::Member* payload = shape.payload.empty() ? nullptr : shape.member(shape.payload);
  if (payload == nullptr || payload->shape->type != aws::Shape::Type::structure) return {};
  const Value* document = input.find(payload->name);
  if (document == nullptr) {
    if (std::ranges::find(shape.required, payload->name) == shape.required.end()) return {};
    return error_with("MissingRequestBodyError", "Request Body is empty");
  }
  return aws::validate(aws::service_model("s3"), *payload->shape, *document) ? Status() : Status(malformed_xml());
}

bool is_account(std::string_view text) {
  return text.size() == kAccountDigits && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// User guide, "Verifying bucket ownership with bucket owner condition". Every bucket here is of the one account.
Status check_owner(Store& store, const aws::Call& call, const Value& input, std::string_view member,
                   std::string_view what) {
  const Value* expected = input.find(member);
  if (expected == nullptr) return {};
  if (!is_account(expected->string_or())) {
    return error_with("InvalidBucketOwnerAWSAccountID",
                      fmt::format("The value of the {} parameter must be an AWS account ID", what));
  }
  if (expected->string_or() == call.account) return {};
  const std::string bucket =
      member == "ExpectedBucketOwner" ? ops::bucket_of(input) : MR_TRY(ops::copy_source(input)).bucket;
  MR_TRY(store.bucket(bucket));
  return error_with("AccessDenied", "Access Denied", Code::permission_denied);
}

Status prepare(Store& store, aws::Call& call, const aws::OperationModel& operation, Value& input) {
  if (operation.input == nullptr) return {};
  const aws::Shape& shape = *operation.input;
  MR_TRY(check_numbers(call, input));
  MR_TRY(check_choices(call, shape, input));
  MR_TRY(check_attributes(call, shape, input));
  MR_TRY(refuse_other_checksums(input));
  MR_TRY(ops::check_encryption(call, shape, input));
  MR_TRY(check_conditions(call, operation));
  if (operation.name == "CreateBucket") MR_TRY(check_location(call, shape, input));
  MR_TRY(check_document(shape, input));
  if (input.find("CopySource") != nullptr) MR_TRY(ops::normalise_copy_source(call, input));
  MR_TRY(check_owner(store, call, input, "ExpectedBucketOwner", "expected bucket owner"));
  return check_owner(store, call, input, "ExpectedSourceBucketOwner", "source expected bucket owner");
}

// What an error with this code is about, as far as the input says it.
struct About {
  std::string_view member, code, element;
};
constexpr std::array kAbout = {About{"Key", "NoSuchKey", "Key"},
                               About{"Bucket", "NoSuchBucket", "BucketName"},
                               About{"Bucket", "NoSuchBucketPolicy", "BucketName"},
                               About{"Bucket", "NoSuchTagSet", "BucketName"},
                               About{"Bucket", "InvalidBucketName", "BucketName"},
                               About{"Bucket", "BucketAlreadyOwnedByYou", "BucketName"},
                               About{"Bucket", "BucketNotEmpty", "BucketName"},
                               About{"UploadId", "NoSuchUpload", "UploadId"},
                               About{"UploadId", "InvalidPart", "UploadId"},
                               About{"UploadId", "InvalidPartOrder", "UploadId"},
                               About{"Range", "InvalidRange", "RangeRequested"},
                               About{"PartNumber", "InvalidPartNumber", "PartNumberRequested"}};

bool has_detail(const aws::Call& call, std::string_view element) {
  return std::ranges::any_of(call.error_details, [&](const auto& detail) { return detail.first == element; });
}

// The condition that a write did not meet; a read's handler has said which one it was.
std::string failed_condition(const Value& input) {
  if (input.find("IfMatch") != nullptr) return "If-Match";
  return input.find("IfNoneMatch") != nullptr ? "If-None-Match" : "";
}

void explain(aws::Call& call, const Error& error, const Value& input) {
  for (const About& about : kAbout) {
    const Value* value = about.code == error.reason ? input.find(about.member) : nullptr;
    if (value != nullptr && !has_detail(call, about.element))
      call.error_details.emplace_back(about.element, ops::argument_text(*value));
  }
  if (error.reason == "KeyTooLongError") {
    call.error_details.emplace_back("Size", std::to_string(ops::key_of(input).size()));
    call.error_details.emplace_back("MaxSizeAllowed", std::to_string(kMaxKeyBytes));
  } else if (error.reason == "EntityTooLarge") {
    call.error_details.emplace_back("MaxSizeAllowed", std::to_string(kMaxObjectBytes));
  } else if (error.reason == "PreconditionFailed" && !has_detail(call, "Condition")) {
    if (auto condition = failed_condition(input); !condition.empty())
      call.error_details.emplace_back("Condition", std::move(condition));
  }
}

}  // namespace

aws::Dialect dialect(Store& store) {
  aws::Dialect dialect;
  dialect.signature = signature_rule();
  dialect.takes_version2_urls = true;
  dialect.unsigned_requests = aws::Dialect::Unsigned::rest;
  dialect.allow_unsigned = allow_unsigned;
  dialect.check_claim = check_claim;
  dialect.wrong_region = wrong_region;
  dialect.own_words = own_words;
  dialect.path = path_with_bucket;
  dialect.complete_presigned = take_hoisted_headers;
  dialect.broken_body = "IncompleteBody";
  dialect.prepare = [&store](aws::Call& call, const aws::OperationModel& operation, Value& input) {
    return prepare(store, call, operation, input);
  };
  dialect.explain = explain;
  return dialect;
}

}  // namespace millrace::s3
