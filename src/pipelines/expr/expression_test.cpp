#include "pipelines/expr/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/core.h>

#include "base/json.h"

namespace millrace::pipelines::expr {
namespace {

const Value kParameters =
    *parse_json(R"({"flip": "heads", "n": 7, "half": 0.5, "ok": true, "text": "9", "list": [1]})");
const Value kArtifacts = *parse_json(R"({"m": [{"uri": "minio://a", "metadata": {"accuracy": 0.9, "by": "me"}}]})");

std::string outcome(std::string_view text) {
  const auto expression = Expression::parse(text);
  if (!expression) return "refused: " + expression.error().message;
  const auto result = expression->evaluate(kParameters, kArtifacts);
  if (!result) return "error: " + result.error().message;
  return *result ? "true" : "false";
}
std::string p(std::string_view name) { return fmt::format("inputs.parameter_values['{}']", name); }

TEST(Expression, EvaluatesWhatTheCompilerWrites) {
  EXPECT_EQ(outcome(p("flip") + " == 'heads'"), "true");
  EXPECT_EQ(outcome(p("flip") + " != 'heads'"), "false");
  EXPECT_EQ(outcome("int(" + p("n") + ") > 5"), "true");
  EXPECT_EQ(outcome("int(" + p("n") + ") <= 5"), "false");
  EXPECT_EQ(outcome("double(" + p("half") + ") < 0.75"), "true");
  EXPECT_EQ(outcome(p("ok") + " == true"), "true");
  EXPECT_EQ(outcome("!(" + p("flip") + " == 'heads') && int(" + p("n") + ") > 5"), "false");
  EXPECT_EQ(outcome("!(" + p("flip") + " == 'tails') && !(int(" + p("n") + ") > 9)"), "true");
  EXPECT_EQ(outcome(p("flip") + " == 'tails' || " + p("ok") + " == true"), "true");
  EXPECT_EQ(outcome("int(" + p("text") + ") == 9"), "true");
  EXPECT_EQ(outcome(p("n") + " == 7.0"), "true");
  EXPECT_EQ(outcome("'b' > 'a'"), "true");
  EXPECT_EQ(outcome("int(" + p("n") + ") > -1"), "true");
  EXPECT_EQ(outcome(R"('a\b\t\\' == "a\b\t\\" && 'a\b' != 'ab')"), "true");
}

TEST(Expression, ReadsArtifactMetadata) {
  EXPECT_EQ(outcome("inputs.artifacts['m'].artifacts[0].metadata['accuracy'] >= 0.9"), "true");
  EXPECT_EQ(outcome("inputs.artifacts['m'].artifacts[0].metadata['by'] == 'you'"), "false");
  EXPECT_THAT(outcome("inputs.artifacts['m'].artifacts[1].uri == ''"), testing::StartsWith("error: "));
}

TEST(Expression, TypesAreNotMixed) {
  EXPECT_THAT(outcome(p("n") + " == 7"), testing::StartsWith("error: double == int cannot be compared"));
  EXPECT_THAT(outcome(p("flip") + " > 1.0"), testing::StartsWith("error: string > double"));
  EXPECT_THAT(outcome("int(" + p("flip") + ") == 1"), testing::StartsWith("error: int() cannot read"));
  EXPECT_THAT(outcome(p("n")), testing::StartsWith("error: true or false is expected"));
  EXPECT_EQ(outcome(p("absent") + " == 'x'"), "error: the input parameter \"absent\" has no value");
}

TEST(Expression, ADecidingSideWinsOverAnError) {
  EXPECT_EQ(outcome("false && " + p("absent") + " == 'x'"), "false");
  EXPECT_EQ(outcome(p("absent") + " == 'x' && false"), "false");
  EXPECT_EQ(outcome(p("absent") + " == 'x' || true"), "true");
}

TEST(Expression, RefusesWhatIsNoCondition) {
  // The SDK does not escape quotes.
  EXPECT_THAT(outcome("'it's' == 'x'"), testing::StartsWith("refused: character 5"));
  EXPECT_THAT(outcome(""), testing::StartsWith("refused: "));
  EXPECT_THAT(outcome("1 = 1"), testing::StartsWith("refused: "));
  EXPECT_THAT(outcome("'open"), testing::StartsWith("refused: "));
  EXPECT_THAT(outcome("inputs.parameter_values[flip] == 'a'"), testing::StartsWith("refused: "));
  EXPECT_THAT(outcome("(true"), testing::StartsWith("refused: "));
  EXPECT_THAT(outcome("outputs.x == 1"), testing::StartsWith("refused: "));
}

TEST(Expression, HasLimits) {
  EXPECT_EQ(outcome(std::string(kMaxDepth, '(') + "true" + std::string(kMaxDepth, ')')), "true");
  EXPECT_THAT(outcome(std::string(100'0, '(') + "true"), testing::HasSubstr("nested deeper"));
  EXPECT_THAT(outcome(std::string(1000, '!') + "true"), testing::HasSubstr("nested deeper"));
  EXPECT_THAT(outcome(std::string(kMaxBytes, ' ') + "true"), testing::HasSubstr("longer than"));
}

}  // namespace
}  // namespace millrace::pipelines::expr
