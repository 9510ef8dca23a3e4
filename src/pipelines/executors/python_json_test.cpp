#include "pipelines/executors/python_json.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::pipelines::executors {
namespace {

TEST(PythonJson, HasNumbersThatJsonHasNot) {
  const auto value =
      parse_python_json(R"({"a": NaN, "b": [Infinity, -Infinity, 1.5], "c": "NaN, \\", "d": "-Infinity"})");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_TRUE(std::isnan((*value)["a"].as_double()));
  EXPECT_EQ(to_json(with_named_numbers(*value)),
            R"({"a":"NaN","b":["Infinity","-Infinity",1.5],"c":"NaN, \\","d":"-Infinity"})");
  EXPECT_EQ(find_non_finite((*value)["b"]), "Infinity");
  EXPECT_EQ(find_non_finite((*value)["d"]), std::nullopt);
  for (const char* wrong : {"{\"a\": NaN", "NaNs", "[Infinite]", "{\"NaN\": }"})
    EXPECT_FALSE(parse_python_json(wrong)) << wrong;
}

TEST(PythonJson, TellsAComponentNumbersOfMetricsOnly) {
  const auto input = parse_json(R"({"inputs": {"parameterValues": {"p": "NaN"}, "artifacts": {
      "m": {"artifacts": [{"type": {"schemaTitle": "system.Metrics"}, "metadata": {"loss": "NaN", "best": "-Infinity", "of": "x"}}]},
      "d": {"artifacts": [{"type": {"schemaTitle": "system.Dataset"}, "metadata": {"loss": "NaN"}}]}}}})");
  ASSERT_TRUE(input);
  EXPECT_EQ(python_json_of_input(*input),
            R"({"inputs":{"parameterValues":{"p":"NaN"},"artifacts":{"m":{"artifacts":[{"type":{"schemaTitle":)"
            R"("system.Metrics"},"metadata":{"loss":NaN,"best":-Infinity,"of":"x"}}]},"d":{"artifacts":[{"type":)"
            R"({"schemaTitle":"system.Dataset"},"metadata":{"loss":"NaN"}}]}}}})");
}

}  // namespace
}  // namespace millrace::pipelines::executors
