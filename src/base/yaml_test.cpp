#include "base/yaml.h"

#include <gtest/gtest.h>

#include <fmt/core.h>

#include "base/json.h"

namespace millrace {
namespace {

std::string as_json(std::string_view text) {
  const auto value = parse_yaml(text);
  return value ? to_json(*value) : value.error().message;
}

TEST(Yaml, TypesPlainScalarsAndNothingElse) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"~", "null"},
      {"Null", "null"},
      {"", "null"},
      {"true", "true"},
      {"FALSE", "false"},
      {"yes", "\"yes\""},
      {"on", "\"on\""},
      {"12", "12"},
      {"-7", "-7"},
      {"+7", "7"},
      {"0x1F", "31"},
      {"9223372036854775807", "9223372036854775807"},
      {"9223372036854775808", "9223372036854775808"},
      {"1.5", "1.5"},
      {"1e3", "1000"},
      {".5", "0.5"},
      {"1.2.3", "\"1.2.3\""},
      {"2026-01-02", "\"2026-01-02\""},
      {"1:30", "\"1:30\""},
      {"0xzz", "\"0xzz\""},
      {".inf", "\".inf\""},
      {"1e999", "\"1e999\""},
      {"'12'", "\"12\""},
      {"\"true\"", "\"true\""},
      {"!!str 12", "\"12\""},
      {"!!int \"12\"", "12"},
      {"a b", "\"a b\""},
  };
  for (const auto& [text, expected] : rows)
    EXPECT_EQ(as_json(fmt::format("v: {}\n", text)), fmt::format("{{\"v\":{}}}", expected));
}

TEST(Yaml, ReadsCollectionsBlocksAndJson) {
  EXPECT_EQ(as_json("a:\n- 1\n- b: [x, {y: z}]\nc: |\n  one\n  two\nd: >-\n  three\n  four\n1: k\n"),
            R"({"a":[1,{"b":["x",{"y":"z"}]}],"c":"one\ntwo\n","d":"three four","1":"k"})");
  EXPECT_EQ(as_json(R"({"a": [1, 2.5, null, "x\u00e9"], "b": {}})"), R"({"a":[1,2.5,null,"xé"],"b":{}})");
}

TEST(Yaml, ValuesKnowTheirPlace) {
  const auto value = parse_yaml("a: 1\nb:\n  - x\n  - {c: d}\n");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at("a").line, 1u);
  EXPECT_EQ(value->at("a").column, 4u);
  EXPECT_EQ(value->at("b").items()[1].at("c").line, 4u);
  EXPECT_EQ(value->at("b").items()[1].at("c").column, 9u);
}

TEST(Yaml, ReadsSeveralDocumentsAndDropsEmptyOnes) {
  const auto documents = parse_yaml_documents("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n");
  ASSERT_TRUE(documents) << documents.error().message;
  ASSERT_EQ(documents->size(), 2u);
  EXPECT_EQ(to_json((*documents)[1]), R"({"b":2})");
  EXPECT_FALSE(parse_yaml("a: 1\n---\nb: 2\n"));
  EXPECT_FALSE(parse_yaml(""));
  YamlLimits limits;
  limits.max_documents = 2;
  EXPECT_TRUE(parse_yaml_documents("a\n---\nb\n", limits));
  EXPECT_FALSE(parse_yaml_documents("a\n---\nb\n---\nc\n", limits));
}

TEST(Yaml, ErrorsNameThePlace) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"a: 1\nb: [1, 2\n", "line 3, column 1: "},
      {"a: 1\n  b: 2\n", "line 2, column 4: "},
      {"a: 1\nb: 2\na: 3\n", "line 3, column 1: the key \"a\" stands twice"},
      {"a: *x\n", "line 1, column 4: the alias *x has no anchor before it"},
      {"<<: 1\n", "line 1, column 1: merge keys (<<) are not supported"},
      {"? [a]\n: b\n", "line 1, column 3: a key that is not a plain word"},
      {"a: !thing b\n", "line 1, column 4: the tag !thing is not known"},
      {"a: 1\nb: \xff\xfe\n", "line 2, column 4: "},
      {"a: \x01\n", "line 1, column 4: control characters are not allowed"},
      {"\ta: 1\n", "line 1, column 1: "},
  };
  for (const auto& [text, start] : rows) {
    const auto value = parse_yaml(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, Code::invalid_argument);
    EXPECT_TRUE(value.error().message.starts_with(start)) << text << "\n" << value.error().message;
  }
}

