#pragma once
// The operations of S3, one file each but those on a bucket's documents (documents.h), and what they share.

#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "s3/conditions.h"
#include "s3/content.h"
#include "s3/store.h"

namespace millrace::s3::ops {

aws::Operation list_buckets(Store& store);
aws::Operation create_bucket(Store& store);
aws::Operation head_bucket(Store& store);
aws::Operation delete_bucket(Store& store);
aws::Operation get_bucket_location(Store& store);
aws::Operation get_bucket_versioning(Store& store);
aws::Operation list_objects(Store& store);
aws::Operation list_objects_v2(Store& store);
aws::Operation put_object(Store& store);
aws::Operation get_object(Store& store);
aws::Operation get_object_attributes(Store& store);
aws::Operation head_object(Store& store);
aws::Operation delete_object(Store& store);
aws::Operation delete_objects(Store& store);
aws::Operation get_object_tagging(Store& store);
aws::Operation put_object_tagging(Store& store);
aws::Operation delete_object_tagging(Store& store);
aws::Operation copy_object(Store& store);
aws::Operation create_multipart_upload(Store& store);
aws::Operation upload_part(Store& store);
aws::Operation upload_part_copy(Store& store);
aws::Operation complete_multipart_upload(Store& store);
aws::Operation abort_multipart_upload(Store& store);
aws::Operation list_parts(Store& store);
aws::Operation list_multipart_uploads(Store& store);

constexpr std::size_t kPage = 1'000;  // the most that one listing answers

std::string bucket_of(const Value& input);
std::string key_of(const Value& input);
std::string bucket_arn(std::string_view bucket);
std::string object_arn(std::string_view bucket, std::string_view key);
aws::Resources on_bucket();
aws::Resources on_object();
std::string quote_etag(std::string_view etag);
std::string unquote_etag(std::string_view etag);
Value seconds(Time t);  // as the gateway takes timestamps
// S3 identifies owners by 64 hex digits; ours follow from the account.
Value owner(const aws::Call& call);
// As EncodingType=url asks for.
std::string encoded(const Value& input, const std::string& text);
std::size_t page_size(const Value& input, std::string_view member);

// arguments.cpp: refusals that name what they refuse (ArgumentName, ArgumentValue; Header).
tl::unexpected<Error> bad_argument(aws::Call& call, std::string_view name, std::string_view value, std::string message);
tl::unexpected<Error> not_implemented_header(aws::Call& call, std::string_view header, std::string_view why);
std::string argument_text(const Value& value);  // a member as it came
// S3 does not say to one who may not list a bucket that a key is absent from it: such an error becomes AccessDenied
// (API reference, GetObject, "Permissions").
Error absent_or_denied(aws::Call& call, const std::string& bucket, Error error);

// encryption_headers.cpp: InvalidArgument for a request for encryption that is not whole, or that the operation does
// not take; NotImplemented for customer-provided keys.
Status check_encryption(aws::Call& call, const aws::Shape& shape, const Value& input);

// Locks, versions, access lists and storage classes that are not kept here are refused, never dropped.
Status refuse_unsupported(const Value& input);

// request.cpp: what a write says about its object.
constexpr std::size_t kMaxUserMetadataBytes = 2 * 1024;
constexpr std::string_view kDefaultChecksum = "crc64nvme";
// MetadataTooLarge, and what is wrong with tags.
Result<Metadata> metadata_from(aws::Call& call, const Value& input);
// `algorithm`: what is computed where the sender promised nothing; empty: S3's default.
Result<Content> read_content(Store& store, aws::Call& call, const Encryption& encryption,
                             std::string_view algorithm = {});
// Is there a checksum in the request, in a header or promised as a trailer?
bool sends_checksum(const aws::Call& call);
// NotImplemented for the conditions that S3 does not take of a write.
Result<WriteCondition> write_condition(aws::Call& call, const Value& input);

// permissions.cpp: the actions and condition keys that follow from a request's members. Source: Service Authorization
// Reference, Amazon S3; User Guide, "Required permissions for Amazon S3 API operations".
// s3:PutObjectTagging, -Acl, -Retention and -LegalHold, as far as the request sets them with its object.
aws::MoreChecks write_checks();
void add_write_checks(std::vector<aws::Check>& checks, const Value& input);
// Of s3:PutObject: the tags of the request, its conditions, and whether it makes an object (a part makes none).
enum class Makes { object, part };
aws::ConditionKeys write_keys(Makes makes);
// s3:RequestObjectTag/… and s3:RequestObjectTagKeys.
decltype(aws::Check::keys) request_tag_keys(const Tags& tags);
// `operation`, with the action `versioned` and the key s3:versionid for a request that names a version of its object.
aws::Operation with_version(aws::Operation operation, aws::IamAction versioned);
bool names_version(const Value& input);

// content_body.cpp: the range as the body of `response`, whose Content-Length the operation's members say.
Status send_content(net::Response& response, ContentReader content, ByteRange range);

// response.cpp: what a read says about it.
void describe_object(Value& out, const Object& object, const Value& input);
// GET and HEAD: status, headers and range of what is there. Errors: PreconditionFailed, InvalidRange.
struct Reading {
  aws::Output output;
  std::optional<ByteRange> range;  // of the bytes to send; none with 304
};
Result<Reading> read_object(aws::Call& call, const Object& object, const Value& input);
void add_checksums(Value& out, const std::map<std::string, std::string>& checksums);
// Parts are not kept apart once an object is whole: a part that is asked for is the whole of an object of one.
Status check_part_number(const Value& input, const Object& object);
Conditions read_conditions(const Value& input, std::string_view member_prefix);

// listing.cpp: Contents and CommonPrefixes, of both list operations.
void describe_listing(Value& out, const aws::Call& call, const Value& input, const Listing& listing, bool with_owner);
aws::ConditionKeys listing_keys();

// copy_source.cpp
struct CopySource {
  std::string bucket, key, version;  // version: empty where the request names none
};
Result<CopySource> copy_source(const Value& input);
// Writes the member as the model has it: a source may come encoded as a whole, its slash included. InvalidArgument.
Status normalise_copy_source(aws::Call& call, Value& input);
// What reading the source takes: s3:GetObject or s3:GetObjectVersion.
Result<std::vector<aws::Check>> copy_source_checks(const Value& input);
// The source, open, its conditions met.
Result<Store::Opened> open_copy_source(Store& store, aws::Call& call, const Value& input);

}  // namespace millrace::s3::ops
