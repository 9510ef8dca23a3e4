#include "sagemaker/jobs/metrics.h"

#include <gtest/gtest.h>

#include "sagemaker/algorithms/registry.h"

namespace millrace::sagemaker {
namespace {

TEST(Metrics, KMeansLines) {
  const auto patterns = MetricPatterns::compile(metric_definitions(built_in::find_algorithm("kmeans")->info()));
  ASSERT_TRUE(patterns);
  MetricScraper scraper(*patterns);
  const Time at = from_epoch_ms(5'000);
  for (const auto* line : {
           "[11/23/2026 15:00:00 INFO 140] #progress_metric: host=algo-1, completed 50 %",
           "[11/23/2026 15:00:01 INFO 140] #progress_metric: host=algo-1, completed 100 %",
           "[11/23/2026 15:00:01 INFO 140] #quality_metric: host=algo-1, test msd <loss>=39.25",
           "[11/23/2026 15:00:01 INFO 140] #quality_metric: host=algo-1, test ssd <loss>=392500.5",
           "#throughput_metric: host=algo-1, train throughput=123456.7 records/second",
           "nothing of note",
       }) {
    scraper.line(line, at);
  }
  std::vector<std::pair<std::string, double>> found;
  const Value values = scraper.final_values();
  for (const auto& metric : values.items()) {
    found.emplace_back(metric["MetricName"].as_string(), metric["Value"].as_double());
  }
  const std::vector<std::pair<std::string, double>> expected{
      {"train:progress", 100}, {"test:msd", 39.25}, {"test:ssd", 392500.5}, {"train:throughput", 123456.7}};
  EXPECT_EQ(found, expected);
}

TEST(Metrics, TheLastValueCounts) {
  const auto patterns =
      MetricPatterns::compile(Value::array({Value::object({{"Name", "loss"}, {"Regex", "loss=([0-9.e+-]+)"}})}));
  ASSERT_TRUE(patterns);
  MetricScraper scraper(*patterns);
  scraper.line("loss=0.5", from_epoch_ms(1));
  scraper.line("loss=2.5e-1, done", from_epoch_ms(2));
  scraper.line("loss=-", from_epoch_ms(3));  // no number: the value before stays
  ASSERT_EQ(scraper.final_values().size(), 1u);
  EXPECT_EQ(scraper.final_values().as_array()[0]["Value"].as_double(), 0.25);
}

TEST(Metrics, BadDefinitionsAreRefused) {
  for (const auto* regex : {"loss=(", "loss=.*"}) {
    const auto refused = MetricPatterns::compile(Value::array({Value::object({{"Name", "m"}, {"Regex", regex}})}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "ValidationException");
  }
}

TEST(Metrics, AreCompiledOnceForAllJobsThatHaveTheSame) {
  MetricPatternCache cache;
  const auto definitions = [](int i) {
    return Value::array({Value::object({{"Name", "m"}, {"Regex", "m" + std::to_string(i) + "=([0-9]+)"}})});
  };
  const auto first = cache.get(definitions(0));
  ASSERT_TRUE(first);
  EXPECT_EQ(*cache.get(definitions(0)), *first);
  for (int i = 1; i <= static_cast<int>(MetricPatternCache::kMaxKept); ++i) ASSERT_TRUE(cache.get(definitions(i)));
  EXPECT_NE(*cache.get(definitions(0)), *first);  // the oldest was dropped
  EXPECT_EQ((*first)->value_in(0, "m0=7"), 7);    // and still serves those that have it
  EXPECT_FALSE(cache.get(Value::array({Value::object({{"Name", "m"}, {"Regex", "("}})})));
}

}  // namespace
}  // namespace millrace::sagemaker
