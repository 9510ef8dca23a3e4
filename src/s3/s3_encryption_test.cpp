#include "base/chunk_cipher.h"
#include "base/encode.h"
#include "base/hash.h"
#include "s3/s3_fixture.h"

namespace millrace::s3 {
namespace {

const std::string kMethod = "x-amz-server-side-encryption", kKey = "x-amz-server-side-encryption-aws-kms-key-id",
                  kContext = "x-amz-server-side-encryption-context",
                  kBucketKey = "x-amz-server-side-encryption-bucket-key-enabled";
const std::string kSecret = "the secret that must not lie on the disk";
constexpr std::string_view kArn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

class EncryptionTest : public S3UploadTest {
 protected:
  // Bytes of every blob and of the database.
  bool on_disk(const std::string& text) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
      if (!entry.is_regular_file()) continue;
      if (read_file(entry.path())->find(text) != std::string::npos) return true;
    }
    return false;
  }
  std::filesystem::path only_blob() const {
    std::filesystem::path found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path() / "blobs")) {
      if (!entry.is_regular_file()) continue;
      EXPECT_TRUE(found.empty());
      found = entry.path();
    }
    return found;
  }
  static std::string pattern(std::size_t size) {
    std::string bytes;
    for (std::size_t i = 0; bytes.size() < size; ++i) bytes += fmt::format("{:07}\n", i);
    bytes.resize(size);
    return bytes;
  }
  Answer put(const std::string& key, const std::string& body, const Fields& fields) {
    Answer answer = call("PUT", "/b-1/" + key, body, fields);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer;
  }
  void set_default(const std::string& rule) {
    const auto answer =
        call("PUT", "/b-1?encryption",
             "<ServerSideEncryptionConfiguration><Rule>" + rule + "</Rule></ServerSideEncryptionConfiguration>");
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
};

constexpr const char* kAesDefault =
    "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>";

TEST_F(EncryptionTest, BytesAreSealedOnDiskAndComeBack) {
  const auto made = put("k", kSecret, {{kMethod, "AES256"}});
  EXPECT_EQ(made.headers.get(kMethod), "AES256");
  EXPECT_EQ(made.headers.get("etag"), "\"" + to_hex(as_chars(md5(kSecret))) + "\"");
  EXPECT_FALSE(on_disk(kSecret));
  for (const char* method : {"GET", "HEAD"}) {
    const auto answer = call(method, "/b-1/k");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.get(kMethod), "AES256") << method;
    EXPECT_EQ(answer.headers.get("content-length"), std::to_string(kSecret.size()));
    if (*method == 'G') EXPECT_EQ(answer.body, kSecret);
  }
  // Plain objects are as they were.
  const auto plain = put("plain", kSecret, {});
  EXPECT_FALSE(plain.headers.has(kMethod));
  EXPECT_TRUE(on_disk(kSecret));
  EXPECT_FALSE(call("GET", "/b-1/plain").headers.has(kMethod));
}

TEST_F(EncryptionTest, EachNewObjectWhereTheServerIsToldSo) {
  put("older", kSecret, {});
  EXPECT_EQ(call("GET", "/b-1?encryption").status, 404);
  encrypts_ = S3::Encrypts::by_default;
  open();
  // What lies there is read as it is, and nothing is said of it that is not so.
  for (const char* method : {"GET", "HEAD"}) EXPECT_FALSE(call(method, "/b-1/older").headers.has(kMethod));
  EXPECT_EQ(call("GET", "/b-1/older").body, kSecret);
  ASSERT_EQ(call("DELETE", "/b-1/older").status, 204);
  EXPECT_EQ(put("k", kSecret, {}).headers.get(kMethod), "AES256");
  EXPECT_EQ(call("GET", "/b-1/k").headers.get(kMethod), "AES256");
  EXPECT_EQ(call("PUT", "/b-1/copy", "", {{"x-amz-copy-source", "/b-1/k"}}).headers.get(kMethod), "AES256");
  EXPECT_EQ(put("own", kSecret, {{kMethod, "aws:kms"}}).headers.get(kMethod), "aws:kms");
  const auto begun = call("POST", "/b-1/parts?uploads");
  EXPECT_EQ(begun.headers.get(kMethod), "AES256");
  ASSERT_TRUE(s3_->system_access()->put("b-1", "from within", kSecret, ""));
  EXPECT_EQ(call("HEAD", "/b-1/from%20within").headers.get(kMethod), "AES256");
  EXPECT_FALSE(on_disk(kSecret));
  EXPECT_NE(call("GET", "/b-1?encryption").body.find("<SSEAlgorithm>AES256</SSEAlgorithm>"), std::string::npos);
  // A bucket's own comes first, and gives way to the server's when it is taken off.
  set_default(
      "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>"
      "</ApplyServerSideEncryptionByDefault>");
  EXPECT_EQ(put("k", kSecret, {}).headers.get(kMethod), "aws:kms");
  ASSERT_EQ(call("DELETE", "/b-1?encryption").status, 204);
  EXPECT_EQ(put("k", kSecret, {}).headers.get(kMethod), "AES256");
}

