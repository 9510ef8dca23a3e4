#include "base/encode.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(Encode, Base64AsRfc4648) {
  const std::pair<std::string_view, std::string_view> rows[] = {{"", ""},
                                                                {"f", "Zg=="},
                                                                {"fo", "Zm8="},
                                                                {"foo", "Zm9v"},
                                                                {"foob", "Zm9vYg=="},
                                                                {"fooba", "Zm9vYmE="},
                                                                {"foobar", "Zm9vYmFy"},
                                                                {"\xff\xfe\xfd", "//79"}};
  for (const auto& [plain, encoded] : rows) {
    EXPECT_EQ(to_base64(plain), encoded);
    const auto back = from_base64(encoded);
    ASSERT_TRUE(back) << encoded;
    EXPECT_EQ(*back, plain);
  }
  EXPECT_EQ(to_base64url("\xff\xfe\xfd\xfc"), "__79_A");
  for (const std::string_view text : {"Z", "Zg", "Zg=", "Zg==\n", "Z===", "====", "Zm=v", "Zm9-", "Zg==Zg=="})
    EXPECT_FALSE(from_base64(text)) << text;
}

TEST(Encode, Hex) {
  EXPECT_EQ(to_hex(std::string_view("\x00\x0f\xff", 3)), "000fff");
  EXPECT_EQ(*from_hex("000FfF"), std::string("\x00\x0f\xff", 3));
  for (const std::string_view text : {"0", "0g", "  "}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(Encode, PercentAsAwsAppliesIt) {
  EXPECT_EQ(percent_encode("a b/c~d-e_f.g+é"), "a%20b%2Fc~d-e_f.g%2B%C3%A9");
  EXPECT_EQ(percent_encode("a b/c", true), "a%20b/c");
  EXPECT_EQ(*percent_decode("a%20b%2fc+d"), "a b/c+d");
  EXPECT_EQ(*percent_decode("a+b%2B", true), "a b+");
  for (const std::string_view text : {"%", "%2", "a%zz", "%%20"}) EXPECT_FALSE(percent_decode(text)) << text;
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(*percent_decode(percent_encode(all)), all);
}

}  // namespace
}  // namespace millrace
