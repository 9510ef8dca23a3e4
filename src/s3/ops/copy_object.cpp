#include "base/strings.h"
#include "s3/errors.h"
#include "s3/names.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

// Of the copy: what the request asks for, else what its source has.
std::string checksum_algorithm(const Value& input, const Object& source) {
  if (input["ChecksumAlgorithm"].is_string()) return to_lower(input["ChecksumAlgorithm"].as_string());
  return source.metadata.checksums.empty() ? std::string(kDefaultChecksum) : source.metadata.checksums.begin()->first;
}

// May an object be copied to itself? Only to change something of it.
bool changes_something(const Value& input) {
  for (const char* member : {"StorageClass", "ServerSideEncryption", "ChecksumAlgorithm"}) {
    if (input.has(member)) return true;
  }
  return input["MetadataDirective"].string_or("COPY") == "REPLACE";
}

bool replaces_tags(const Value& input) { return input["TaggingDirective"].string_or("COPY") == "REPLACE"; }

// Reading the source, and what the request sets with its copy. Tags that come along with the source are read there and
// put here.
Result<std::vector<aws::Check>> checks_of(Store& store, const Value& input) {
  std::vector<aws::Check> checks = MR_TRY(copy_source_checks(input));
  const CopySource source = MR_TRY(copy_source(input));
  if (const auto object = store.object(source.bucket, source.key);
      object && !object->metadata.tags.empty() && !replaces_tags(input)) {
    const bool versioned = !source.version.empty();
    checks.push_back({versioned ? "s3:GetObjectVersionTagging" : "s3:GetObjectTagging", checks.front().resource,
                      checks.front().keys});
    checks.push_back(
        {"s3:PutObjectTagging", object_arn(bucket_of(input), key_of(input)), request_tag_keys(object->metadata.tags)});
  }
  add_write_checks(checks, input);
  return checks;
}

}  // namespace

aws::Operation copy_object(Store& store) {
  return {
      "CopyObject",
      "s3:PutObject",
      on_object(),
      [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
        const std::string bucket = bucket_of(input), key = key_of(input);
        MR_TRY(check_key(key));
        MR_TRY(refuse_unsupported(input));
        const auto kept = MR_TRY(store.bucket(bucket));
        const Encryption encryption =
            MR_TRY(wanted_encryption({call.account, call.region}, input, kept->default_encryption));
        const WriteCondition condition = MR_TRY(write_condition(call, input));
        const bool replace = input["MetadataDirective"].string_or("COPY") == "REPLACE";
        auto [source, content] = MR_TRY(open_copy_source(store, call, input));
        if (!changes_something(input) && source.bucket == bucket && source.key == key) {
          return error_with("InvalidRequest",
                            "This copy request is illegal because it is trying to copy an object to itself without "
                            "changing the object's metadata, storage class, website redirect location or "
                            "encryption attributes.");
        }
        Metadata metadata = replace ? MR_TRY(metadata_from(call, input)) : source.metadata;
        metadata.tags =
            replaces_tags(input) ? MR_TRY(tags_from_header(input["Tagging"].string_or())) : source.metadata.tags;
        ContentWriter writer(store, {checksum_algorithm(input, source), ""}, encryption);
        MR_TRY(writer.write_content(content, 0, content.size()));
        const Object object = MR_TRY(store.put(bucket, key, MR_TRY(writer.finish()), std::move(metadata), condition));
        Value result = Value::object({{"ETag", quote_etag(object.etag)}, {"LastModified", seconds(object.modified)}});
        add_checksums(result, object.metadata.checksums);
        Value out = Value::object({{"CopyObjectResult", std::move(result)}});
        describe_encryption(out, object.metadata.encryption, Answer::write);
        return aws::Output(std::move(out));
      },
      [&store](const aws::Call&, const Value& input) { return checks_of(store, input); },
      write_keys(Makes::object)};
}

}  // namespace millrace::s3::ops
