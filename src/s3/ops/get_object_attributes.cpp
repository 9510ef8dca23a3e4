#include "base/strings.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

// How many parts the object was uploaded in, of its tag ("…-3"); 0: in one piece. Their sizes and checksums are not
// kept once the object is whole.
std::int64_t parts_of(const Object& object) {
  const std::size_t hyphen = object.etag.find('-');
  return hyphen == std::string::npos ? 0 : parse_int(object.etag.substr(hyphen + 1)).value_or(0);
}

void add_attribute(Value& out, const std::string& attribute, const Object& object) {
  if (attribute == "ETag") out.set("ETag", object.etag);  // here without quotation marks
  if (attribute == "ObjectSize") out.set("ObjectSize", object.size);
  if (attribute == "StorageClass") out.set("StorageClass", "STANDARD");
  if (attribute == "Checksum" && !object.metadata.checksums.empty()) {
    Value checksum = Value::object();
    add_checksums(checksum, object.metadata.checksums);
    out.set("Checksum", std::move(checksum));
  }
  if (const std::int64_t parts = parts_of(object); attribute == "ObjectParts" && parts > 0)
    out.set("ObjectParts", Value::object({{"TotalPartsCount", parts}}));
}

// Reading the attributes takes reading the object as well (API reference, GetObjectAttributes, "Permissions").
Result<std::vector<aws::Check>> attribute_checks(const aws::Call&, const Value& input) {
  aws::Check check{"s3:GetObjectAttributes", object_arn(bucket_of(input), key_of(input)), {}};
  if (names_version(input)) {
    check.action = "s3:GetObjectVersionAttributes";
    check.keys.push_back({"s3:versionid", {input["VersionId"].string_or()}});
  }
  return std::vector<aws::Check>{std::move(check)};
}

}  // namespace

aws::Operation get_object_attributes(Store& store) {
  return with_version({"GetObjectAttributes", "s3:GetObject", on_object(),
                       [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
                         MR_TRY(refuse_unsupported(input));
                         const auto object = store.object(bucket_of(input), key_of(input));
                         if (!object) return fail(absent_or_denied(call, bucket_of(input), object.error()));
                         Value out = Value::object({{"LastModified", seconds(object->modified)}});
                         for (const Value& attribute : input["ObjectAttributes"].items())
                           add_attribute(out, attribute.string_or(), *object);
                         return aws::Output(std::move(out));
                       },
                       attribute_checks},
                      "s3:GetObjectVersion");
}

}  // namespace millrace::s3::ops
