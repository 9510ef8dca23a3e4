#include "s3/s3.h"

#include "s3/access.h"
#include "s3/bucket_policy.h"
#include "s3/dialect.h"
#include "s3/documents.h"
#include "s3/names.h"
#include "s3/ops/ops.h"
#include "s3/store.h"

namespace millrace::s3 {
namespace {

class S3Service final : public S3 {
 public:
  S3Service(db::Database& database, blob::BlobStore& blobs, const Clock& clock, std::string account, std::string region,
            std::string sealing_key, Encrypts encrypts)
      : store_(database, blobs, clock, std::move(account), std::move(sealing_key), encrypts),
        region_(std::move(region)) {}
  Status open() { return store_.open(); }

  aws::Service service() override {
    aws::Service service{"s3", dialect(store_)};
    service.add(store_, {ops::list_buckets,
                         ops::create_bucket,
                         ops::head_bucket,
                         ops::delete_bucket,
                         ops::get_bucket_location,
                         ops::get_bucket_versioning,
                         ops::list_objects,
                         ops::list_objects_v2,
                         ops::put_object,
                         ops::get_object,
                         ops::get_object_attributes,
                         ops::head_object,
                         ops::delete_object,
                         ops::delete_objects,
                         ops::get_object_tagging,
                         ops::put_object_tagging,
                         ops::delete_object_tagging,
                         ops::copy_object,
                         ops::create_multipart_upload,
                         ops::upload_part,
                         ops::upload_part_copy,
                         ops::complete_multipart_upload,
                         ops::abort_multipart_upload,
                         ops::list_parts,
                         ops::list_multipart_uploads});
    service.add(store_, {document_operations});
    return service;
  }

  aws::ResourcePolicy resource_policy() override {
    return [this](const std::string& arn) -> Result<std::string> {
      constexpr std::string_view kPrefix = "arn:aws:s3:::";
      if (!arn.starts_with(kPrefix)) return std::string();
      const auto end = arn.find('/');
      const auto bucket =
          store_.bucket(arn.substr(kPrefix.size(), end == std::string::npos ? end : end - kPrefix.size()));
      if (bucket) return (*bucket)->document(kPolicyDocument);
      if (bucket.error().code == Code::not_found) return std::string();
      return fail(bucket.error());
    };
  }

  ConditionTags condition_tags() override {
    return [this](const std::string& arn) -> Result<std::vector<std::pair<std::string, std::string>>> {
      constexpr std::string_view kPrefix = "arn:aws:s3:::";
      std::vector<std::pair<std::string, std::string>> keys;
      const auto slash = arn.find('/');
      if (!arn.starts_with(kPrefix) || slash == std::string::npos) return keys;
      const auto object = store_.object(arn.substr(kPrefix.size(), slash - kPrefix.size()), arn.substr(slash + 1));
      if (!object && object.error().code != Code::not_found) return fail(object.error());
      if (!object) return keys;
      for (const auto& [key, value] : object->metadata.tags) keys.emplace_back("s3:ExistingObjectTag/" + key, value);
      return keys;
    };
  }

  std::unique_ptr<Access> access(aws::Gateway& gateway, aws::Principal principal) override {
    return make_access(store_, &gateway, std::move(principal));
  }
  std::unique_ptr<Access> system_access() override { return make_access(store_, nullptr, {}); }

  Status ensure_bucket(const std::string& bucket, std::string_view policy_document) override {
    MR_TRY(check_bucket_name(bucket));
    if (!policy_document.empty()) MR_TRY(check_bucket_policy(bucket, policy_document));
    auto made = store_.create_bucket(bucket, region_, {{std::string(kPolicyDocument), std::string(policy_document)}});
    if (!made && made.error().code == Code::already_exists) return {};
    return made;
  }

  Result<std::vector<BucketInfo>> buckets() override {
    std::vector<BucketInfo> infos;
    for (auto& bucket : MR_TRY(store_.buckets())) infos.push_back({std::move(bucket.name), bucket.created});
    return infos;
  }

 private:
  Store store_;
  const std::string region_;
};

}  // namespace

Result<std::unique_ptr<S3>> S3::open(db::Database& database, blob::BlobStore& blobs, const Clock& clock,
                                     std::string account, std::string region, std::string sealing_key,
                                     Encrypts encrypts) {
  auto s3 = std::make_unique<S3Service>(database, blobs, clock, std::move(account), std::move(region),
                                        std::move(sealing_key), encrypts);
  MR_TRY(s3->open());
  return s3;
}

}  // namespace millrace::s3