TEST_F(EncryptionTest, RangesOfAnySize) {
  constexpr std::size_t kChunk = ChunkCipher::kChunkBytes;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kChunk - 1, kChunk, kChunk + 1, 2 * kChunk,
                                 3 * kChunk + 17, std::size_t{3} << 20}) {
    const std::string bytes = pattern(size);
    put("k", bytes, {{kMethod, "AES256"}});
    EXPECT_EQ(call("GET", "/b-1/k").body, bytes) << size;
    if (size == 0) continue;
    for (const auto& [first, last] : {std::pair{std::size_t{0}, std::size_t{0}},
                                      {0, size - 1},
                                      {size - 1, size - 1},
                                      {size / 2, size - 1},
                                      {std::min(kChunk - 1, size - 1), std::min(kChunk, size - 1)}}) {
      const auto answer = call("GET", "/b-1/k", "", {{"Range", fmt::format("bytes={}-{}", first, last)}});
      EXPECT_EQ(answer.status, 206);
      EXPECT_EQ(answer.body, bytes.substr(first, last - first + 1)) << size << ": " << first << "-" << last;
    }
  }
}

TEST_F(EncryptionTest, AlteredBytesAreNeverGiven) {
  put("k", pattern(200'000), {{kMethod, "AES256"}});
  const auto path = only_blob();
  std::filesystem::permissions(path, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  std::string sealed = *read_file(path);
  sealed[70'000] = static_cast<char>(sealed[70'000] ^ 1);
  ASSERT_TRUE(write_file(path, sealed));
  EXPECT_EQ(call("GET", "/b-1/k", "", {{"Range", "bytes=0-99"}}).status, 206) << "another chunk";
  EXPECT_EQ(call("GET", "/b-1/k", "", {{"Range", "bytes=70000-70001"}}).status, 500);
  EXPECT_EQ(call("GET", "/b-1/k").status, 500);
  sealed.resize(65'552);  // cut at a chunk's end
  ASSERT_TRUE(write_file(path, sealed));
  EXPECT_EQ(call("GET", "/b-1/k", "", {{"Range", "bytes=100000-100001"}}).status, 500);
}

TEST_F(EncryptionTest, AnotherDataDirectorysKeyOpensNothing) {
  put("k", kSecret, {{kMethod, "AES256"}});
  gateway_.reset();
  s3_ = std::move(*S3::open(*database_, *blobs_, clock_, "123456789012", "us-east-1", std::string(32, 'x')));
  gateway_ = std::make_unique<aws::Gateway>(aws::GatewayOptions{}, user_, user_, clock_);
  gateway_->add(s3_->service());
  EXPECT_EQ(call("GET", "/b-1/k").status, 500);
  EXPECT_EQ(call("HEAD", "/b-1/k").status, 200);
}

TEST_F(EncryptionTest, WithoutAKeyItIsRefused) {
  gateway_.reset();
  s3_ = std::move(*S3::open(*database_, *blobs_, clock_, "123456789012", "us-east-1"));
  gateway_ = std::make_unique<aws::Gateway>(aws::GatewayOptions{}, user_, user_, clock_);
  gateway_->add(s3_->service());
  EXPECT_EQ(call("PUT", "/b-1/k", "x", {{kMethod, "AES256"}}).status, 501);
  EXPECT_EQ(call("PUT", "/b-1/k", "x").status, 200);
}

TEST_F(EncryptionTest, KmsKeysAreRecords) {
  struct Case {
    std::string sent, answered;
  };
  const std::string arn(kArn);
  const Case cases[] = {
      {arn, arn},
      {"1234abcd-12ab-34cd-56ef-1234567890ab", arn},
      {"mrk-1234abcd12ab34cd56ef1234567890ab",
       "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"},
  };
  for (const Case& c : cases) {
    const auto made = put("k", kSecret, {{kMethod, "aws:kms"}, {kKey, c.sent}, {kBucketKey, "true"}});
    EXPECT_EQ(made.headers.get(kMethod), "aws:kms");
    EXPECT_EQ(made.headers.get(kKey), c.answered);
    EXPECT_EQ(made.headers.get(kBucketKey), "true");
    const auto got = call("GET", "/b-1/k");
    EXPECT_EQ(got.body, kSecret);
    EXPECT_EQ(got.headers.get(kKey), c.answered);
  }
  // An alias, and the key of S3 that is used without one, have a key of their own, the same each time.
  const auto key_for = [&](const Fields& fields) { return std::string(put("k", "x", fields).headers.get(kKey)); };
  const std::string own = key_for({{kMethod, "aws:kms"}});
  EXPECT_TRUE(own.starts_with("arn:aws:kms:us-east-1:123456789012:key/")) << own;
  EXPECT_EQ(own, key_for({{kMethod, "aws:kms"}, {kKey, "alias/aws/s3"}}));
  EXPECT_EQ(own, key_for({{kMethod, "aws:kms"}, {kKey, "arn:aws:kms:us-east-1:123456789012:alias/aws/s3"}}));
  EXPECT_NE(own, key_for({{kMethod, "aws:kms"}, {kKey, "alias/mine"}}));
  for (const char* bad : {"some key", "alias/", "1234", "arn:aws:s3:::b",
                          "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                          "arn:aws:kms:us-east-1:12:key/1234abcd-12ab-34cd-56ef-1234567890ab"}) {
    const auto refused = call("PUT", "/b-1/k", "x", {{kMethod, "aws:kms"}, {kKey, bad}});
    EXPECT_EQ(refused.status, 400) << bad;
    EXPECT_EQ(code(refused), "KMS.NotFoundException") << bad;
  }
}

TEST_F(EncryptionTest, AContextIsKeptAndAnsweredToItsWriter) {
  const std::string context = to_base64(R"({"project":"a"})");
  const auto made = put("k", kSecret, {{kMethod, "aws:kms"}, {kContext, context}});
  EXPECT_EQ(made.headers.get(kContext), context);
  EXPECT_EQ(call("GET", "/b-1/k").body, kSecret);
  for (const std::string& bad : {std::string("%%%"), to_base64("[]"), to_base64(R"({"a":1})")})
    EXPECT_EQ(code(call("PUT", "/b-1/k", "x", {{kMethod, "aws:kms"}, {kContext, bad}})), "InvalidArgument") << bad;
}

TEST_F(EncryptionTest, ReadsAndOtherOperationsDoNotTakeTheHeader) {
  put("k", "x", {});
  for (const char* method : {"GET", "HEAD", "DELETE"})
    EXPECT_EQ(call(method, "/b-1/k", "", {{kMethod, "AES256"}}).status, 400) << method;
  EXPECT_EQ(code(call("GET", "/b-1/k", "", {{kMethod, "AES256"}})), "InvalidArgument");
}

TEST_F(EncryptionTest, ABucketsDefaultHoldsForAllThatIsWritten) {
  EXPECT_EQ(code(call("GET", "/b-1?encryption")), "ServerSideEncryptionConfigurationNotFoundError");
  set_default(kAesDefault);
  EXPECT_EQ(between(call("GET", "/b-1?encryption").body, "<SSEAlgorithm>", "</SSEAlgorithm>"), "AES256");
  EXPECT_EQ(put("k", kSecret, {}).headers.get(kMethod), "AES256");
  // What comes from within is sealed as well, and read there.
  auto access = s3_->system_access();
  ASSERT_TRUE(access->put("b-1", "within", kSecret, "text/plain"));
  EXPECT_FALSE(on_disk(kSecret));
  EXPECT_EQ(*access->read("b-1", "within", 1000), kSecret);
  const auto file = dir_.path() / "out";
  ASSERT_TRUE(access->materialise("b-1", "within", file, blob::BlobStore::Share::read_only_link));
  EXPECT_EQ(*read_file(file), kSecret);
  // A request's own wish comes first.
  EXPECT_EQ(put("k", "x", {{kMethod, "aws:kms"}, {kKey, std::string(kArn)}}).headers.get(kKey), kArn);
  EXPECT_EQ(call("DELETE", "/b-1?encryption").status, 204);
  EXPECT_FALSE(put("k", "x", {}).headers.has(kMethod));
  // It is there after the next start.
  set_default(
      fmt::format("<ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>{}"
                  "</KMSMasterKeyID></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true"
                  "</BucketKeyEnabled>",
                  kArn));
  open();
  const auto made = put("k", "x", {});
  EXPECT_EQ(made.headers.get(kMethod), "aws:kms");
  EXPECT_EQ(made.headers.get(kKey), kArn);
  EXPECT_EQ(made.headers.get(kBucketKey), "true");
}

TEST_F(EncryptionTest, DefaultsThatAreNoneAreRefused) {
  const auto refused = [&](const std::string& rules) {
    return code(call("PUT", "/b-1?encryption",
                     "<ServerSideEncryptionConfiguration>" + rules + "</ServerSideEncryptionConfiguration>"));
  };
  const std::string rule = std::string("<Rule>") + kAesDefault + "</Rule>";
  EXPECT_EQ(refused(""), "MalformedXML");
  EXPECT_EQ(refused("<Rule></Rule>"), "MalformedXML");
  EXPECT_EQ(refused(rule + rule), "MalformedXML");
  EXPECT_EQ(refused("<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>ROT13</SSEAlgorithm>"
                    "</ApplyServerSideEncryptionByDefault></Rule>"),
            "MalformedXML");
  EXPECT_EQ(refused("<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms:dsse</SSEAlgorithm>"
                    "</ApplyServerSideEncryptionByDefault></Rule>"),
            "NotImplemented");
  EXPECT_EQ(refused("<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k"
                    "</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule>"),
            "InvalidArgument");
  EXPECT_EQ(refused("<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>k"
                    "</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule>"),
            "");
  EXPECT_EQ(code(call("PUT", "/b-1/k", "x")), "KMS.NotFoundException") << "once it is used";
}

TEST_F(EncryptionTest, CopiesAreSealedAsTheyAsk) {
  const std::string bytes = pattern(200'000) + kSecret;
  put("source", bytes, {{kMethod, "AES256"}});
  const auto plain = put("plain", "", {{"x-amz-copy-source", "b-1/source"}});
  EXPECT_FALSE(plain.headers.has(kMethod)) << "the encryption of a source is not its copy's";
  EXPECT_EQ(call("GET", "/b-1/plain").body, bytes);
  const auto again = put("again", "", {{"x-amz-copy-source", "b-1/plain"}, {kMethod, "aws:kms"}});
  EXPECT_EQ(again.headers.get(kMethod), "aws:kms");
  EXPECT_EQ(call("GET", "/b-1/again").body, bytes);
  // An object may be copied to itself to be encrypted.
  EXPECT_EQ(put("plain", "", {{"x-amz-copy-source", "b-1/plain"}, {kMethod, "AES256"}}).headers.get(kMethod), "AES256");
  EXPECT_EQ(call("GET", "/b-1/plain").body, bytes);
  EXPECT_FALSE(on_disk(kSecret));
}

TEST_F(EncryptionTest, UploadsInParts) {
  const auto begun = call("POST", "/b-1/big?uploads", "", {{kMethod, "AES256"}});
  EXPECT_EQ(begun.headers.get(kMethod), "AES256");
  id_ = between(begun.body, "<UploadId>", "</UploadId>");
  const std::string first = pattern((5u << 20) + 123), second = pattern(70'000) + kSecret;
  const auto part = call("PUT", "/b-1/big?partNumber=1&uploadId=" + id_, first);
  EXPECT_EQ(part.headers.get(kMethod), "AES256");
  const std::string one(part.headers.get("etag"));
  put("source", second, {{kMethod, "aws:kms"}});
  const auto copied = call("PUT", "/b-1/big?partNumber=2&uploadId=" + id_, "", {{"x-amz-copy-source", "b-1/source"}});
  EXPECT_EQ(copied.headers.get(kMethod), "AES256");
  const std::string two = replace_all(between(copied.body, "<ETag>", "</ETag>"), "&quot;", "\"");
  EXPECT_FALSE(on_disk(kSecret)) << "parts";
  const auto whole = complete({{1, one}, {2, two}});
  EXPECT_EQ(whole.status, 200) << whole.body;
  EXPECT_EQ(whole.headers.get(kMethod), "AES256");
  EXPECT_FALSE(on_disk(kSecret)) << "the whole";
  const auto got = call("GET", "/b-1/big");
  EXPECT_EQ(got.headers.get(kMethod), "AES256");
  EXPECT_EQ(got.body, first + second);
}

TEST_F(EncryptionTest, AnUploadOfOnePartKeepsItsBytes) {
  id_ = between(call("POST", "/b-1/big?uploads", "", {{kMethod, "aws:kms"}, {kKey, std::string(kArn)}}).body,
                "<UploadId>", "</UploadId>");
  const auto whole = complete({{1, put_part(1, kSecret)}});
  EXPECT_EQ(whole.headers.get(kKey), kArn);
  EXPECT_EQ(call("GET", "/b-1/big").body, kSecret);
  EXPECT_FALSE(on_disk(kSecret));
  // Its record is written anew with its tags.
  EXPECT_EQ(
      call("PUT", "/b-1/big?tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")
          .status,
      200);
  open();
  EXPECT_EQ(call("GET", "/b-1/big").body, kSecret);
}

TEST_F(EncryptionTest, CustomersKeysStayRefused) {
  const std::string sse = "x-amz-server-side-encryption-customer";
  const auto refused =
      call("PUT", "/b-1/k", "x", {{sse + "-algorithm", "AES256"}, {sse + "-key", "a"}, {sse + "-key-md5", "b"}});
  EXPECT_EQ(refused.status, 501);
  EXPECT_NE(refused.body.find("customer-provided keys"), std::string::npos);
}

}  // namespace
}  // namespace millrace::s3
