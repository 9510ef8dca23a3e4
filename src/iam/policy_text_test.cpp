#include "iam/policy_text.h"

#include <gtest/gtest.h>

namespace millrace::iam {
namespace {

void expect_span(const Span& span, Position start, Position end) {
  EXPECT_EQ(span.start.line, start.line);
  EXPECT_EQ(span.start.column, start.column);
  EXPECT_EQ(span.end.line, end.line);
  EXPECT_EQ(span.end.column, end.column);
}

TEST(PolicyText, CountsWithoutWhiteSpace) {
  EXPECT_EQ(significant_size(" {\n\t\"a\" : 1 }\r\n"), 7u);
  EXPECT_EQ(significant_size(""), 0u);
}

// The AWS CLI's documented example of simulate-custom-policy.
TEST(PolicyText, FindsAStatementWhereTheSimulatorDoes) {
  const auto spans = statement_spans(
      R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}})");
  ASSERT_EQ(spans.size(), 1u);
  expect_span(spans[0], {1, 38}, {1, 167});
}

TEST(PolicyText, FindsEachStatementOfAList) {
  const auto spans = statement_spans(
      "{\n  \"Id\": \"Statement: { not one }\",\n  \"Statement\": [\n    {\"Sid\": \"a}\\\"{\"},\n    {\n      "
      "\"Sid\": \"ü\"\n    }],"
      "\n  \"Version\": \"2012-10-17\"\n}");
  ASSERT_EQ(spans.size(), 2u);
  expect_span(spans[0], {4, 6}, {4, 21});
  expect_span(spans[1], {5, 6}, {7, 6});
}

TEST(PolicyText, NamesTheKeysThatAPolicyReads) {
  const auto document = policy::parse_document(
      R"({"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}/${*}"},
        {"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":
          {"aws:PrincipalTag/team":"${aws:ResourceTag/team, 'none'}"},"Bool":{"aws:SecureTransport":"false"}}}]})",
      policy::Kind::identity);
  ASSERT_TRUE(document);
  EXPECT_EQ(context_keys(*document), (std::set<std::string>{"aws:PrincipalTag/team", "aws:ResourceTag/team",
                                                            "aws:SecureTransport", "aws:username"}));
  EXPECT_EQ(context_keys(document->statements[0], *document), (std::set<std::string>{"aws:username"}));
}

// Before 2012-10-17 there were no variables.
TEST(PolicyText, AnOldPolicyHasNoVariables) {
  const auto document = policy::parse_document(
      R"({"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}"}})",
      policy::Kind::identity);
  ASSERT_TRUE(document);
  EXPECT_TRUE(context_keys(*document).empty());
}

}  // namespace
}  // namespace millrace::iam
