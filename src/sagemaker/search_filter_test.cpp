#include "sagemaker/search_filter.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::sagemaker {
namespace {

Value job() {
  return *parse_json(R"({
    "TrainingJobName": "one", "TrainingJobStatus": "Completed", "CreationTime": 1700000000.5,
    "EnableManagedSpotTraining": true,
    "HyperParameters": {"k": "10", "a.b": "x"}, "Tags": {"owner": "me"},
    "FinalMetricDataList": [{"MetricName": "test:msd", "Value": 0.25}],
    "InputDataConfig": [
      {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/train"}}},
      {"ChannelName": "test", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/test"}}}]})");
}

bool finds(const std::string& filters, const std::string& more = "") {
  const auto expression = parse_json(R"({"Filters": [)" + filters + "]" + more + "}");
  EXPECT_TRUE(expression && check_search(*expression));
  return matches_search(job(), *expression);
}

TEST(SearchFilter, ComparesPropertiesByTheirKind) {
  struct Case {
    const char* filter;
    bool holds;
  };
  for (const Case& c : std::vector<Case>{
           {R"({"Name": "TrainingJobName", "Operator": "Equals", "Value": "one"})", true},
           {R"({"Name": "TrainingJobName", "Value": "two"})", false},
           {R"({"Name": "TrainingJobName", "Operator": "Contains", "Value": "n"})", true},
           {R"({"Name": "TrainingJobName", "Operator": "In", "Value": "two, one"})", true},
           {R"({"Name": "TrainingJobName", "Operator": "NotEquals", "Value": "one"})", false},
           {R"({"Name": "Absent", "Operator": "NotEquals", "Value": "one"})", true},
           {R"({"Name": "Absent", "Operator": "NotExists"})", true},
           {R"({"Name": "HyperParameters.k", "Operator": "GreaterThan", "Value": "9"})", true},
           {R"({"Name": "HyperParameters.k", "Operator": "LessThanOrEqualTo", "Value": "9"})", false},
           {R"({"Name": "HyperParameters.a.b", "Operator": "Equals", "Value": "x"})", true},
           {R"({"Name": "Tags.owner", "Operator": "Equals", "Value": "me"})", true},
           {R"({"Name": "Tags.none", "Operator": "Exists"})", false},
           {R"({"Name": "Metrics.test:msd", "Operator": "LessThan", "Value": "0.3"})", true},
           {R"({"Name": "EnableManagedSpotTraining", "Operator": "Equals", "Value": "true"})", true},
           {R"({"Name": "CreationTime", "Operator": "GreaterThan", "Value": "2023-11-14T22:13:20Z"})", true},
           {R"({"Name": "CreationTime", "Operator": "LessThan", "Value": "2023-11-14T22:13:20Z"})", false},
           {R"({"Name": "InputDataConfig.DataSource.S3DataSource.S3Uri", "Operator": "Contains", "Value": "test"})",
            true},
       }) {
    EXPECT_EQ(finds(c.filter), c.holds) << c.filter;
  }
}

TEST(SearchFilter, JoinsConditionsAndNestsThem) {
  const std::string one = R"({"Name": "TrainingJobName", "Value": "one"})";
  const std::string two = R"({"Name": "TrainingJobName", "Value": "two"})";
  EXPECT_FALSE(finds(one + "," + two));
  EXPECT_TRUE(finds(one + "," + two, R"(, "Operator": "Or")"));
  EXPECT_FALSE(finds(one, R"(, "SubExpressions": [{"Filters": [)" + two + "]}]"));
  EXPECT_TRUE(finds(""));
  const auto nested = [](const std::string& channel, const std::string& uri) {
    return finds("", R"(, "NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": [
      {"Name": "InputDataConfig.ChannelName", "Operator": "Equals", "Value": ")" +
                         channel + R"("},
      {"Name": "InputDataConfig.DataSource.S3DataSource.S3Uri", "Operator": "Equals", "Value": ")" +
                         uri + R"("}]}])");
  };
  EXPECT_TRUE(nested("train", "s3://b/train"));
  EXPECT_FALSE(nested("train", "s3://b/test"));  // not of one channel
}

TEST(SearchFilter, HasLimits) {
  Value many = Value::object();
  for (int i = 0; i < 21; ++i) many.child("Filters").push(Value::object({{"Name", "a"}, {"Value", "b"}}));
  EXPECT_FALSE(check_search(many));
  EXPECT_FALSE(check_search(*parse_json(R"({"Filters": [{"Name": "a", "Operator": "Equals"}]})")));
  Value deep = Value::object();
  for (int i = 0; i < 12; ++i) {
    Value outer = Value::object();
    outer.child("SubExpressions").push(std::move(deep));
    deep = std::move(outer);
  }
  EXPECT_FALSE(check_search(deep));
}

TEST(SearchFilter, SortsByNumbersAndTexts) {
  EXPECT_TRUE(is_before(Value("9"), Value("10")));
  EXPECT_TRUE(is_before(Value("a"), Value("b")));
  EXPECT_EQ(property_of(job(), "Metrics.test:msd")->as_double(), 0.25);
  EXPECT_FALSE(property_of(job(), "Nothing"));
}

}  // namespace
}  // namespace millrace::sagemaker
