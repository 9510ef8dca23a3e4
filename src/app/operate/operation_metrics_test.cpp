#include "app/operate/operation_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::app {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;

std::string text_of(const OperationMetrics& metrics) {
  std::string text;
  metrics.append(text);
  return text;
}

TEST(OperationMetrics, CountByOperation) {
  OperationMetrics metrics;
  EXPECT_THAT(text_of(metrics), IsEmpty());
  metrics.record("s3", "GetObject", milliseconds(1));
  metrics.record("s3", "GetObject", milliseconds(20));
  metrics.record("s3", "GetObject", milliseconds(60'000));
  metrics.record("iam", "GetUser", milliseconds(-1));
  const std::string text = text_of(metrics), bucket = "_bucket{service=\"s3\",operation=\"GetObject\",le=";
  EXPECT_THAT(text, HasSubstr(bucket + "\"0.001\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(bucket + "\"0.025\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(bucket + "\"10\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(bucket + "\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("_sum{service=\"s3\",operation=\"GetObject\"} 60.021\n"));
  EXPECT_THAT(text, HasSubstr("_count{service=\"iam\",operation=\"GetUser\"} 1\n"));
}

TEST(OperationMetrics, TheTimeIsThatOfTheCallAroundIt) {
  OperationMetrics metrics;
  metrics.record("s3", "GetObject");
  {
    const OperationMetrics::Call call;
    metrics.record("s3", "");
  }
  EXPECT_THAT(text_of(metrics), IsEmpty());
  const OperationMetrics::Call call;
  metrics.record("s3", "GetObject");
  EXPECT_THAT(text_of(metrics), HasSubstr("_count{service=\"s3\",operation=\"GetObject\"} 1\n"));
}

}  // namespace
}  // namespace millrace::app
