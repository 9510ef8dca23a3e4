#include "app/cli/parameters.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"

namespace millrace::app {
namespace {

using pipelines::ParameterType;

pipelines::PipelineSpec pipeline() {
  pipelines::PipelineSpec spec;
  spec.root.parameters["text"] = {ParameterType::string, false, {}, {}};
  spec.root.parameters["count"] = {ParameterType::number_integer, true, Value(3), {}};
  spec.root.parameters["rate"] = {ParameterType::number_double, true, {}, {}};
  spec.root.parameters["on"] = {ParameterType::boolean, true, {}, {}};
  spec.root.parameters["grid"] = {ParameterType::list, true, {}, {}};
  spec.root.parameters["config"] = {ParameterType::structure, true, {}, {}};
  spec.root.parameters["size"] = {ParameterType::string, true, {}, {Value("small"), Value("large")}};
  return spec;
}

std::string typed(const std::vector<std::string>& given) {
  const auto value = type_parameters(pipeline(), given);
  return value ? to_json(*value) : value.error().message;
}

TEST(CliParameters, AreTypedByThePipeline) {
  EXPECT_EQ(typed({"text=12", "count=12", "rate=1e-3", "on=True"}),
            R"({"text":"12","count":12,"rate":0.001,"on":true})");
  EXPECT_EQ(typed({"text=a=b", "grid=[1, \"x\"]", "config={\"a\": {\"b\": null}}"}),
            R"({"text":"a=b","grid":[1,"x"],"config":{"a":{"b":null}}})");
  EXPECT_EQ(typed({"text="}), R"({"text":""})");
  EXPECT_EQ(typed({"text=x", "size=small"}), R"({"text":"x","size":"small"})");
}

TEST(CliParameters, EveryProblemIsSaidAtOnce) {
  EXPECT_EQ(typed({"count=1.5", "on=yes", "other=1", "grid={}", "rate", "size=huge"}),
            "the parameter count is a NUMBER_INTEGER: \"1.5\" is not a whole number\n"
            "the parameter on is a BOOLEAN: \"yes\" is not true or false\n"
            "the pipeline has no parameter other; it has config, count, grid, on, rate, size, text\n"
            "the parameter grid is a LIST: \"{}\" is not a JSON list such as [1, 2]\n"
            "-p rate: a parameter is given as name=value\n"
            "the parameter size may be \"small\", \"large\"\n"
            "the parameter text (STRING) is missing: add -p text=…");
  EXPECT_EQ(typed({"text=a", "text=b"}), "the parameter text is given twice");
}

TEST(CliParameters, AnAtSignReadsAFile) {
  auto directory = TempDir::make();
  ASSERT_TRUE(directory);
  const std::string path = (directory->path() / "config.json").string();
  ASSERT_TRUE(write_file(path, "{\"a\": 1}\n"));
  EXPECT_EQ(typed({"text=@@home", "config=@" + path}), R"({"text":"@home","config":{"a":1}})");
  EXPECT_NE(typed({"text=@" + path + ".not"}).find("the parameter text: "), std::string::npos);
}

}  // namespace
}  // namespace millrace::app
