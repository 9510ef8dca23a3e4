#include "sagemaker/jobs/metrics.h"

#include <gtest/gtest.h>

namespace millrace::sagemaker {
namespace {

TEST(Metrics, KMeansLines) {
  auto scraper = MetricScraper::make(built_in_metrics("kmeans"));
  ASSERT_TRUE(scraper);
  const Time at = from_epoch_ms(5'000);
  for (const auto* line : {
           "[11/23/2026 15:00:00 INFO 140] #progress_metric: host=algo-1, completed 50 %",
           "[11/23/2026 15:00:01 INFO 140] #progress_metric: host=algo-1, completed 100 %",
           "[11/23/2026 15:00:01 INFO 140] #quality_metric: host=algo-1, test msd <loss>=39.25",
           "[11/23/2026 15:00:01 INFO 140] #quality_metric: host=algo-1, test ssd <loss>=392500.5",
           "#throughput_metric: host=algo-1, train throughput=123456.7 records/second",
           "nothing of note",
       }) {
    (*scraper)->line(line, at);
  }
  std::vector<std::pair<std::string, double>> found;
  const Value values = (*scraper)->final_values();
  for (const auto& metric : values.items()) {
    found.emplace_back(metric["MetricName"].as_string(), metric["Value"].as_double());
  }
  const std::vector<std::pair<std::string, double>> expected{
      {"train:progress", 100}, {"test:msd", 39.25}, {"test:ssd", 392500.5}, {"train:throughput", 123456.7}};
  EXPECT_EQ(found, expected);
}

TEST(Metrics, TheLastValueCounts) {
  auto scraper = MetricScraper::make(Value::array({Value::object({{"Name", "loss"}, {"Regex", "loss=([0-9.e+-]+)"}})}));
  ASSERT_TRUE(scraper);
  (*scraper)->line("loss=0.5", from_epoch_ms(1));
  (*scraper)->line("loss=2.5e-1, done", from_epoch_ms(2));
  (*scraper)->line("loss=-", from_epoch_ms(3));  // no number: the value before stays
  ASSERT_EQ((*scraper)->final_values().size(), 1u);
  EXPECT_EQ((*scraper)->final_values().as_array()[0]["Value"].as_double(), 0.25);
}

TEST(Metrics, BadDefinitionsAreRefused) {
  for (const auto* regex : {"loss=(", "loss=.*"}) {
    const auto refused = MetricScraper::make(Value::array({Value::object({{"Name", "m"}, {"Regex", regex}})}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "ValidationException");
  }
}

}  // namespace
}  // namespace millrace::sagemaker
