#include "s3/documents.h"

#include <array>

#include "base/json.h"
#include "s3/bucket_policy.h"
#include "s3/encryption.h"
#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3 {
namespace {

Result<std::string> keep_policy(const aws::Call&, const Value& input) {
  std::string policy = input["Policy"].string_or();
  MR_TRY(check_bucket_policy(ops::bucket_of(input), policy));
  return policy;
}

Result<Value> show_policy(const std::string& document, const std::string&) {
  return Value::object({{"Policy", document}});
}

Error no_policy() { return no_such_bucket_policy().value(); }

Result<std::string> keep_tagging(const aws::Call&, const Value& input) {
  return tagging_document(MR_TRY(tags_from_set(input["Tagging"]["TagSet"], kMaxBucketTags)));
}

Result<Value> show_tagging(const std::string& document, const std::string& bucket) {
  const Tags tags = MR_TRY(parse_metadata(document, "s3://" + bucket)).tags;
  return Value::object({{"TagSet", to_tag_set(tags)}});
}

Error no_tags() { return {Code::not_found, "The TagSet does not exist", "NoSuchTagSet"}; }

Result<std::string> keep_encryption(const aws::Call&, const Value& input) {
  const Value& configuration = input["ServerSideEncryptionConfiguration"];
  MR_TRY(check_default_encryption(configuration));
  return to_json(configuration);
}

Result<Value> show_encryption(const std::string& document, const std::string&) {
  return Value::object({{"ServerSideEncryptionConfiguration", MR_TRY(parse_json(document))}});
}

Error no_encryption() {
  return {Code::not_found, "The server side encryption configuration was not found",
          "ServerSideEncryptionConfigurationNotFoundError"};
}

// The permission to put tags, or a default encryption, is the one to take them off. Source: Service Authorization
// Reference, Amazon S3.
constexpr std::array kDocuments = {
    BucketDocument{kPolicyDocument, "GetBucketPolicy", "s3:GetBucketPolicy", "PutBucketPolicy", "s3:PutBucketPolicy",
                   "DeleteBucketPolicy", "s3:DeleteBucketPolicy", 204, keep_policy, show_policy, no_policy},
    BucketDocument{kTaggingDocument, "GetBucketTagging", "s3:GetBucketTagging", "PutBucketTagging",
                   "s3:PutBucketTagging", "DeleteBucketTagging", "s3:PutBucketTagging", 204, keep_tagging, show_tagging,
                   no_tags},
    BucketDocument{kEncryptionDocument, "GetBucketEncryption", "s3:GetEncryptionConfiguration", "PutBucketEncryption",
                   "s3:PutEncryptionConfiguration", "DeleteBucketEncryption", "s3:PutEncryptionConfiguration", 200,
                   keep_encryption, show_encryption, no_encryption},
};

aws::Operation get(Store& store, const BucketDocument& document) {
  return {document.get_name, document.get_action, ops::on_bucket(),
          [&store, &document](aws::Call&, const Value& input) -> Result<aws::Output> {
            const auto bucket = MR_TRY(store.bucket(ops::bucket_of(input)));
            const std::string& kept = bucket->document(document.name);
            if (kept.empty()) return fail(document.absent());
            return aws::Output(MR_TRY(document.show(kept, bucket->name)));
          }};
}

aws::Operation put(Store& store, const BucketDocument& document) {
  return {document.put_name, document.put_action, ops::on_bucket(),
          [&store, &document](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const auto bucket = MR_TRY(store.bucket(ops::bucket_of(input)));
            MR_TRY(store.set_document(bucket->name, document.name, MR_TRY(document.keep(call, input))));
            aws::Output out;
            out.response.emplace();
            out.response->status = document.put_status;
            return out;
          }};
}

aws::Operation remove(Store& store, const BucketDocument& document) {
  return {document.delete_name, document.delete_action, ops::on_bucket(),
          [&store, &document](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.set_document(ops::bucket_of(input), document.name, ""));
            return aws::Output();
          }};
}

}  // namespace

std::vector<aws::Operation> document_operations(Store& store) {
  std::vector<aws::Operation> operations;
  for (const BucketDocument& document : kDocuments) {
    for (const auto make : {get, put, remove}) operations.push_back(make(store, document));
  }
  return operations;
}

std::string tagging_document(const Tags& tags) {
  if (tags.empty()) return "";
  Metadata metadata;
  metadata.tags = tags;
  return metadata_text(metadata);
}

}  // namespace millrace::s3
