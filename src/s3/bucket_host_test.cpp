#include "s3/bucket_host.h"

#include <gtest/gtest.h>

namespace millrace::s3 {
namespace {

std::string bucket(const char* host) {
  net::Request request;
  request.headers.set("Host", host);
  return bucket_in_host(request);
}

TEST(BucketInHost, StandsBeforeTheEndpoint) {
  for (const char* host : {"my-b.localhost", "my-b.localhost:8080", "my-b.s3.localhost:1",
                           "my-b.s3.us-east-1.localhost", "my-b.s3.amazonaws.com", "my-b.s3.eu-west-1.amazonaws.com",
                           "my-b.s3-us-west-2.amazonaws.com", "MY-B.s3.dualstack.us-gov-west-1.amazonaws.com"}) {
    EXPECT_EQ(bucket(host), "my-b") << host;
  }
  EXPECT_EQ(bucket("a.b.c.localhost"), "a.b.c");
  EXPECT_EQ(bucket("a.b.s3.localhost"), "a.b");
  EXPECT_EQ(bucket("s3-data.localhost"), "s3-data");
  EXPECT_EQ(bucket("us-east-1.localhost"), "us-east-1");
}

TEST(BucketInHost, EndpointsHaveNone) {
  for (const char* host : {"localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "s3.localhost",
                           "s3.us-east-1.localhost", "s3.amazonaws.com", "s3.eu-west-1.amazonaws.com",
                           "s3-us-west-2.amazonaws.com", "sts.amazonaws.com", "example.com", ""}) {
    EXPECT_EQ(bucket(host), "") << host;
  }
}

}  // namespace
}  // namespace millrace::s3
