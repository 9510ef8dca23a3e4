#include "sagemaker/jobs/metrics.h"

#include "sagemaker/jobs/early_stopping.h"

#include <re2/re2.h>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/resource.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kMaxDefinitions = 40;       // AlgorithmSpecification.MetricDefinitions
constexpr std::size_t kMaxLineBytes = 64u << 10;  // scanned of one line
constexpr std::int64_t kRegexMemory = 8 << 20;

}  // namespace

Value metric_definitions(const built_in::AlgorithmInfo& algorithm) {
  Value definitions = Value::array();
  for (const auto& metric : algorithm.metrics) {
    definitions.push(Value::object({{"Name", metric.name}, {"Regex", metric.regex}}));
  }
  return definitions;
}

struct MetricPatterns::Impl {
  struct Metric {
    std::string name;
    std::unique_ptr<re2::RE2> regex;
  };
  std::vector<Metric> metrics;
};

MetricPatterns::MetricPatterns() : impl_(std::make_unique<Impl>()) {}
MetricPatterns::~MetricPatterns() = default;

Result<std::shared_ptr<const MetricPatterns>> MetricPatterns::compile(const Value& definitions) {
  std::shared_ptr<MetricPatterns> patterns(new MetricPatterns());
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
    patterns->impl_->metrics.push_back({name, std::move(regex)});
  }
  return patterns;
}

std::size_t MetricPatterns::size() const { return impl_->metrics.size(); }
const std::string& MetricPatterns::name(std::size_t i) const { return impl_->metrics[i].name; }

std::optional<double> MetricPatterns::value_in(std::size_t i, std::string_view line) const {
  std::string captured;
  if (!re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *impl_->metrics[i].regex, &captured)) {
    return std::nullopt;
  }
  while (!captured.empty() && (captured.back() == ',' || captured.back() == ';')) captured.pop_back();
  return parse_double(captured);
}

Result<std::shared_ptr<const MetricPatterns>> MetricPatternCache::get(const Value& definitions) {
  const std::string key = to_json(definitions);
  const MutexLock lock(mutex_);
  if (const auto found = kept_.find(key); found != kept_.end()) return found->second;
  auto patterns = MR_TRY(MetricPatterns::compile(definitions));
  if (order_.size() >= kMaxKept) {
    kept_.erase(order_.front());
    order_.pop_front();
  }
  kept_[key] = patterns;
  order_.push_back(key);
  return patterns;
}

MetricScraper::MetricScraper(std::shared_ptr<const MetricPatterns> patterns)
    : patterns_(std::move(patterns)), last_(patterns_->size()) {}

void MetricScraper::line(std::string_view text, Time at) {
  text = text.substr(0, kMaxLineBytes);
  for (std::size_t i = 0; i < last_.size(); ++i) {
    const auto value = patterns_->value_in(i, text);
    if (!value) continue;
    last_[i] = Seen{*value, at};
    if (patterns_->name(i) == kObjective && objectives_.size() < kMaxHistory) objectives_.push_back(*value);
  }
}

Value MetricScraper::final_values() const {
  Value list = Value::array();
  for (std::size_t i = 0; i < last_.size(); ++i) {
    if (!last_[i]) continue;
    list.push(Value::object(
        {{"MetricName", patterns_->name(i)}, {"Value", last_[i]->value}, {"Timestamp", seconds(last_[i]->at)}}));
  }
  return list;
}

}  // namespace millrace::sagemaker
