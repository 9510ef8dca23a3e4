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

Api api_of(const net::Request& made, bool is_console = false) {
  std::string_view why;
  return route(made, true, is_console, why);
}

TEST(Router, TellsTheDoorsApart) {
  EXPECT_EQ(api_of(request("GET", "/apis/v2beta1/healthz")), Api::pipelines);
  EXPECT_EQ(api_of(request("GET", "/apis/v1alpha1/runs/r/nodes/n/log")), Api::pipelines);
  EXPECT_EQ(api_of(request("GET", "/apis/v2beta1/healthz", true)), Api::pipelines);
  auto read = request("GET", "/artifacts/get");
  EXPECT_EQ(api_of(read), Api::aws) << "an object of a bucket named artifacts";
  read.raw_query = "source=minio&bucket=mlpipeline&key=v2/artifacts/p/r/x";
  EXPECT_EQ(api_of(read), Api::pipelines);
  EXPECT_EQ(api_of(request("GET", "/artifacts/minio/mlpipeline/v2/artifacts/p/r/x")), Api::pipelines);
  EXPECT_EQ(api_of(request("PUT", "/artifacts/minio/mlpipeline/x")), Api::aws);
  EXPECT_EQ(api_of(request("GET", "/apis", true)), Api::kubernetes);
  EXPECT_EQ(api_of(request("GET", "/apis/apps/v1", true)), Api::kubernetes);
  EXPECT_EQ(api_of(request("GET", "/api/v1/namespaces", true)), Api::kubernetes);
  EXPECT_EQ(api_of(request("GET", "/v2/credentials/00")), Api::container_credentials);
  EXPECT_EQ(api_of(request("GET", "/millrace/identity/decisions")), Api::identity);
  EXPECT_EQ(api_of(request("GET", "/"), true), Api::console);
  EXPECT_EQ(api_of(request("GET", "/sagemaker-sample-files/datasets/x")), Api::aws);
}

TEST(Router, AnAwsSignatureDecidesBeforeThePath) {
  auto made = request("GET", "/");
  made.headers.add(
      "Authorization",
      "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00");
  EXPECT_EQ(api_of(made, true), Api::aws);
}

TEST(Router, TheKubernetesApiIsNotServedWithoutTls) {
  std::string_view why;
  EXPECT_EQ(route(request("GET", "/api/v1/namespaces/kubeflow/secrets"), true, false, why), Api::refused);
  EXPECT_NE(why.find("https"), std::string_view::npos);
}

TEST(Router, PagesOfOtherOriginsAndOtherHostNamesAreRefused) {
  auto rebound = request("GET", "/apis/v2beta1/runs");
  rebound.headers.set("Host", "127.0.0.1.evil.example:8080");
  EXPECT_EQ(api_of(rebound), Api::refused);
  auto page = request("GET", "/");
  page.headers.set("Host", "evil.example");
  EXPECT_EQ(api_of(page, true), Api::refused);

  auto forged = request("POST", "/apis/v2beta1/runs");
  forged.headers.add("Origin", "http://evil.example");
  EXPECT_EQ(api_of(forged), Api::refused);
  forged.headers.set("Origin", "http://127.0.0.1:8080");
  EXPECT_EQ(api_of(forged), Api::pipelines);

  for (const auto& [path, api] : {std::pair{"/console/api/overview", Api::refused}, {"/assets/a.js", Api::console}}) {
    auto embedded = request("GET", path);
    embedded.headers.add("Sec-Fetch-Site", "cross-site");
    embedded.headers.add("Sec-Fetch-Mode", "no-cors");
    EXPECT_EQ(api_of(embedded, true), api) << path;
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
