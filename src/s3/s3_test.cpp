#include "s3/s3.h"

#include <fstream>
#include <set>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/sigv4.h"
#include "base/encode.h"
#include "base/hash.h"
#include "base/strings.h"
#include "s3/s3_fixture.h"

namespace millrace::s3 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST_F(S3Test, ABucketsLife) {
  EXPECT_EQ(code(call("PUT", "/Bad_Name")), "InvalidBucketName");
  EXPECT_EQ(code(call("PUT", "/10.0.0.1")), "InvalidBucketName");
  make_bucket();
  EXPECT_EQ(call("PUT", "/b-1").status, 200);  // one's own again, in us-east-1
  EXPECT_EQ(call("HEAD", "/b-1").headers.get("x-amz-bucket-region"), "us-east-1");
  EXPECT_EQ(call("HEAD", "/b-2").status, 404);
  make_bucket("a-1");
  EXPECT_THAT(all_between(call("GET", "/").body, "<Name>", "</Name>"), ElementsAre("a-1", "b-1"));
  EXPECT_THAT(call("GET", "/b-1?location").body, HasSubstr("<LocationConstraint"));
  call("PUT", "/b-1/key", "x");
  EXPECT_EQ(code(call("DELETE", "/b-1")), "BucketNotEmpty");
  EXPECT_EQ(call("DELETE", "/b-1/key").status, 204);
  EXPECT_EQ(call("DELETE", "/b-1").status, 204);
  EXPECT_EQ(code(call("GET", "/b-1?list-type=2")), "NoSuchBucket");
  const std::string elsewhere =
      "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>eu-west-1"
      "</LocationConstraint></CreateBucketConfiguration>";
  EXPECT_EQ(code(call("PUT", "/c-1", elsewhere)), "IllegalLocationConstraintException");
}

TEST_F(S3Test, AnObjectComesBackAsItWasPut) {
  make_bucket();
  const std::string bytes("hello\0world", 11);
  const auto put = call("PUT", "/b-1/a%20dir/k%2Bey", bytes,
                        {{"Content-Type", "text/x"}, {"Cache-Control", "no-cache"}, {"x-amz-meta-Colour", "blue"}});
  ASSERT_EQ(put.status, 200) << put.body;
  const std::string etag = "\"" + to_hex(md5(bytes)) + "\"";
  EXPECT_EQ(put.headers.get("etag"), etag);
  const auto get = call("GET", "/b-1/a%20dir/k%2Bey");
  EXPECT_EQ(get.status, 200);
  EXPECT_EQ(get.body, bytes);
  EXPECT_EQ(get.headers.get("etag"), etag);
  EXPECT_EQ(get.headers.get("content-type"), "text/x");
  EXPECT_EQ(get.headers.get("cache-control"), "no-cache");
  EXPECT_EQ(get.headers.get("x-amz-meta-colour"), "blue");
  EXPECT_EQ(get.headers.get("last-modified"), format_http_date(clock_.now()));
  const auto head = call("HEAD", "/b-1/a%20dir/k%2Bey");
  EXPECT_EQ(head.headers.get("content-length"), "11");
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(call("GET", "/b-1/a%20dir/k%2Bey?response-content-type=x%2Fy").headers.get("content-type"), "x/y");
  EXPECT_EQ(code(call("GET", "/b-1/none")), "NoSuchKey");
  EXPECT_EQ(call("HEAD", "/b-1/none").status, 404);
  EXPECT_EQ(code(call("GET", "/none/none")), "NoSuchBucket");
}

TEST_F(S3Test, AnEmptyObjectIsAnObject) {
  make_bucket();
  ASSERT_EQ(call("PUT", "/b-1/empty").status, 200);
  const auto get = call("GET", "/b-1/empty");
  EXPECT_EQ(get.status, 200);
  EXPECT_EQ(get.body, "");
  EXPECT_EQ(get.headers.get("etag"), "\"d41d8cd98f00b204e9800998ecf8427e\"");
  EXPECT_EQ(blob_files(), 0u);
}

