#include "pipelines/executors/quoted.h"

#include <gtest/gtest.h>

namespace millrace::pipelines::executors {
namespace {

TEST(Quoted, IsBoundedAndPrintable) {
  struct Case {
    std::string_view text, shown;
  };
  const Case cases[] = {{"plain é 漢 🙂", "plain é 漢 🙂"},
                        {"\x1b[31mred\x1b]0;title\x07", " [31mred ]0;title "},
                        {"a\nb\rc\td", "a b c d"},
                        {std::string_view("a\0b", 3), "a b"},
                        {"\xc2\x9b"
                         "31m",
                         " 31m"},
                        {"\xff\xfe x", "?? x"},
                        {"cut \xe6\xbc", "cut ??"},
                        {"\xc0\xaf", "??"},
                        {"", ""}};
  for (const Case& c : cases) EXPECT_EQ(quoted(c.text, 100), c.shown);
  EXPECT_EQ(quoted("éé", 3), "é");
  EXPECT_EQ(quoted(std::string(1'000, '\n'), 5), "     ");
}

}  // namespace
}  // namespace millrace::pipelines::executors