TEST(Yaml, AliasesExpandWithinTheirBudget) {
  EXPECT_EQ(as_json("a: &x {b: [1]}\nc: *x\nd: [*x]\n"), R"({"a":{"b":[1]},"c":{"b":[1]},"d":[{"b":[1]}]})");
  // The billion laughs: nine levels of nine aliases each.
  std::string bomb = "l0: &l0 [lol]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += fmt::format("l{}: &l{} [", i, i);
    for (int j = 0; j < 9; ++j) bomb += fmt::format("*l{},", i - 1);
    bomb += "]\n";
  }
  YamlLimits limits;
  limits.max_nodes = 10'000;
  const auto laughs = parse_yaml(bomb, limits);
  ASSERT_FALSE(laughs);
  EXPECT_NE(laughs.error().message.find("once aliases are expanded"), std::string::npos);
}

TEST(Yaml, DepthIsLimitedThroughAliasesToo) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(parse_yaml(nested(256)));
  EXPECT_FALSE(parse_yaml(nested(300)));
  // Each anchor is within the limit, the chain of them would be 24,000 levels deep.
  std::string chain = "a0: &a0 " + nested(200) + "\n";
  for (int i = 1; i < 120; ++i) {
    chain += fmt::format("a{}: &a{} {}*a{} {}\n", i, i, std::string(200, '['), i - 1, std::string(200, ']'));
  }
  const auto value = parse_yaml(chain);
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message.find("nested deeper"), std::string::npos);
}

TEST(Yaml, WritesWhatEveryReaderTakesForTheSame) {
  const Value value = Value::object({
      {"plain", "hello world"},
      {"list", Value::array({1, 2.5, true, nullptr, Value::array({1, Value::array({2})}),
                             Value::object({{"k", "v"}, {"l", 1}})})},
      {"empty", Value::object({{"o", Value::object()}, {"a", Value::array()}, {"s", ""}})},
      {std::string(2000, 'k'), "long key"},
      {"multi", "a\nb\n"},
  });
  const std::string text = to_yaml(value);
  const auto back = parse_yaml(text);
  ASSERT_TRUE(back) << back.error().message << "\n" << text;
  EXPECT_EQ(*back, value) << text;
  EXPECT_TRUE(text.starts_with("plain: hello world\nlist:\n- 1\n- 2.5\n- true\n- null\n")) << text;
}

TEST(Yaml, QuotesStringsThatAReaderWouldMistype) {
  for (const std::string_view text : {"",       "true",   "null",        "~",          "12",
                                      "-1",     "1.5",    "0x1f",        "2026-01-02", "2026-01-02T03:04:05Z",
                                      "1:30",   "1_000",  "0o17",        "017",        ".inf",
                                      "yes",    "No",     "y",           "- a",        "a: b",
                                      "a #b",   "#c",     "a:",          " a",         "a ",
                                      "*x",     "&x",     "!t",          "%d",         "@x",
                                      "`x",     "{a",     "[a",          "\x7f",       "\xc2\x85",
                                      "\u2028", "\ufeff", "line\nbreak", "tab\there",  "'q'",
                                      "\"q\"",  "=",      "<<",          "---",        "..."}) {
    const std::string yaml = to_yaml(Value::object({{"k", Value(text)}}));
    EXPECT_NE(yaml.find('"'), std::string::npos) << yaml;
    const auto back = parse_yaml(yaml);
    ASSERT_TRUE(back) << yaml << back.error().message;
    EXPECT_EQ(back->at("k"), Value(text)) << yaml;
  }
  for (const std::string_view text :
       {"abc", "a-b", "arn:aws:iam::1:role/x", "http://h/p?q#f", "3 apples", "é😀", "v1.2"}) {
    EXPECT_EQ(to_yaml(Value(text)), std::string(text) + "\n");
  }
}

}  // namespace
}  // namespace millrace
