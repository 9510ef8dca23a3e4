#include "pipelines/executors/placeholders.h"

#include <random>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/json.h"

namespace millrace::pipelines::executors {
namespace {

class PlaceholdersTest : public ::testing::Test {
 protected:
  PlaceholdersTest() {
    input_ = *parse_json(
        R"({"inputs":{"parameterValues":{"who":"Ann","many":3,"half":0.5,"yes":true,"list":[1,"a"],"empty":""},
        "artifacts":{"data":{"artifacts":[{"name":"n","uri":"file:///a/data","metadata":{"rows":5}}]}}},
        "outputs":{"parameters":{"total":{"outputFile":"/o/total"}},
        "artifacts":{"model":{"artifacts":[{"name":"m","uri":"file:///a/model"}]}},"outputFile":"/o/meta.json"}})");
    context_.executor_input = &input_;
    context_.job_name = "job";
    context_.job_id = "id-1";
    context_.task_name = "task";
  }
  Value input_;
  PlaceholderContext context_;
};

TEST_F(PlaceholdersTest, AreReplaced) {
  const std::pair<const char*, const char*> cases[] = {
      {"plain", "plain"},
      {"{{$.inputs.parameters['who']}}", "Ann"},
      {"hello {{$.inputs.parameters['who']}}, {{$.inputs.parameters['many']}}!", "hello Ann, 3!"},
      {"{{$.inputs.parameters['half']}} {{$.inputs.parameters['yes']}}", "0.5 true"},
      {"{{$.inputs.parameters['list']}}", "[1,\"a\"]"},
      {"[{{$.inputs.parameters['empty']}}]", "[]"},
      {"{{$.inputs.artifacts['data'].uri}}", "file:///a/data"},
      {"{{$.outputs.parameters['total'].output_file}}", "/o/total"},
      {"{{$.outputs.artifacts['model'].uri}}", "file:///a/model"},
      {"{{$.pipeline_job_name}}/{{$.pipeline_job_uuid}}/{{$.pipeline_task_name}}", "job/id-1/task"},
      {"[{{$.inputs.parameters['absent']}}]", "[]"},  // an optional input that was left out
      {"{{ not ours }}", "{{ not ours }}"},
      {"{{$x}} {{$ y := 1 }} {{$.pipeline_job_uuid}}", "{{$x}} {{$ y := 1 }} id-1"},  // a template's in Go
      {"{{$.inputs.artifacts['data']}}", R"([{"name":"n","uri":"file:///a/data","metadata":{"rows":5}}])"},
      {"{{$.inputs.parameters['who']", "{{$.inputs.parameters['who']"},
  };
  for (const auto& [text, result] : cases) {
    const auto replaced = substitute(text, context_);
    ASSERT_TRUE(replaced) << text << ": " << replaced.error().message;
    EXPECT_EQ(*replaced, result) << text;
  }
  EXPECT_EQ(*parse_json(*substitute("{{$}}", context_)), input_);
  for (const char* unknown : {"{{$.nothing}}", "{{$.outputs.parameters['none'].output_file}}"}) {
    EXPECT_FALSE(substitute(unknown, context_)) << unknown;
  }
}

// What a value holds is never looked at again: a parameter cannot smuggle a placeholder in.
TEST_F(PlaceholdersTest, AreReplacedOnce) {
  input_.child("inputs").child("parameterValues").set("who", "{{$.pipeline_job_name}}");
  EXPECT_EQ(*substitute("{{$.inputs.parameters['who']}}", context_), "{{$.pipeline_job_name}}");
}

TEST(Text, OfNumbersHasNoExponent) {
  const std::pair<double, const char*> cases[] = {{2.0, "2"},
                                                  {-0.5, "-0.5"},
                                                  {1e21, "1000000000000000000000"},
                                                  {-1.25e22, "-12500000000000000000000"},
                                                  {1e-7, "0.0000001"},
                                                  {1.5e-9, "0.0000000015"},
                                                  {0.0, "0"},
                                                  {123456789012345.5, "123456789012345.5"}};
  for (const auto& [number, text] : cases) EXPECT_EQ(text_of(Value(number)), text);
  EXPECT_EQ(text_of(Value(1e300)), "1" + std::string(300, '0'));
}

TEST_F(PlaceholdersTest, ValuesMaySayWhatTheyLike) {
  const Value value = *parse_json(
      R"(["{{$.pipeline_job_name}}-x {{$.nothing}} {{$}}", {"{{$.a}}": "{{$.inputs.parameters['who']}} {{$.open"}, 3])");
  EXPECT_EQ(to_json(with_facts(value, context_)),
            R"(["job-x {{$.nothing}} {{$}}",{"{{$.a}}":"{{$.inputs.parameters['who']}} {{$.open"},3])");
}

TEST_F(PlaceholdersTest, ConcatAndIfPresent) {
  const auto arguments = substitute_arguments(
      {"run", R"({"Concat": ["--who=", "{{$.inputs.parameters['who']}}"]})",
       R"({"IfPresent": {"InputName": "many", "Then": ["--many", "{{$.inputs.parameters['many']}}"], "Else": ["--none"]}})",
       R"({"IfPresent": {"InputName": "absent", "Then": ["--absent"], "Else": ["--else", "x"]}})",
       R"({"IfPresent": {"InputName": "absent", "Then": ["--absent"]}})", R"({"just": "JSON"})"},
      context_);
  ASSERT_TRUE(arguments) << arguments.error().message;
  EXPECT_EQ(*arguments,
            (std::vector<std::string>{"run", "--who=Ann", "--many", "3", "--else", "x", R"({"just": "JSON"})"}));
}

TEST_F(PlaceholdersTest, SurviveAnyBytes) {
  const auto seed = static_cast<std::uint32_t>(random_u64());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const std::string good =
      R"({"Concat": ["--who=", "{{$.inputs.parameters['who']}}", {"IfPresent": {"InputName": "many", "Then": "x"}}]})";
  const std::string alphabet = "{}[]$.'\":,()ICn";
  for (int i = 0; i < 10'000; ++i) {
    std::string text = good;
    for (auto n = 1 + random() % 5; n > 0; --n) text[random() % text.size()] = alphabet[random() % alphabet.size()];
    (void)substitute_arguments({text}, context_);
  }
}

}  // namespace
}  // namespace millrace::pipelines::executors
