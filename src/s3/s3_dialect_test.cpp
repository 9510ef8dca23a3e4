// S3's own codes, conditions, limits and details, as a client meets them.

#include <gmock/gmock.h>

#include "base/encode.h"
#include "base/hash.h"
#include "s3/s3_fixture.h"

namespace millrace::s3 {
namespace {

using testing::HasSubstr;
using testing::Not;

class DialectTest : public S3Test {
 protected:
  void SetUp() override {
    S3Test::SetUp();
    make_bucket();
    call("PUT", "/b-1/k", "12345678");
  }
  std::string part_of(const Answer& answer, const std::string& element) {
    return between(answer.body, "<" + element + ">", "</" + element + ">");
  }
  void expect_argument(const Answer& answer, const std::string& name, const std::string& value) {
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(code(answer), "InvalidArgument") << answer.body;
    EXPECT_EQ(part_of(answer, "ArgumentName"), name);
    EXPECT_EQ(part_of(answer, "ArgumentValue"), value);
  }
};

TEST_F(DialectTest, ChecksumModeIsTakenInEitherCase) {
  for (const char* mode : {"enabled", "ENABLED", "Enabled"}) {
    const auto get = call("GET", "/b-1/k", "", {{"x-amz-checksum-mode", mode}});
    EXPECT_EQ(get.status, 200) << get.body;
    EXPECT_NE(get.headers.get("x-amz-checksum-crc64nvme"), "");
  }
  EXPECT_EQ(code(call("GET", "/b-1/k", "", {{"x-amz-checksum-mode", "perhaps"}})), "InvalidRequest");
  EXPECT_EQ(call("POST", "/b-1/m?uploads", "", {{"x-amz-checksum-algorithm", "sha256"}}).status, 200);
}

TEST_F(DialectTest, NotModifiedSaysNothingOfTheContent) {
  const std::string etag(call("HEAD", "/b-1/k").headers.get("etag"));
  for (const char* method : {"GET", "HEAD"}) {
    const auto same = call(method, "/b-1/k", "", {{"If-None-Match", etag}, {"x-amz-checksum-mode", "ENABLED"}});
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.body, "");
    EXPECT_EQ(same.headers.get("etag"), etag);
    for (const auto& [name, value] : same.headers.fields())
      EXPECT_THAT(name, Not(testing::AnyOf(HasSubstr("checksum"), testing::StrCaseEq("content-type"))));
  }
  const auto part = call("GET", "/b-1/k", "", {{"Range", "bytes=1-2"}, {"x-amz-checksum-mode", "ENABLED"}});
  EXPECT_EQ(part.headers.get("x-amz-checksum-crc64nvme"), "");
}

TEST_F(DialectTest, SourcesOfCopiesMayBeEncodedAsAWhole) {
  call("PUT", "/b-1/a/k%2525", "deep");
  const auto copy = [&](const char* source) { return call("PUT", "/b-1/c", "", {{"x-amz-copy-source", source}}); };
  for (const char* source :
       {"b-1%2Fa%2Fk%2525", "%2Fb-1%2fa%2fk%2525", "b-1/a/k%2525", "/b-1/a/k%2525?versionId=null"}) {
    EXPECT_EQ(copy(source).status, 200) << source << copy(source).body;
    EXPECT_EQ(call("GET", "/b-1/c").body, "deep");
  }
  for (const char* source : {"wrongformat", "/b-1", "b-1/", "%2F%2F", "b-1/%zz"})
    expect_argument(copy(source), "x-amz-copy-source", source);
  const auto absent = copy("b-1%2Fnone");
  EXPECT_EQ(code(absent), "NoSuchKey");
  EXPECT_EQ(part_of(absent, "Key"), "none");
  EXPECT_EQ(part_of(copy("none/k"), "BucketName"), "none");
}

TEST_F(DialectTest, TheBucketOwnerConditionIsHeld) {
  const auto as = [&](const char* method, const std::string& target, const char* owner) {
    return call(method, target, "", {{"x-amz-expected-bucket-owner", owner}});
  };
  for (const char* method : {"GET", "PUT", "DELETE"}) {
    EXPECT_EQ(code(as(method, "/b-1/k", "999999999999")), "AccessDenied");
    EXPECT_EQ(code(as(method, "/b-1/k", "abcd")), "InvalidBucketOwnerAWSAccountID");
  }
  EXPECT_EQ(call("GET", "/b-1/k").body, "12345678");
  EXPECT_EQ(as("GET", "/b-1/k", "123456789012").status, 200);
  EXPECT_EQ(code(as("GET", "/b-1?policy", "0123456789123")), "InvalidBucketOwnerAWSAccountID");
  EXPECT_EQ(code(as("GET", "/b-9?list-type=2", "999999999999")), "NoSuchBucket");
  const auto copy = call("PUT", "/b-1/c", "",
                         {{"x-amz-copy-source", "b-1/k"}, {"x-amz-source-expected-bucket-owner", "999999999999"}});
  EXPECT_EQ(code(copy), "AccessDenied");
}

TEST_F(DialectTest, HalfARequestForEncryptionIsRefused) {
  const std::string sse = "x-amz-server-side-encryption";
  expect_argument(call("PUT", "/b-1/s", "x", {{sse + "-customer-key", "a"}, {sse + "-customer-key-md5", "b"}}),
                  sse + "-customer-algorithm", "null");
  expect_argument(call("GET", "/b-1/k", "", {{sse + "-customer-key-md5", "b"}}), sse + "-customer-algorithm", "null");
  expect_argument(call("PUT", "/b-1/s", "x", {{sse + "-customer-algorithm", "AES256"}}), sse + "-customer-key", "null");
  expect_argument(call("PUT", "/b-1/s", "x", {{sse + "-customer-algorithm", "ROT13"}}), sse + "-customer-algorithm",
                  "ROT13");
  expect_argument(call("PUT", "/b-1/s", "x", {{sse + "-aws-kms-key-id", "k"}}), sse, "null");
  expect_argument(call("PUT", "/b-1/s", "x", {{sse, "AES256"}, {sse + "-aws-kms-key-id", "k"}}), sse, "AES256");
  expect_argument(call("PUT", "/b-1/s", "x", {{sse, "bogus"}}), sse, "bogus");
  const Fields whole = {
      {sse + "-customer-algorithm", "AES256"}, {sse + "-customer-key", "a"}, {sse + "-customer-key-md5", "b"}};
  EXPECT_EQ(call("PUT", "/b-1/s", "x", whole).status, 501);
  EXPECT_EQ(call("HEAD", "/b-1/s").status, 404);
}

TEST_F(DialectTest, LimitsOfMetadata) {
  const auto put = [&](std::size_t bytes) {
    return call("PUT", "/b-1/m", "x", {{"x-amz-meta-a", std::string(bytes, 'x')}});
  };
  EXPECT_EQ(put(2047).status, 200);  // and one byte of name
  const auto large = put(2048);
  EXPECT_EQ(code(large), "MetadataTooLarge");
  EXPECT_EQ(part_of(large, "Size"), "2049");
  EXPECT_EQ(part_of(large, "MaxSizeAllowed"), "2048");
  EXPECT_EQ(code(call("POST", "/b-1/m?uploads", "", {{"x-amz-meta-a", std::string(3000, 'x')}})), "MetadataTooLarge");
}

TEST_F(DialectTest, LimitsOfTags) {
  const auto tag = [&](const std::string& key, const std::string& value) {
    return code(
        call("PUT", "/b-1/k?tagging",
             "<Tagging><TagSet><Tag><Key>" + key + "</Key><Value>" + value + "</Value></Tag></TagSet></Tagging>"));
  };
  std::string umlauts;
  for (int i = 0; i < 128; ++i) umlauts += "\xc3\xbc";
  EXPECT_EQ(tag(std::string(128, 'k'), std::string(256, 'v')), "");
  EXPECT_EQ(tag(umlauts, ""), "");  // characters, not bytes
  EXPECT_EQ(tag(umlauts + "x", ""), "InvalidTag");
  EXPECT_EQ(tag("k", std::string(257, 'v')), "InvalidTag");
  EXPECT_EQ(tag("a b+c-d=e._:/@", "v"), "");
  for (const char* wrong : {"k?", "a*", "{}", "a#", "a,b", "a\tb"}) EXPECT_EQ(tag(wrong, "v"), "InvalidTag") << wrong;
  EXPECT_EQ(tag("k", "v!"), "InvalidTag");
  EXPECT_EQ(code(call("PUT", "/b-1/t", "x", {{"x-amz-tagging", "a%3F=b"}})), "InvalidTag");
}

TEST_F(DialectTest, NumbersOfListings) {
  const std::string id = between(call("POST", "/b-1/m?uploads").body, "<UploadId>", "</UploadId>");
  const std::string parts = "/b-1/m?uploadId=" + id;
  for (const auto& [target, name] :
       {std::pair(parts + "&max-parts=", "max-parts"), std::pair(std::string("/b-1?max-keys="), "max-keys"),
        std::pair(std::string("/b-1?list-type=2&max-keys="), "max-keys"),
        std::pair(std::string("/b-1?uploads&max-uploads="), "max-uploads")}) {
    for (const char* wrong : {"-42", "2147483689", "blah", "1.5"})
      expect_argument(call("GET", target + wrong), name, wrong);
    EXPECT_EQ(call("GET", target + "0").status, 200);
    EXPECT_THAT(call("GET", target + "0").body, HasSubstr("<IsTruncated>false<"));
  }
  EXPECT_EQ(part_of(call("GET", parts), "NextPartNumberMarker"), "0");
  call("PUT", "/b-1/m?partNumber=3&uploadId=" + id, "x");
  EXPECT_EQ(part_of(call("GET", parts), "NextPartNumberMarker"), "3");
  const auto uploads = call("GET", "/b-1?uploads");
  EXPECT_EQ(part_of(uploads, "NextKeyMarker"), "m");
  EXPECT_EQ(part_of(uploads, "NextUploadIdMarker"), id);
}

TEST_F(DialectTest, ValuesThatAreNoneOfAFew) {
  EXPECT_EQ(code(call("PUT", "/b-1/x", "x", {{"x-amz-storage-class", "BOGUS"}})), "InvalidStorageClass");
  EXPECT_EQ(code(call("POST", "/b-1/x?uploads", "", {{"x-amz-storage-class", "BOGUS"}})), "InvalidStorageClass");
  EXPECT_EQ(code(call("PUT", "/b-1/x", "x", {{"x-amz-storage-class", "GLACIER"}})), "InvalidStorageClass");
  expect_argument(call("PUT", "/b-1/x", "x", {{"x-amz-acl", "bogus"}}), "x-amz-acl", "bogus");
  expect_argument(call("PUT", "/b-2", "", {{"x-amz-acl", "bogus"}}), "x-amz-acl", "bogus");
  EXPECT_EQ(code(call("PUT", "/b-1/x", "x", {{"x-amz-acl", "public-read"}})), "AccessControlListNotSupported");
  expect_argument(call("GET", "/b-1?encoding-type=base64"), "encoding-type", "base64");
  expect_argument(call("PUT", "/b-1/x", "", {{"x-amz-copy-source", "b-1/k"}, {"x-amz-metadata-directive", "MERGE"}}),
                  "x-amz-metadata-directive", "MERGE");
  EXPECT_EQ(code(call("POST", "/b-1/x?uploads", "", {{"x-amz-checksum-algorithm", "SHA512"}})), "InvalidRequest");
  EXPECT_EQ(code(call("PUT", "/b-1/x", "x", {{"x-amz-checksum-sha512", "AAAA"}})), "InvalidRequest");
}

TEST_F(DialectTest, LocationsOfBuckets) {
  const auto make = [&](const std::string& where) {
    return code(call("PUT", "/b-2",
                     "<CreateBucketConfiguration><LocationConstraint>" + where +
                         "</LocationConstraint></CreateBucketConfiguration>"));
  };
  EXPECT_EQ(make("us-east-1"), "InvalidLocationConstraint");
  EXPECT_EQ(make("foo"), "InvalidLocationConstraint");
  EXPECT_EQ(make("eu-west-1"), "IllegalLocationConstraintException");
}

TEST_F(DialectTest, DocumentsThatDoNotFitAreMalformed) {
  EXPECT_EQ(code(call("POST", "/b-1?delete", "<Delete></Delete>")), "MalformedXML");
  EXPECT_EQ(code(call("POST", "/b-1?delete", "<Delete><Object></Object></Delete>")), "MalformedXML");
  EXPECT_EQ(code(call("POST", "/b-1?delete", "no xml")), "MalformedXML");
  EXPECT_EQ(code(call("PUT", "/b-1?tagging", "<Tagging></Tagging>")), "MalformedXML");
  EXPECT_EQ(code(call("PUT", "/b-1/k?tagging", "")), "MissingRequestBodyError");
}

TEST_F(DialectTest, ConditionsThatS3DoesNotTake) {
  const auto put = [&](const Fields& fields) { return call("PUT", "/b-1/k", "new", fields); };
  EXPECT_EQ(put({{"If-None-Match", "\"x\""}}).status, 501);
  EXPECT_EQ(part_of(put({{"If-Match", "*"}}), "Header"), "If-Match");
  EXPECT_EQ(part_of(put({{"If-Match", "\"x\""}, {"If-None-Match", "*"}}), "Header"), "If-Match,If-None-Match");
  EXPECT_EQ(put({{"If-Unmodified-Since", "Fri, 01 Jan 2027 00:00:00 GMT"}}).status, 501);
  EXPECT_EQ(put({{"If-Modified-Since", "Fri, 01 Jan 2021 00:00:00 GMT"}}).status, 501);
  EXPECT_EQ(call("PUT", "/b-1?tagging", "<Tagging><TagSet/></Tagging>", {{"If-Match", "\"x\""}}).status, 501);
  EXPECT_EQ(call("GET", "/b-1/k").body, "12345678");
  const auto taken = put({{"If-None-Match", "*"}});
  EXPECT_EQ(taken.status, 412);
  EXPECT_EQ(part_of(taken, "Condition"), "If-None-Match");
}

TEST_F(DialectTest, ErrorsNameWhatTheyAreAbout) {
  EXPECT_EQ(part_of(call("GET", "/b-1/nope"), "Key"), "nope");
  EXPECT_EQ(part_of(call("GET", "/b-9?list-type=2"), "BucketName"), "b-9");
  EXPECT_EQ(part_of(call("GET", "/b-1?policy"), "BucketName"), "b-1");
  EXPECT_EQ(part_of(call("GET", "/b-1?tagging"), "BucketName"), "b-1");
  EXPECT_EQ(part_of(call("GET", "/b-1/k?uploadId=no%26pe"), "UploadId"), "no&amp;pe");
  EXPECT_EQ(part_of(call("GET", "/b-1/k", "", {{"If-Match", "\"x\""}}), "Condition"), "If-Match");
  EXPECT_EQ(part_of(call("GET", "/b-1/k", "", {{"If-Unmodified-Since", "Fri, 01 Jan 1999 00:00:00 GMT"}}), "Condition"),
            "If-Unmodified-Since");
  const auto range = call("GET", "/b-1/k", "", {{"Range", "bytes=1024-4096"}});
  EXPECT_EQ(range.status, 416);
  EXPECT_EQ(part_of(range, "ActualObjectSize"), "8");
  EXPECT_EQ(part_of(range, "RangeRequested"), "bytes=1024-4096");
  expect_argument(call("PUT", "/b-1/k?partNumber=10001&uploadId=x"), "partNumber", "10001");
  expect_argument(call("PUT", "/b-1/k?partNumber=one&uploadId=x"), "partNumber", "one");
  EXPECT_EQ(part_of(call("PUT", "/b-1/" + std::string(1025, 'k'), "x"), "MaxSizeAllowed"), "1024");
}

TEST_F(DialectTest, AnAbsentKeyIsHiddenFromWhoMayNotList) {
  user_.denied.insert("s3:ListBucket arn:aws:s3:::b-1");
  EXPECT_EQ(code(call("GET", "/b-1/none")), "AccessDenied");
  EXPECT_EQ(call("HEAD", "/b-1/none").status, 403);
  EXPECT_EQ(code(call("PUT", "/b-1/c", "", {{"x-amz-copy-source", "b-1/none"}})), "AccessDenied");
  EXPECT_EQ(call("GET", "/b-1/k").status, 200);
}

TEST_F(DialectTest, ContentEncodingComesBackAsItWasWritten) {
  for (const auto& [sent, kept] :
       {std::pair("deflate, gzip", "deflate, gzip"), std::pair("deflate,gzip", "deflate,gzip"),
        std::pair("aws-chunked, deflate, gzip", "deflate, gzip"), std::pair("gzip,aws-chunked", "gzip"),
        std::pair("aws-chunked", "")}) {
    call("PUT", "/b-1/e", "x", {{"Content-Encoding", sent}});
    EXPECT_EQ(call("HEAD", "/b-1/e").headers.get("content-encoding"), kept) << sent;
  }
}

TEST_F(DialectTest, MetadataBeyondAscii) {
  call("PUT", "/b-1/m", "x",
       {{"x-amz-meta-raw", "gr\xc3\xbc\xc3\x9f"}, {"x-amz-meta-word", "=?UTF-8?Q?gr=C3=BC=C3=9F?="}});
  const auto head = call("HEAD", "/b-1/m");
  EXPECT_EQ(head.headers.get("x-amz-meta-raw"), "=?UTF-8?B?Z3LDvMOf?=");
  EXPECT_EQ(head.headers.get("x-amz-meta-word"), "=?UTF-8?B?Z3LDvMOf?=");
}

TEST_F(DialectTest, ADamagedRecordIsAnErrorAndStaysAsItIs) {
  ASSERT_TRUE(database_->write([](db::Connection& c) -> Status {
    return c.execute("UPDATE s3_object SET metadata = '{\"user\":' WHERE key = 'k'");
  }));
  EXPECT_EQ(call("GET", "/b-1/k").status, 500);
  EXPECT_EQ(code(call("GET", "/b-1/k")), "InternalError");
  EXPECT_EQ(call("PUT", "/b-1/k?tagging", "<Tagging><TagSet/></Tagging>").status, 500);
  EXPECT_EQ(call("GET", "/b-1?list-type=2").status, 200);
  EXPECT_EQ(call("PUT", "/b-1/k", "new").status, 200);
  EXPECT_EQ(call("GET", "/b-1/k").body, "new");
}

TEST_F(DialectTest, ChecksumsOfCopies) {
  const auto copy = call("PUT", "/b-1/c", "", {{"x-amz-copy-source", "b-1/k"}, {"x-amz-checksum-algorithm", "SHA256"}});
  EXPECT_EQ(part_of(copy, "ChecksumSHA256"), to_base64(as_chars(sha256("12345678"))));
  EXPECT_EQ(part_of(copy, "ChecksumCRC64NVME"), "");
  EXPECT_NE(part_of(call("PUT", "/b-1/d", "", {{"x-amz-copy-source", "b-1/k"}}), "ChecksumCRC64NVME"), "");
  const auto in_place =
      call("PUT", "/b-1/k", "", {{"x-amz-copy-source", "b-1/k"}, {"x-amz-checksum-algorithm", "SHA1"}});
  EXPECT_EQ(in_place.status, 200) << in_place.body;
  EXPECT_EQ(code(call("PUT", "/b-1/k", "", {{"x-amz-copy-source", "b-1/k"}})), "InvalidRequest");
  const std::string list = call("GET", "/b-1?list-type=2").body;
  EXPECT_THAT(list, HasSubstr("<ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"));
  EXPECT_THAT(list, HasSubstr("<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"));
}

TEST_F(DialectTest, TheDefaultChecksumIsCrc64Nvme) {
  // The check value of CRC-64/NVME over "123456789" is ae8b14860a799888.
  const auto put = call("PUT", "/b-1/n", "123456789");
  EXPECT_EQ(put.headers.get("x-amz-checksum-crc64nvme"), "rosUhgp5mIg=");
  EXPECT_EQ(put.headers.get("x-amz-checksum-type"), "FULL_OBJECT");
  EXPECT_EQ(call("HEAD", "/b-1/n").headers.get("x-amz-checksum-crc64nvme"), "");
}

TEST_F(DialectTest, ABodyIsCheckedOnEveryOperation) {
  const std::string body = "<Delete><Object><Key>k</Key></Object></Delete>";
  EXPECT_EQ(code(call("POST", "/b-1?delete", body, {{"x-amz-checksum-crc32", "AAAAAA=="}})), "BadDigest");
  EXPECT_EQ(code(call("PUT", "/b-1/k", "x", {{"x-amz-checksum-crc32", "AAAA"}})), "InvalidRequest");
  EXPECT_EQ(call("GET", "/b-1/k").body, "12345678");
}

class CompletionTest : public S3UploadTest {
 protected:
  std::string begin(const Fields& fields) {
    return between(call("POST", "/b-1/big?uploads", "", fields).body, "<UploadId>", "</UploadId>");
  }
  Answer complete_with(const std::string& etag, const std::string& element, const Fields& fields) {
    return call("POST", "/b-1/big?uploadId=" + id_,
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + replace_all(etag, "\"", "&quot;") +
                    "</ETag>" + element + "</Part></CompleteMultipartUpload>",
                fields);
  }
};

TEST_F(CompletionTest, TheSameRequestAgainGetsTheSameAnswer) {
  const std::string etag = put_part(1, "x");
  const auto first = complete({{1, etag}}), again = complete({{1, etag}});
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(code(complete({{1, "\"d41d8cd98f00b204e9800998ecf8427e\""}})), "NoSuchUpload");
  EXPECT_EQ(code(call("GET", "/b-1/big?uploadId=" + id_)), "NoSuchUpload");
  EXPECT_EQ(code(call("DELETE", "/b-1/big?uploadId=" + id_)), "NoSuchUpload");
  call("PUT", "/b-1/big", "newer");
  EXPECT_EQ(complete({{1, etag}}).body, first.body);
  EXPECT_EQ(call("GET", "/b-1/big").body, "newer");
}

TEST_F(CompletionTest, WrongChecksumsOfTheWhole) {
  id_ = begin({{"x-amz-checksum-algorithm", "SHA256"}});
  const std::string sum = to_base64(as_chars(sha256("xxxxxxxxxx")));
  const std::string target = "/b-1/big?partNumber=1&uploadId=" + id_;
  EXPECT_EQ(code(call("PUT", target, "xxxxxxxxxx")), "InvalidRequest");  // without the upload's checksum
  EXPECT_EQ(code(call("PUT", target, "xxxxxxxxxx", {{"x-amz-checksum-crc32", "gtTLOA=="}})), "BadDigest");
  const auto part = call("PUT", target, "xxxxxxxxxx", {{"x-amz-checksum-sha256", sum}});
  ASSERT_EQ(part.status, 200) << part.body;
  const std::string etag(part.headers.get("etag")), element = "<ChecksumSHA256>" + sum + "</ChecksumSHA256>";
  const std::string whole = to_base64(as_chars(sha256(as_chars(sha256("xxxxxxxxxx"))))),
                    other = to_base64(as_chars(sha256("other")));
  EXPECT_EQ(code(complete_with(etag, element, {{"x-amz-checksum-sha256", other}})), "BadDigest");
  EXPECT_EQ(code(complete_with(etag, "", {})), "InvalidRequest");
  EXPECT_EQ(code(complete_with(etag, "<ChecksumSHA256>" + other + "</ChecksumSHA256>", {})), "InvalidPart");
  EXPECT_EQ(code(complete_with(etag, element, {{"x-amz-checksum-crc32", "AAAAAA=="}})), "InvalidRequest");
  EXPECT_EQ(code(complete_with(etag, element, {{"x-amz-checksum-type", "FULL_OBJECT"}})), "InvalidRequest");
  EXPECT_EQ(code(complete_with(etag, element, {{"x-amz-mp-object-size", "77"}})), "InvalidRequest");
  EXPECT_EQ(call("HEAD", "/b-1/big").status, 404);
  const auto done = complete_with(etag, element, {{"x-amz-checksum-sha256", whole}, {"x-amz-mp-object-size", "10"}});
  EXPECT_EQ(between(done.body, "<ChecksumSHA256>", "</ChecksumSHA256>"), whole + "-1");
}

TEST_F(CompletionTest, AnUploadWithoutAChecksumGetsTheDefaultOne) {
  const auto done = complete({{1, put_part(1, "123456789")}});
  EXPECT_EQ(between(done.body, "<ChecksumCRC64NVME>", "</ChecksumCRC64NVME>"), "rosUhgp5mIg=");
}

TEST_F(CompletionTest, PartsCopiedBeyondTheEnd) {
  call("PUT", "/b-1/source", "hello");
  const auto copy = [&](const char* range) {
    return call("PUT", "/b-1/big?partNumber=1&uploadId=" + id_, "",
                {{"x-amz-copy-source", "b-1/source"}, {"x-amz-copy-source-range", range}});
  };
  for (const char* wrong : {"bytes=0-21", "bytes=0-5", "bytes=5-5", "bytes=0-", "bytes=-3", "0-3", "bytes=3-1",
                            "bytes=a-b", "bytes=+0-3", "bytes=0-1,3-4"}) {
    const auto answer = copy(wrong);
    EXPECT_EQ(code(answer), "InvalidArgument") << wrong;
    EXPECT_EQ(between(answer.body, "<ArgumentName>", "</ArgumentName>"), "x-amz-copy-source-range");
  }
  EXPECT_THAT(copy("bytes=0-21").body, HasSubstr("Range specified is not valid for source object of size: 5"));
  EXPECT_EQ(copy("bytes=0-4").status, 200);
}

TEST_F(CompletionTest, CopiedPartsHaveTheUploadsChecksum) {
  call("PUT", "/b-1/source", "hello");
  id_ = begin({{"x-amz-checksum-algorithm", "SHA256"}});
  const auto copied = call("PUT", "/b-1/big?partNumber=1&uploadId=" + id_, "", {{"x-amz-copy-source", "b-1/source"}});
  EXPECT_EQ(between(copied.body, "<ChecksumSHA256>", "</ChecksumSHA256>"), to_base64(as_chars(sha256("hello"))));
  const std::string parts = call("GET", "/b-1/big?uploadId=" + id_).body;
  EXPECT_THAT(parts, HasSubstr("<ChecksumAlgorithm>SHA256</ChecksumAlgorithm>"));
  EXPECT_THAT(call("GET", "/b-1?uploads").body, HasSubstr("<ChecksumType>COMPOSITE</ChecksumType>"));
}

}  // namespace
}  // namespace millrace::s3