TEST_F(S3Test, OverwritingAndDeletingLeaveNoBytesBehind) {
  make_bucket();
  call("PUT", "/b-1/k", "one");
  call("PUT", "/b-1/k", "two");
  EXPECT_EQ(call("GET", "/b-1/k").body, "two");
  EXPECT_EQ(blob_files(), 1u);
  EXPECT_EQ(call("DELETE", "/b-1/k").status, 204);
  EXPECT_EQ(call("DELETE", "/b-1/k").status, 204);
  EXPECT_EQ(blob_files(), 0u);
}

TEST_F(S3Test, GarbageOfACrashIsRemovedAtTheNextStart) {
  make_bucket();
  call("PUT", "/b-1/k", "one");
  ASSERT_TRUE(database_->write([](db::Connection& c) -> Status {
    MR_TRY(c.execute("INSERT INTO s3_garbage (blob) SELECT blob FROM s3_object"));
    return c.execute("DELETE FROM s3_object");
  }));
  open();
  EXPECT_EQ(blob_files(), 0u);
}

TEST_F(S3Test, Ranges) {
  make_bucket();
  call("PUT", "/b-1/k", "0123456789");
  const auto range = [&](const char* text) { return call("GET", "/b-1/k", "", {{"Range", text}}); };
  EXPECT_EQ(range("bytes=2-4").body, "234");
  EXPECT_EQ(range("bytes=2-4").status, 206);
  EXPECT_EQ(range("bytes=2-4").headers.get("content-range"), "bytes 2-4/10");
  EXPECT_EQ(range("bytes=7-").body, "789");
  EXPECT_EQ(range("bytes=-2").body, "89");
  EXPECT_EQ(range("bytes=8-100").body, "89");
  EXPECT_EQ(range("bytes=10-").status, 416);
  EXPECT_EQ(code(range("bytes=10-")), "InvalidRange");
  for (const char* text : {"bytes=4-2", "bytes=x", "lines=1-2", "bytes=0-1,3-4"}) {
    EXPECT_EQ(range(text).status, 200) << text;
    EXPECT_EQ(range(text).body.size(), 10u) << text;
  }
}

