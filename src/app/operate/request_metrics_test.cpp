#include "app/operate/request_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::app {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

std::string text_of(const RequestMetrics& metrics) {
  std::string text;
  metrics.append(text);
  return text;
}

TEST(RequestMetrics, CountByApiAndStatus) {
  RequestMetrics metrics;
  metrics.record(Api::aws, 200, milliseconds(1));
  metrics.record(Api::aws, 200, milliseconds(1));
  metrics.record(Api::aws, 404, milliseconds(1));
  metrics.record(Api::refused, 403, milliseconds(1));
  EXPECT_THAT(text_of(metrics), HasSubstr("millrace_requests_total{api=\"aws\",code=\"200\"} 2\n"));
  EXPECT_THAT(text_of(metrics), HasSubstr("millrace_requests_total{api=\"aws\",code=\"404\"} 1\n"));
  EXPECT_THAT(text_of(metrics), HasSubstr("millrace_requests_total{api=\"refused\",code=\"403\"} 1\n"));
  EXPECT_THAT(text_of(metrics), Not(HasSubstr("pipelines")));
}

TEST(RequestMetrics, BucketsAreCumulativeAndHoldTheirBounds) {
  RequestMetrics metrics;
  metrics.record(Api::console, 200, milliseconds(1));
  metrics.record(Api::console, 200, milliseconds(100));
  metrics.record(Api::console, 200, milliseconds(100'000));
  const std::string text = text_of(metrics);
  EXPECT_THAT(text, HasSubstr("_bucket{api=\"console\",le=\"0.001\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{api=\"console\",le=\"0.05\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{api=\"console\",le=\"0.1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{api=\"console\",le=\"30\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{api=\"console\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("_sum{api=\"console\"} 100.101\n"));
  EXPECT_THAT(text, HasSubstr("_count{api=\"console\"} 3\n"));
}

TEST(RequestMetrics, StatusesOutsideOfHttpStayInTheTable) {
  RequestMetrics metrics;
  metrics.record(Api::aws, 0, milliseconds(-1));
  metrics.record(Api::aws, 9'999, milliseconds(0));
  EXPECT_THAT(text_of(metrics), HasSubstr("code=\"100\"} 1\n"));
  EXPECT_THAT(text_of(metrics), HasSubstr("code=\"599\"} 1\n"));
}

}  // namespace
}  // namespace millrace::app
