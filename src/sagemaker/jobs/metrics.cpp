#include "sagemaker/jobs/metrics.h"

#include <re2/re2.h>
#include <cmath>
#include <optional>

#include <fmt/core.h>

#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/resource.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kMaxDefinitions = 40;       // AlgorithmSpecification.MetricDefinitions
constexpr std::size_t kMaxLineBytes = 64u << 10;  // scanned of one line
constexpr std::int64_t kRegexMemory = 8 << 20;

struct BuiltIn {
  std::string_view algorithm, name, regex;
};
// As DescribeTrainingJob shows them for the algorithm; meanings in the developer guide's "Tune a K-Means Model".
constexpr BuiltIn kBuiltIn[] = {
    {"kmeans", "train:progress", R"(#progress_metric: host=\S+, completed (\S+) %)"},
    {"kmeans", "test:msd", R"(#quality_metric: host=\S+, test msd <loss>=(\S+))"},
    {"kmeans", "test:ssd", R"(#quality_metric: host=\S+, test ssd <loss>=(\S+))"},
    {"kmeans", "train:msd", R"(#quality_metric: host=\S+, (?:epoch=\S+, )?train msd <loss>=(\S+))"},
    {"kmeans", "train:throughput", R"(#throughput_metric: host=\S+, train throughput=(\S+) records/second)"},
};

}  // namespace

Value built_in_metrics(std::string_view algorithm) {
  Value definitions;
  for (const auto& metric : kBuiltIn) {
    if (metric.algorithm == algorithm)
      definitions.push(Value::object({{"Name", metric.name}, {"Regex", metric.regex}}));
  }
  return definitions;
}

struct MetricScraper::Impl {
  struct Metric {
    std::string name;
    std::unique_ptr<re2::RE2> regex;
    std::optional<double> value;
    Time at{};
  };
  std::vector<Metric> metrics;
};

MetricScraper::MetricScraper() : impl_(std::make_unique<Impl>()) {}
MetricScraper::~MetricScraper() = default;

Result<std::unique_ptr<MetricScraper>> MetricScraper::make(const Value& definitions) {
  auto scraper = std::unique_ptr<MetricScraper>(new MetricScraper());
  if (definitions.size() > kMaxDefinitions) {
    return validation_error(fmt::format("At most {} MetricDefinitions can be given.", kMaxDefinitions));
  }
  for (const auto& definition : definitions.items()) {
    const std::string name = definition["Name"].string_or(), text = definition["Regex"].string_or();
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_max_mem(kRegexMemory);
    auto regex = std::make_unique<re2::RE2>(text, options);
    if (!regex->ok()) {
      return validation_error(
          fmt::format("The regular expression of the metric {} is not valid: {}", name, regex->error()));
    }
    if (regex->NumberOfCapturingGroups() < 1) {
      return validation_error(
          fmt::format("The regular expression of the metric {} has no group that captures its value.", name));
    }
    scraper->impl_->metrics.push_back({name, std::move(regex), std::nullopt, {}});
  }
  return scraper;
}

void MetricScraper::line(std::string_view text, Time at) {
  text = text.substr(0, kMaxLineBytes);
  for (auto& metric : impl_->metrics) {
    std::string captured;
    if (!re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *metric.regex, &captured)) continue;
    while (!captured.empty() && (captured.back() == ',' || captured.back() == ';')) captured.pop_back();
    if (const auto value = parse_double(captured)) {
      metric.value = value;
      metric.at = at;
    }
  }
}

Value MetricScraper::final_values() const {
  Value list = Value::array();
  for (const auto& metric : impl_->metrics) {
    if (!metric.value) continue;
    list.push(
        Value::object({{"MetricName", metric.name}, {"Value", *metric.value}, {"Timestamp", seconds(metric.at)}}));
  }
  return list;
}

}  // namespace millrace::sagemaker
