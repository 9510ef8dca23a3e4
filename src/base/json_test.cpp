#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/json_locate.h"

namespace millrace {
namespace {

std::string round_trip(std::string_view text) {
  const auto value = parse_json(text);
  return value ? to_json(*value) : value.error().message;
}

TEST(Json, NumbersKeepTheirValueAndPrintWithoutNeedlessFraction) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"0", "0"},
      {"-0", "0"},
      {"2.0", "2"},
      {"0.1", "0.1"},
      {"100.0", "100"},
      {"1e2", "100"},
      {"1E+20", "100000000000000000000"},
      {"1e21", "1e+21"},
      {"0.0000001", "0.0000001"},
      {"5e-324", "5e-324"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"9223372036854775808", "9223372036854775808"},
      {"18446744073709551615", "18446744073709551616"},  // a double: above int64
      {"18446744073709551616", "18446744073709551616"},
      {"[1,-100000000000000000000,{\"a\":123456789012345678901234567890}]",
       "[1,-100000000000000000000,{\"a\":1.2345678901234568e+29}]"},
      {"1e-999", "0"},
      {"9007199254740993", "9007199254740993"},  // not a double
      {"0.30000000000000004", "0.30000000000000004"},
  };
  for (const auto& [text, expected] : rows) EXPECT_EQ(round_trip(text), expected) << text;
}

TEST(Json, EveryDoubleComesBackTheSame) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t bits = random();
    double number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (!std::isfinite(number)) continue;
    const auto value = parse_json(to_json(Value(number)));
    ASSERT_TRUE(value) << to_json(Value(number)) << value.error().message;
    ASSERT_EQ(value->as_double(), number);
  }
}

TEST(Json, WhatJsonHasNoWordForIsNull) {
  EXPECT_EQ(to_json(Value(std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(to_json(Value(std::nan(""))), "null");
}

TEST(Json, StringsAreEscapedAndRead) {
  EXPECT_EQ(to_json(Value("a\"\\/\n\r\t\b\f\x01\x7fé😀")), "\"a\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\x7fé😀\"");
  EXPECT_EQ(parse_json(R"("\u00e9\ud83d\ude00\u0000\/")")->as_string(), std::string("é😀\0/", 8));
  // A log line may hold any byte; the answer that carries it has to stay readable.
  EXPECT_EQ(to_json(Value("a\xff\xc3(\xe2\x82")), "\"a\uFFFD\uFFFD(\uFFFD\uFFFD\"");
  EXPECT_TRUE(parse_json(to_json(Value("\x80 ok"))));
}

TEST(Json, KeepsTheOrderOfMembersAndTheLastOfTwoAlike) {
  EXPECT_EQ(round_trip(R"({"z":1,"a":{"y":[],"b":{}},"m":null})"), R"({"z":1,"a":{"y":[],"b":{}},"m":null})");
  EXPECT_EQ(round_trip(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
  JsonLimits strict;
  strict.refuse_duplicate_keys = true;
  const auto refused = parse_json(R"({"x":[{"a":1,"a":2}]})", strict);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "JSON: the key \"a\" stands twice");
}

TEST(Json, ErrorsNameThePlace) {
  const std::pair<std::string, std::string_view> rows[] = {
      {"", "JSON: there is no value at byte 0"},
      {" \n", "JSON: there is no value at byte 2"},
      {"{\"a\":1,}", "JSON: a key in quotes is expected at byte 7"},
      {"[1,]", "JSON: a value is expected at byte 3"},
      {"[1 2]", "JSON: ',' or ']' is expected at byte 3"},
      {"{\"a\" 1}", "JSON: ':' is expected at byte 5"},
      {"{\"a\":1", "JSON: ',' or '}' is expected at byte 6"},
      {"nul", "JSON: a value is expected at byte 0"},
      {"1 2", "JSON: more text after the value at byte 2"},
      {"01", "JSON: a number with a leading 0 at byte 0"},
      {"-", "JSON: a digit is expected at byte 1"},
      {"1.", "JSON: a digit is expected at byte 2"},
      {"\"a", "JSON: a string that does not end at byte 0"},
      {"\"a\nb\"", "JSON: a control character in a string at byte 2"},
      {"\"\\x\"", "JSON: an escape that JSON does not have at byte 1"},
      {"\"\\ud800\"", "JSON: half a surrogate pair at byte 1"},
      {"\"\\u12g4\"", "JSON: \\u without four hex digits at byte 1"},
      {"\"a\xff\"", "JSON: a byte that is not UTF-8 at byte 2"},
      {"[1, -1" + std::string(400, '0') + "]", "JSON: a number that is too large at byte 4"},
      {"[1e999]", "JSON: a number that is too large at byte 1"},
  };
  for (const auto& [text, expected] : rows) {
    const auto value = parse_json(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, Code::invalid_argument);
    EXPECT_EQ(value.error().message, expected) << text;
  }
}

// Cut and bent documents: reader and locator have to agree about what is JSON.
TEST(Json, TheLocatorAgreesWithTheReader) {
  const std::string good = R"({"a":[1,-2.5e3,true,false,null,"x\n\u00e9\ud83d\ude00"],"b":{"c":{}},"é":"ü"} )";
  EXPECT_FALSE(scan_json(good, 256).fault);
  std::mt19937 random(11);
  const std::string_view alphabet = "{}[]\",:\\u0019.-+eEtrfnal \x01\xff";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good.substr(0, i % 4 == 0 ? random() % good.size() : good.size());
    for (auto changes = random() % 3; changes > 0 && !text.empty(); --changes) {
      text[random() % text.size()] = alphabet[random() % alphabet.size()];
    }
    ASSERT_EQ(parse_json(text).has_value(), !scan_json(text, 256).fault.has_value()) << text;
  }
}

TEST(Json, LimitsHold) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  JsonLimits limits;
  limits.max_depth = 10;
  EXPECT_TRUE(parse_json(nested(10), limits));
  EXPECT_FALSE(parse_json(nested(12), limits));
  EXPECT_FALSE(parse_json(nested(100'000)));
  EXPECT_FALSE(parse_json(std::string(100'000, '[')));
  limits.max_bytes = 4;
  EXPECT_TRUE(parse_json("1234", limits));
  EXPECT_FALSE(parse_json("12345", limits));
  // A small document after a large one, and after another depth, on the same thread.
  EXPECT_TRUE(parse_json("[\"" + std::string(2u << 20, 'x') + "\"]"));
  EXPECT_TRUE(parse_json("[1]"));
}

TEST(Json, PrettyPrints) {
  EXPECT_EQ(to_json_pretty(Value::object({{"a", Value::array({1, Value::object()})}, {"b", "x"}})),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"x\"\n}");
}

}  // namespace
}  // namespace millrace
