#include "app/request_plan.h"

#include <gtest/gtest.h>

#include <set>

namespace millrace::app {
namespace {

TEST(RequestPlan, EachApiHasItsLimitAndOnlyObjectsAreStreamed) {
  constexpr std::uint64_t kMiB = 1u << 20;
  struct Row {
    const char* method;
    const char* path;
    const char* query;
    const char* target;  // X-Amz-Target
    bool tls;
    std::uint64_t limit;
    bool streamed;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"PUT", "/bucket/key", "", "", false, 5ull << 30, true},
           {"PUT", "/bucket/key", "x-id=PutObject", "", false, 5ull << 30, true},
           {"PUT", "/bucket/key", "partNumber=1&uploadId=u&x-id=UploadPart", "", false, 5ull << 30, true},
           {"PUT", "/bucket/key", "X-Amz-Algorithm=a&X-Amz-Signature=b", "", true, 5ull << 30, true},
           {"PUT", "/bucket/key", "tagging=", "", false, 8 * kMiB, false},
           {"PUT", "/bucket", "policy", "", false, 8 * kMiB, false},
           {"PUT", "/bucket/key", "", "SageMaker.ListModels", false, 8 * kMiB, false},
           {"POST", "/bucket", "delete=", "", false, 8 * kMiB, false},
           {"POST", "/", "", "SageMaker.ListModels", false, 8 * kMiB, false},
           {"POST", "/endpoints/e/invocations", "", "", false, 8 * kMiB, false},
           {"POST", "/apis/v2beta1/pipelines/upload", "", "", false, 34 * kMiB, false},
           {"POST", "/apis/v1beta1/runs", "", "", false, 34 * kMiB, false},
           {"POST", "/api/v1/namespaces/kubeflow/secrets", "", "", true, 3 * kMiB, false},
           {"POST", "/api/v1/namespaces/kubeflow/secrets", "", "", false, 64 * 1024, false},
           {"POST", "/console/api/overview", "", "", false, 64 * 1024, false},
           {"GET", "/v2/credentials/00", "", "", false, 64 * 1024, false},
           {"POST", "/millrace/identity/preflight", "", "", false, 64 * kMiB, true}}) {
    net::Request head;
    head.method = row.method;
    head.path = row.path;
    head.raw_query = row.query;
    head.tls = row.tls;
    head.headers.add("Host", "localhost:8080");
    if (*row.target != '\0') head.headers.add("X-Amz-Target", row.target);
    const net::RequestPlan plan = request_plan(head);
    EXPECT_EQ(plan.limit, row.limit) << row.method << " " << row.path << "?" << row.query;
    EXPECT_EQ(plan.streamed, row.streamed) << row.method << " " << row.path << "?" << row.query;
  }
}

TEST(RequestPlan, NoApiTakesTheThreadsOfAnother) {
  struct Row {
    const char* method;
    const char* path;
    const char* target;  // X-Amz-Target
    bool tls;
  };
  const Row rows[] = {{"GET", "/bucket/key", "", false},
                      {"POST", "/", "SageMaker.ListModels", false},
                      {"GET", "/apis/v2beta1/healthz", "", false},
                      {"GET", "/api/v1/namespaces", "", true},
                      {"GET", "/console/api/overview", "", false},
                      {"GET", "/v2/credentials/00", "", false},
                      {"POST", "/millrace/operator/prune", "", false}};
  std::set<std::size_t> shares;
  for (const Row& row : rows) {
    net::Request head;
    head.method = row.method;
    head.path = row.path;
    head.tls = row.tls;
    head.headers.add("Host", "localhost:8080");
    if (*row.target != '\0') head.headers.add("X-Amz-Target", row.target);
    const std::size_t share = request_plan(head).share;
    EXPECT_TRUE(shares.insert(share).second) << row.path;
    EXPECT_LT(share, handler_shares().size());
  }
  EXPECT_EQ(shares.size(), handler_shares().size());
}

}  // namespace
}  // namespace millrace::app
