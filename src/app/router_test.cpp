#include "app/router.h"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

net::Request request(const std::string& method, const std::string& path, bool tls = false) {
  net::Request made;
  made.method = method;
  made.path = made.target = path;
  made.tls = tls;
  made.headers.add("Host", "127.0.0.1:8080");
  return made;
}

Door door_of(const net::Request& made, bool is_console = false) {
  std::string_view why;
  return route(made, true, is_console, why);
}

TEST(Router, TellsTheDoorsApart) {
  EXPECT_EQ(door_of(request("GET", "/apis/v2beta1/healthz")), Door::pipelines);
  EXPECT_EQ(door_of(request("GET", "/apis/v1alpha1/runs/r/nodes/n/log")), Door::pipelines);
  EXPECT_EQ(door_of(request("GET", "/apis/v2beta1/healthz", true)), Door::pipelines);
  auto read = request("GET", "/artifacts/get");
  EXPECT_EQ(door_of(read), Door::aws) << "an object of a bucket named artifacts";
  read.raw_query = "source=minio&bucket=mlpipeline&key=v2/artifacts/p/r/x";
  EXPECT_EQ(door_of(read), Door::pipelines);
  EXPECT_EQ(door_of(request("GET", "/artifacts/minio/mlpipeline/v2/artifacts/p/r/x")), Door::pipelines);
  EXPECT_EQ(door_of(request("PUT", "/artifacts/minio/mlpipeline/x")), Door::aws);
  EXPECT_EQ(door_of(request("GET", "/apis", true)), Door::kubernetes);
  EXPECT_EQ(door_of(request("GET", "/apis/apps/v1", true)), Door::kubernetes);
  EXPECT_EQ(door_of(request("GET", "/api/v1/namespaces", true)), Door::kubernetes);
  EXPECT_EQ(door_of(request("GET", "/v2/credentials/00")), Door::container_credentials);
  EXPECT_EQ(door_of(request("GET", "/millrace/identity/decisions")), Door::identity);
  EXPECT_EQ(door_of(request("GET", "/"), true), Door::console);
  EXPECT_EQ(door_of(request("GET", "/sagemaker-sample-files/datasets/x")), Door::aws);
}

TEST(Router, AnAwsSignatureDecidesBeforeThePath) {
  auto made = request("GET", "/");
  made.headers.add(
      "Authorization",
      "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00");
  EXPECT_EQ(door_of(made, true), Door::aws);
}

TEST(Router, TheKubernetesApiIsNotServedWithoutTls) {
  std::string_view why;
  EXPECT_EQ(route(request("GET", "/api/v1/namespaces/kubeflow/secrets"), true, false, why), Door::refused);
  EXPECT_NE(why.find("https"), std::string_view::npos);
}

TEST(Router, PagesOfOtherOriginsAndOtherHostNamesAreRefused) {
  auto rebound = request("GET", "/apis/v2beta1/runs");
  rebound.headers.set("Host", "127.0.0.1.evil.example:8080");
  EXPECT_EQ(door_of(rebound), Door::refused);
  auto page = request("GET", "/");
  page.headers.set("Host", "evil.example");
  EXPECT_EQ(door_of(page, true), Door::refused);

  auto forged = request("POST", "/apis/v2beta1/runs");
  forged.headers.add("Origin", "http://evil.example");
  EXPECT_EQ(door_of(forged), Door::refused);
  forged.headers.set("Origin", "http://127.0.0.1:8080");
  EXPECT_EQ(door_of(forged), Door::pipelines);

  for (const auto& [path, door] :
       {std::pair{"/console/api/overview", Door::refused}, {"/assets/a.js", Door::console}}) {
    auto embedded = request("GET", path);
    embedded.headers.add("Sec-Fetch-Site", "cross-site");
    embedded.headers.add("Sec-Fetch-Mode", "no-cors");
    EXPECT_EQ(door_of(embedded, true), door) << path;
  }
}

TEST(Router, WhatIsNotTheConsoleIsNoPageOfItsOrigin) {
  net::Response object = net::Response::text(200, "<script>", "text/html");
  set_browser_headers(object);
  EXPECT_EQ(object.headers.get("content-security-policy"), "sandbox");
  net::Response own;
  own.headers.set("Content-Security-Policy", "sandbox; default-src 'none'");
  set_browser_headers(own);
  EXPECT_EQ(own.headers.get("content-security-policy"), "sandbox; default-src 'none'");
}

}  // namespace
}  // namespace millrace::app