TEST_F(S3Test, ConditionalRequests) {
  make_bucket();
  const std::string etag(call("PUT", "/b-1/k", "x").headers.get("etag"));
  const auto get = [&](const char* name, const std::string& value) {
    return call("GET", "/b-1/k", "", {{name, value}}).status;
  };
  EXPECT_EQ(get("If-Match", etag), 200);
  EXPECT_EQ(get("If-Match", "\"other\""), 412);
  EXPECT_EQ(get("If-None-Match", etag), 304);
  EXPECT_EQ(get("If-None-Match", "\"other\""), 200);
  EXPECT_EQ(get("If-Modified-Since", format_http_date(clock_.now())), 304);
  EXPECT_EQ(get("If-Unmodified-Since", format_http_date(clock_.now() - Millis(5'000))), 412);
  EXPECT_EQ(code(call("PUT", "/b-1/k", "y", {{"If-None-Match", "*"}})), "PreconditionFailed");
  EXPECT_EQ(call("PUT", "/b-1/new", "y", {{"If-None-Match", "*"}}).status, 200);
  EXPECT_EQ(code(call("PUT", "/b-1/k", "y", {{"If-Match", "\"other\""}})), "PreconditionFailed");
  EXPECT_EQ(call("PUT", "/b-1/k", "y", {{"If-Match", etag}}).status, 200);
  EXPECT_EQ(blob_files(), 2u);
}

TEST_F(S3Test, ChecksumsAreCheckedKeptAndGivenBack) {
  make_bucket();
  EXPECT_EQ(call("PUT", "/b-1/k", "123456789", {{"x-amz-checksum-crc32", "y/Q5Jg=="}}).status, 200);
  EXPECT_EQ(call("GET", "/b-1/k", "", {{"x-amz-checksum-mode", "ENABLED"}}).headers.get("x-amz-checksum-crc32"),
            "y/Q5Jg==");
  EXPECT_FALSE(call("GET", "/b-1/k").headers.has("x-amz-checksum-crc32"));
  EXPECT_EQ(code(call("PUT", "/b-1/k2", "123456780", {{"x-amz-checksum-crc32", "y/Q5Jg=="}})), "BadDigest");
  EXPECT_EQ(code(call("PUT", "/b-1/k2", "x", {{"Content-MD5", to_base64(std::string(16, 'x'))}})), "BadDigest");
  EXPECT_EQ(call("HEAD", "/b-1/k2").status, 404);
  EXPECT_EQ(blob_files(), 1u);
}

TEST_F(S3Test, ListsWithPrefixDelimiterAndPages) {
  make_bucket();
  for (const char* key : {"a/1", "a/2", "b", "c/x/1", "c/y", "d", "\xc3\xa4"})
    call("PUT", "/b-1/" + percent_encode(key, true), "x");
  const auto keys = [&](const std::string& query) {
    return all_between(call("GET", "/b-1?" + query).body, "<Key>", "</Key>");
  };
  const auto prefixes = [&](const std::string& query) {
    return all_between(call("GET", "/b-1?" + query).body, "<CommonPrefixes><Prefix>", "</Prefix>");
  };
  EXPECT_EQ(keys("list-type=2").size(), 7u);
  EXPECT_THAT(keys("list-type=2&prefix=c/"), ElementsAre("c/x/1", "c/y"));
  EXPECT_THAT(keys("list-type=2&delimiter=/"), ElementsAre("b", "d", "\xc3\xa4"));
  EXPECT_THAT(prefixes("list-type=2&delimiter=/"), ElementsAre("a/", "c/"));
  EXPECT_THAT(prefixes("list-type=2&delimiter=/&prefix=c/"), ElementsAre("c/x/"));
  EXPECT_THAT(keys("list-type=2&start-after=c/y"), ElementsAre("d", "\xc3\xa4"));
  EXPECT_THAT(keys("list-type=2&start-after=d&encoding-type=url"), ElementsAre("%C3%A4"));
  EXPECT_THAT(keys("max-keys=2"), ElementsAre("a/1", "a/2"));
  EXPECT_THAT(keys("marker=d"), ElementsAre("\xc3\xa4"));

  // Pages of one, with a delimiter: every key and prefix once, in order.
  std::vector<std::string> seen;
  std::string token;
  for (int page = 0; page < 10; ++page) {
    const auto body =
        call("GET", "/b-1?list-type=2&delimiter=/&max-keys=1" + (token.empty() ? "" : "&continuation-token=" + token))
            .body;
    for (const auto& key : all_between(body, "<Key>", "</Key>")) seen.push_back(key);
    for (const auto& prefix : all_between(body, "<CommonPrefixes><Prefix>", "</Prefix>")) seen.push_back(prefix);
    token = between(body, "<NextContinuationToken>", "</NextContinuationToken>");
    EXPECT_EQ(between(body, "<IsTruncated>", "</IsTruncated>"), token.empty() ? "false" : "true");
    if (token.empty()) break;
  }
  EXPECT_THAT(seen, ElementsAre("a/", "b", "c/", "d", "\xc3\xa4"));
  EXPECT_EQ(code(call("GET", "/b-1?list-type=2&continuation-token=zz")), "InvalidArgument");
}

TEST_F(S3Test, DeletesManyAtOnce) {
  make_bucket();
  for (const char* key : {"a", "b", "c"}) call("PUT", std::string("/b-1/") + key, "x");
  const std::string body =
      "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object><Object><Key>none</Key></Object></Delete>";
  const auto answer = call("POST", "/b-1?delete", body);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(all_between(answer.body, "<Key>", "</Key>"), ElementsAre("a", "b", "none"));
  EXPECT_TRUE(user_.asked.contains("s3:DeleteObject arn:aws:s3:::b-1/none"));
  EXPECT_EQ(blob_files(), 1u);
  EXPECT_EQ(call("POST", "/b-1?delete", "<Delete></Delete>").status, 400);
}

TEST_F(S3Test, Copies) {
  make_bucket();
  call("PUT", "/b-1/k%20y", "bytes", {{"Content-Type", "text/x"}, {"x-amz-meta-a", "1"}});
  EXPECT_EQ(call("PUT", "/b-1/copy", "", {{"x-amz-copy-source", "b-1/k%20y"}}).status, 200);
  auto copy = call("GET", "/b-1/copy");
  EXPECT_EQ(copy.body, "bytes");
  EXPECT_EQ(copy.headers.get("x-amz-meta-a"), "1");
  EXPECT_EQ(copy.headers.get("content-type"), "text/x");
  call("PUT", "/b-1/copy", "",
       {{"x-amz-copy-source", "/b-1/k%20y"}, {"x-amz-metadata-directive", "REPLACE"}, {"x-amz-meta-b", "2"}});
  copy = call("GET", "/b-1/copy");
  EXPECT_FALSE(copy.headers.has("x-amz-meta-a"));
  EXPECT_EQ(copy.headers.get("x-amz-meta-b"), "2");
  EXPECT_EQ(code(call("PUT", "/b-1/copy", "", {{"x-amz-copy-source", "b-1/copy"}})), "InvalidRequest");
  EXPECT_EQ(code(call("PUT", "/b-1/copy", "", {{"x-amz-copy-source", "b-1/none"}})), "NoSuchKey");
  EXPECT_EQ(call("PUT", "/b-1/copy", "", {{"x-amz-copy-source", "b-1"}}).status, 400);
  user_.denied = {"s3:GetObject arn:aws:s3:::b-1/k y"};
  EXPECT_EQ(code(call("PUT", "/b-1/copy2", "", {{"x-amz-copy-source", "b-1/k%20y"}})), "AccessDenied");
}

TEST_F(S3Test, TagsOfObjectsAndBuckets) {
  make_bucket();
  EXPECT_EQ(call("PUT", "/b-1/k", "x", {{"x-amz-tagging", "a=1&b=two%20words"}}).status, 200);
  EXPECT_TRUE(user_.asked.contains("s3:PutObjectTagging arn:aws:s3:::b-1/k"));
  EXPECT_EQ(call("GET", "/b-1/k").headers.get("x-amz-tagging-count"), "2");
  EXPECT_THAT(all_between(call("GET", "/b-1/k?tagging").body, "<Value>", "</Value>"), ElementsAre("1", "two words"));
  call("PUT", "/b-1/copy", "", {{"x-amz-copy-source", "b-1/k"}});
  EXPECT_EQ(call("HEAD", "/b-1/copy").headers.get("x-amz-tagging-count"), "2");
  const std::string tags = "<Tagging><TagSet><Tag><Key>c</Key><Value>3</Value></Tag></TagSet></Tagging>";
  EXPECT_EQ(call("PUT", "/b-1/k?tagging", tags).status, 200);
  EXPECT_THAT(all_between(call("GET", "/b-1/k?tagging").body, "<Key>", "</Key>"), ElementsAre("c"));
  EXPECT_EQ(call("DELETE", "/b-1/k?tagging").status, 204);
  EXPECT_EQ(call("GET", "/b-1/k?tagging").status, 200);
  EXPECT_EQ(call("GET", "/b-1/k").body, "x");
  EXPECT_EQ(code(call("GET", "/b-1?tagging")), "NoSuchTagSet");
  EXPECT_EQ(call("PUT", "/b-1?tagging", tags).status, 204);
  EXPECT_THAT(all_between(call("GET", "/b-1?tagging").body, "<Key>", "</Key>"), ElementsAre("c"));
  EXPECT_EQ(call("DELETE", "/b-1?tagging").status, 204);
  EXPECT_EQ(code(call("PUT", "/b-1/k", "x", {{"x-amz-tagging", "aws:x=1"}})), "InvalidTag");
}

TEST_F(S3UploadTest, JoinsParts) {
  const std::string one(5u << 20, 'a'), two = "tail";
  const std::string second = put_part(7, two), first = put_part(2, one);
  EXPECT_THAT(all_between(call("GET", "/b-1/big?uploadId=" + id_).body, "<PartNumber>", "</PartNumber>"),
              ElementsAre("2", "7"));
  EXPECT_THAT(call("GET", "/b-1?uploads").body, HasSubstr("<UploadId>" + id_ + "</UploadId>"));
  EXPECT_EQ(call("HEAD", "/b-1/big").status, 404);
  const auto done = complete({{2, first}, {7, second}});
  ASSERT_EQ(done.status, 200) << done.body;
  const std::string etag = to_hex(md5(std::string(as_chars(md5(one))) + std::string(as_chars(md5(two))))) + "-2";
  EXPECT_THAT(done.body, HasSubstr(etag));
  const auto get = call("GET", "/b-1/big");
  EXPECT_EQ(get.body, one + two);
  EXPECT_EQ(get.headers.get("etag"), "\"" + etag + "\"");
  EXPECT_EQ(get.headers.get("content-type"), "text/x");
  EXPECT_EQ(blob_files(), 1u);
  EXPECT_EQ(code(complete({{2, first}})), "NoSuchUpload");
}

TEST_F(S3UploadTest, OnePartNeedsNoCopy) {
  const std::string etag = put_part(1, "only");
  ASSERT_EQ(complete({{1, etag}}).status, 200);
  EXPECT_EQ(call("GET", "/b-1/big").body, "only");
  EXPECT_EQ(blob_files(), 1u);
}

TEST_F(S3UploadTest, RefusesWhatDoesNotFit) {
  const std::string a = put_part(1, "small"), b = put_part(2, "small too");
  EXPECT_EQ(code(complete({{1, a}, {2, b}})), "EntityTooSmall");
  EXPECT_EQ(code(complete({{1, b}})), "InvalidPart");
  EXPECT_EQ(code(complete({{3, a}})), "InvalidPart");
  EXPECT_EQ(code(complete({{2, b}, {1, a}})), "InvalidPartOrder");
  EXPECT_EQ(code(call("PUT", "/b-1/big?partNumber=10001&uploadId=" + id_, "x")), "InvalidArgument");
  EXPECT_EQ(code(call("PUT", "/b-1/big?partNumber=1&uploadId=none", "x")), "NoSuchUpload");
  EXPECT_EQ(code(call("PUT", "/b-1/other?partNumber=1&uploadId=" + id_, "x")), "NoSuchUpload");
  put_part(1, "again");
  EXPECT_EQ(blob_files(), 2u);
  EXPECT_EQ(call("DELETE", "/b-1/big?uploadId=" + id_).status, 204);
  EXPECT_EQ(blob_files(), 0u);
  EXPECT_EQ(code(call("DELETE", "/b-1/big?uploadId=" + id_)), "NoSuchUpload");
}

TEST_F(S3UploadTest, CopiesAPart) {
  call("PUT", "/b-1/source", "0123456789");
  const auto copied = call("PUT", "/b-1/big?partNumber=1&uploadId=" + id_, "",
                           {{"x-amz-copy-source", "b-1/source"}, {"x-amz-copy-source-range", "bytes=2-5"}});
  const std::string etag = replace_all(between(copied.body, "<ETag>", "</ETag>"), "&quot;", "\"");
  ASSERT_EQ(complete({{1, etag}}).status, 200) << copied.body;
  EXPECT_EQ(call("GET", "/b-1/big").body, "2345");
}

TEST_F(S3UploadTest, UploadsEndWithTheirBucket) {
  put_part(1, "x");
  EXPECT_EQ(call("DELETE", "/b-1").status, 204);
  EXPECT_EQ(blob_files(), 0u);
}

TEST_F(S3Test, BucketPolicies) {
  make_bucket();
  EXPECT_EQ(code(call("GET", "/b-1?policy")), "NoSuchBucketPolicy");
  const std::string policy =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b-1/*"}]})";
  EXPECT_EQ(call("PUT", "/b-1?policy", policy).status, 204);
  EXPECT_EQ(call("GET", "/b-1?policy").body, policy);
  EXPECT_EQ(*s3_->resource_policy()("arn:aws:s3:::b-1/some/key"), policy);
  EXPECT_EQ(*s3_->resource_policy()("arn:aws:s3:::b-1"), policy);
  EXPECT_EQ(*s3_->resource_policy()("arn:aws:s3:::none/key"), "");
  for (
      const char* bad :
      {"no", "{}",
       R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b-1"}]})",
       R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b-2/*"}]})"}) {
    EXPECT_EQ(code(call("PUT", "/b-1?policy", bad)), "MalformedPolicy") << bad;
  }
  EXPECT_EQ(call("DELETE", "/b-1?policy").status, 204);
  EXPECT_EQ(*s3_->resource_policy()("arn:aws:s3:::b-1"), "");
}

TEST_F(S3Test, EveryOperationAsksForItsAction) {
  make_bucket();
  call("PUT", "/b-1/k", "x");
  user_.asked.clear();
  call("GET", "/b-1/k");
  call("HEAD", "/b-1/k");
  call("HEAD", "/b-1");
  call("GET", "/b-1?list-type=2");
  call("POST", "/b-1/k?uploads");
  call("GET", "/b-1?uploads");
  call("GET", "/");
  EXPECT_THAT(user_.asked,
              ElementsAre("s3:GetObject arn:aws:s3:::b-1/k", "s3:ListAllMyBuckets arn:aws:s3:::*",
                          "s3:ListBucket arn:aws:s3:::b-1", "s3:ListBucketMultipartUploads arn:aws:s3:::b-1",
                          "s3:PutObject arn:aws:s3:::b-1/k"));
  user_.denied = {"s3:PutObject arn:aws:s3:::b-1/k"};
  EXPECT_EQ(call("PUT", "/b-1/k", "y").status, 403);
  EXPECT_EQ(call("GET", "/b-1/k").body, "x");
}

TEST_F(S3Test, ABucketIsMadeWithItsTags) {
  user_.asked.clear();
  const char* const body =
      "<CreateBucketConfiguration>"
      "<Tags><Tag><Key>team</Key><Value>blue</Value></Tag></Tags></CreateBucketConfiguration>";
  EXPECT_EQ(call("PUT", "/b-1", body).status, 200);
  EXPECT_THAT(user_.asked, ElementsAre("s3:CreateBucket arn:aws:s3:::b-1", "s3:TagResource arn:aws:s3:::b-1"));
  EXPECT_THAT(call("GET", "/b-1?tagging").body, HasSubstr("<Key>team</Key><Value>blue</Value>"));
}

TEST_F(S3Test, EachKeyOfADeletionIsDecidedByItself) {
  make_bucket();
  for (const char* key : {"/b-1/mine", "/b-1/yours"}) call("PUT", key, "x");
  user_.denied = {"s3:DeleteObject arn:aws:s3:::b-1/yours"};
  const auto answer =
      call("POST", "/b-1?delete", "<Delete><Object><Key>yours</Key></Object><Object><Key>mine</Key></Object></Delete>");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("<Error><Key>yours</Key><Code>AccessDenied</Code>"));
  EXPECT_THAT(answer.body, HasSubstr("<Deleted><Key>mine</Key></Deleted>"));
  EXPECT_EQ(call("GET", "/b-1/yours").status, 200);
  EXPECT_EQ(call("GET", "/b-1/mine").status, 404);
}

TEST_F(S3Test, WhatIsNotKeptIsRefused) {
  make_bucket();
  EXPECT_EQ(call("PUT", "/b-1/k", "x", {{"x-amz-server-side-encryption", "aws:kms:dsse"}}).status, 501);
  EXPECT_EQ(code(call("PUT", "/b-1/k", "x", {{"x-amz-storage-class", "GLACIER"}})), "InvalidStorageClass");
  EXPECT_EQ(code(call("PUT", "/b-1/k", "x", {{"x-amz-acl", "public-read"}})), "AccessControlListNotSupported");
  EXPECT_EQ(call("PUT", "/b-1/k", "x", {{"x-amz-acl", "private"}, {"x-amz-storage-class", "STANDARD"}}).status, 200);
  EXPECT_EQ(code(call("PUT", "/b-1/" + std::string(1025, 'k'), "x")), "KeyTooLongError");
}

TEST_F(S3Test, AccessInThisProcessIsAuthorisedAlike) {
  auto system = s3_->system_access();
  ASSERT_TRUE(s3_->ensure_bucket("sample", ""));
  ASSERT_TRUE(s3_->ensure_bucket("sample", ""));
  ASSERT_TRUE(system->put("sample", "d/1", "one", "text/plain"));
  const auto file = dir_.path() / "file";
  std::ofstream(file) << "two";
  const auto put = system->put_file("sample", "d/2", file, "application/gzip");
  ASSERT_TRUE(put);
  EXPECT_EQ(put->etag, to_hex(md5("two")));
  EXPECT_TRUE(std::filesystem::exists(file));
  ASSERT_TRUE(system->put("sample", "empty", "", ""));

  auto access = s3_->access(*gateway_, {});
  const auto listed = access->list("sample", "d/");
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ((*listed)[1].key, "d/2");
  EXPECT_EQ((*listed)[1].size, 3u);
  const auto top = access->folder("sample", "", 2);
  ASSERT_TRUE(top);
  EXPECT_EQ(top->folders, std::vector<std::string>{"d/"});
  ASSERT_EQ(top->objects.size(), 1u);
  EXPECT_EQ(top->objects[0].key, "empty");
  EXPECT_FALSE(top->truncated);
  EXPECT_TRUE(access->folder("sample", "", 1)->truncated);
  EXPECT_EQ(access->head("sample", "d/2")->content_type, "application/gzip");
  EXPECT_EQ(*access->read("sample", "d/1", 100), "one");
  EXPECT_EQ(access->read("sample", "d/1", 2).error().code, Code::resource_exhausted);
  EXPECT_TRUE(access->materialise("sample", "d/1", dir_.path() / "made", blob::BlobStore::Share::read_only_link));
  EXPECT_EQ(*read_file(dir_.path() / "made"), "one");
  EXPECT_TRUE(access->materialise("sample", "empty", dir_.path() / "none", blob::BlobStore::Share::copy));
  EXPECT_EQ(*read_file(dir_.path() / "none"), "");
  EXPECT_EQ(access->read("sample", "x", 1).error().reason, "NoSuchKey");
  EXPECT_EQ(access->list("nowhere", "").error().reason, "NoSuchBucket");
  user_.denied = {"s3:GetObject arn:aws:s3:::sample/d/1", "s3:PutObject arn:aws:s3:::sample/d/1"};
  EXPECT_EQ(access->read("sample", "d/1", 100).error().reason, "AccessDenied");
  EXPECT_EQ(access->put("sample", "d/1", "x", "").error().reason, "AccessDenied");
  EXPECT_TRUE(system->read("sample", "d/1", 100));
}

TEST(S3Uri, IsParsed) {
  EXPECT_EQ(parse_uri("s3://b/k/e/y")->key, "k/e/y");
  EXPECT_EQ(parse_uri("s3://b")->bucket, "b");
  EXPECT_EQ(parse_uri("s3://b/")->key, "");
  EXPECT_FALSE(parse_uri("https://b/k"));
  EXPECT_FALSE(parse_uri("s3://"));
}

}  // namespace
}  // namespace millrace::s3
