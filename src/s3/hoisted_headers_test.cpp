#include "s3/hoisted_headers.h"

#include <gtest/gtest.h>

namespace millrace::s3 {
namespace {

TEST(HoistedHeaders, ComeBackAsHeaders) {
  net::Request request;
  request.raw_query =
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-Signature=00&"
      "X-Amz-Security-Token=t&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&x-amz-meta-a=b%20c&X-Amz-Tagging=t%3D1&"
      "x-amz-acl=private&x-id=PutObject&prefix=x";
  request.headers.set("x-amz-acl", "bucket-owner-full-control");
  take_hoisted_headers(request);
  EXPECT_EQ(request.headers.get("x-amz-meta-a"), "b c");
  EXPECT_EQ(request.headers.get("x-amz-tagging"), "t=1");
  EXPECT_EQ(request.headers.get("x-amz-acl"), "bucket-owner-full-control");  // the header that is there
  EXPECT_EQ(request.headers.fields().size(), 3u);
}

TEST(HoistedHeaders, ChecksumsOfTheUrlsMakerArePassedOver) {
  net::Request request;
  request.raw_query =
      "x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32&x-amz-checksum-mode=ENABLED";
  take_hoisted_headers(request);
  EXPECT_EQ(request.headers.fields().size(), 1u);
  EXPECT_EQ(request.headers.get("x-amz-checksum-mode"), "ENABLED");
}

}  // namespace
}  // namespace millrace::s3
