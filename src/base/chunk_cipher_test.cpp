#include "base/chunk_cipher.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

const std::string kKey(ChunkCipher::kKeyBytes, 'k');

std::string sealed(std::uint64_t number, bool last, std::string_view plain) {
  std::string out;
  ChunkCipher(kKey).seal(number, last, plain, out);
  return out;
}

bool opens(std::uint64_t number, bool last, std::string_view text, const std::string& key = kKey) {
  std::string plain = "before";
  const bool good = ChunkCipher(key).open(number, last, text, plain);
  EXPECT_EQ(plain.empty() && !good, !good) << "unverified bytes";
  return good;
}

TEST(ChunkCipher, OpensWhatItSealed) {
  ChunkCipher cipher(kKey);
  const std::string whole(ChunkCipher::kChunkBytes, 'a');
  for (const std::string_view plain : {std::string_view(""), std::string_view("short"), std::string_view(whole)}) {
    for (std::uint64_t number = 0; number < 3; ++number) {
      std::string text, back;
      cipher.seal(number, true, plain, text);
      EXPECT_EQ(text.size(), plain.size() + ChunkCipher::kTagBytes);
      EXPECT_EQ(text.find("short"), std::string::npos);
      ASSERT_TRUE(cipher.open(number, true, text, back));
      EXPECT_EQ(back, plain);
    }
  }
}

TEST(ChunkCipher, OpensNothingElse) {
  const std::string text = sealed(7, true, "some bytes");
  EXPECT_TRUE(opens(7, true, text));
  EXPECT_FALSE(opens(6, true, text)) << "moved";
  EXPECT_FALSE(opens(7, false, text)) << "the last is another chunk than one in between";
  EXPECT_FALSE(opens(7, true, text, std::string(ChunkCipher::kKeyBytes, 'x')));
  EXPECT_FALSE(opens(7, true, text.substr(0, text.size() - 1)));
  EXPECT_FALSE(opens(7, true, ""));
  EXPECT_FALSE(opens(7, true, text.substr(0, ChunkCipher::kTagBytes - 1)));
  EXPECT_FALSE(opens(7, true, std::string(ChunkCipher::kSealedBytes + 1, 'a')));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(opens(7, true, changed)) << i;
  }
}

TEST(ChunkCipher, NoTwoChunksAreAlike) {
  EXPECT_NE(sealed(0, true, "same"), sealed(1, true, "same"));
  EXPECT_NE(sealed(0, true, "same"), sealed(1ull << 40, true, "same"));
}

}  // namespace
}  // namespace millrace
