#include "algorithms/csv.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "algorithms/random.h"

namespace millrace::algorithms {
namespace {

TEST(Csv, ReadsTables) {
  const auto table = read_csv("1, 2.5,-3e2\r\n\n 0.1,+4,\t.5\n7,8.,1e-9");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->columns, 3u);
  EXPECT_EQ(table->rows(), 3u);
  EXPECT_EQ(table->values, (std::vector<float>{1, 2.5f, -300, 0.1f, 4, 0.5f, 7, 8, 1e-9f}));
  EXPECT_EQ(read_csv("")->rows(), 0u);
  EXPECT_EQ(read_csv("\n \n")->rows(), 0u);
  EXPECT_EQ(read_csv("\xef\xbb\xbf"
                     "5\n")
                ->values,
            std::vector<float>{5});
}

TEST(Csv, NamesWhatIsWrong) {
  const auto message = [](std::string_view text, std::size_t columns = 0) {
    const auto table = read_csv(text, columns);
    return table ? "none" : table.error().message;
  };
  EXPECT_EQ(message("1,2\n3,x\n"), "line 2, column 2: \"x\" is not a finite number");
  EXPECT_EQ(message("1,2\n3\n"), "line 2, column 1: the line has 1 columns where 2 are expected");
  EXPECT_EQ(message("1,2\n", 3), "line 1, column 2: the line has 2 columns where 3 are expected");
  EXPECT_EQ(message("1,,2"), "line 1, column 2: a number is missing");
  EXPECT_EQ(message("1,"), "line 1, column 2: a number is missing");
  EXPECT_EQ(message(",1"), "line 1, column 1: a number is missing");
  EXPECT_EQ(message("1 2"), "line 1, column 1: \"1 2\" is not a finite number");
  for (const char* bad : {"nan", "inf", "-inf", "1e99", "--1", "0x10", "1e", "-", ".", "label"}) {
    EXPECT_NE(message(bad), "none") << bad;
  }
}

// The fast way rounds as the C library does, also at the edges between two floats.
TEST(Csv, RoundsToTheNearestFloat) {
  Random random(11);
  std::vector<std::string> texts = {"16777217",
                                    "16777219",
                                    "0.1",
                                    "9007199254740993",
                                    "1.00000005960464477539062",
                                    "1.000000059604644775",
                                    "8388608.5",
                                    "0.000000000000001",
                                    "123456789012345"};
  for (int i = 0; i < 50'000; ++i) {
    const std::uint64_t digits = random.next() >> random.below(60);
    std::string text = std::to_string(digits);
    text.insert(random.below(text.size() + 1), ".");
    if (text == "." || text.size() > 19) continue;
    texts.push_back(random.below(2) == 0 ? text : "-" + text);
  }
  for (const std::string& text : texts) {
    const auto table = read_csv(text);
    ASSERT_TRUE(table) << text;
    EXPECT_EQ(table->values[0], std::strtof(text.c_str(), nullptr)) << text;
  }
}

TEST(Csv, FloatsComeBackTheSame) {
  Random random(12);
  std::string text;
  append_float(text, 1);
  EXPECT_EQ(text, "1.0");
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<float>(random.normal() * std::exp(20 * random.normal()));
    if (!std::isfinite(value)) continue;
    text.clear();
    append_float(text, value);
    const auto table = read_csv(text);
    ASSERT_TRUE(table) << text;
    EXPECT_EQ(table->values[0], value) << text;
  }
}

TEST(Csv, HostileBytes) {
  Random random(13);
  const std::string alphabet = "0123456789.,-+eE\n\r\t x\"\xff";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t n = random.below(30); n != 0; --n) text.push_back(alphabet[random.below(alphabet.size())]);
    const auto table = read_csv(text);
    if (!table) continue;
    EXPECT_EQ(table->values.size() % std::max<std::size_t>(1, table->columns), 0u);
  }
}

}  // namespace
}  // namespace millrace::algorithms
