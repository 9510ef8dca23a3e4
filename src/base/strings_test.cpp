#include "base/strings.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/log.h"

namespace millrace {
namespace {

TEST(Strings, Glob) {
  struct Row {
    std::string_view pattern, text;
    bool matches;
  };
  const Row rows[] = {
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "abc", true},
      {"a*c", "abbc", true},
      {"a*c", "abcd", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"**a", "bba", true},
      {"*a*b*", "xaxbx", true},
      {"*a*b", "ab", true},
      {"a*b*c", "abxbc", true},
      {"s3:Get*", "s3:GetObject", true},
      {"s3:Get*", "s3:PutObject", false},
      {"arn:aws:s3:::b/*", "arn:aws:s3:::b/k/l", true},
      {"?", "", false},
      {"*?", "a", true},
      {"[a]", "a", false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(glob_match(row.pattern, row.text), row.matches) << row.pattern << " " << row.text;
}

TEST(Strings, GlobIsNotExponential) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(glob_match(pattern + "b", std::string(5000, 'a')));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(Strings, Numbers) {
  EXPECT_EQ(parse_int("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_int("+7"), 7);
  for (const std::string_view text : {"", "-", "+", "+-1", "1 ", " 1", "1.0", "9223372036854775808", "0x1"})
    EXPECT_FALSE(parse_int(text)) << text;
  EXPECT_EQ(parse_double("1e3"), 1000.0);
  EXPECT_EQ(parse_double("-.5"), -0.5);
  for (const std::string_view text : {"", "nan", "inf", "1e999", "1,5", "1 ", "+-1", "abc"})
    EXPECT_FALSE(parse_double(text)) << text;
}

TEST(Strings, Utf8) {
  for (const std::string_view text : {"", "abc", "é", "€", "😀", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_valid_utf8(text)) << text;
  for (const std::string_view text :
       {"\x80", "\xc3", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xff"}) {
    EXPECT_FALSE(is_valid_utf8(text)) << text;
  }
}

TEST(Strings, SplitJoinTrimReplace) {
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string_view>{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(join({"a", "b", ""}, ", "), "a, b, ");
  EXPECT_EQ(join({}, ","), "");
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(replace_all("aXbXX", "X", "XX"), "aXXbXXXX");
  EXPECT_EQ(replace_all("abc", "", "x"), "abc");
  EXPECT_EQ(to_lower("AbÉ"), "abÉ");
  EXPECT_EQ(to_upper("aBz-é"), "ABZ-é");
  EXPECT_EQ(shell_quoted("it's $x"), "'it'\\''s $x'");
  EXPECT_TRUE(equals_ignore_case("Content-LENGTH", "content-length"));
  EXPECT_FALSE(equals_ignore_case("a", "ab"));
}

TEST(Log, LevelsByName) {
  EXPECT_EQ(log::parse_level("DEBUG", log::Level::off), log::Level::debug);
  EXPECT_EQ(log::parse_level("loud", log::Level::warn), log::Level::warn);
  log::set_level(log::Level::error);
  EXPECT_FALSE(log::enabled(log::Level::warn));
  EXPECT_TRUE(log::enabled(log::Level::error));
  log::set_level(log::Level::warn);
}

}  // namespace
}  // namespace millrace
