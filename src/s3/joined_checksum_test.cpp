#include "s3/joined_checksum.h"

#include <random>

#include <gtest/gtest.h>

#include "aws/checksum.h"
#include "base/encode.h"
#include "base/ids.h"

namespace millrace::s3 {
namespace {

std::string checksum(std::string_view algorithm, std::string_view bytes) {
  const auto digest = aws::make_checksum(algorithm);
  digest->update(bytes);
  return to_base64(digest->finish());
}

TEST(JoinedChecksum, OfTheWholeIsThatOfItsBytes) {
  const auto seed = static_cast<std::uint32_t>(random_u64());
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (const char* algorithm : {"crc32", "crc32c", "crc64nvme"}) {
    for (int round = 0; round < 50; ++round) {
      std::string whole;
      std::vector<PartChecksum> parts;
      for (auto count = 1 + random() % 5; count > 0; --count) {
        std::string part(random() % 3000, '\0');
        for (char& c : part) c = static_cast<char>(random());
        parts.push_back({checksum(algorithm, part), part.size()});
        whole += part;
      }
      EXPECT_EQ(joined_checksum(algorithm, kFullObject, parts), checksum(algorithm, whole)) << algorithm;
    }
  }
}

TEST(JoinedChecksum, CompositeIsThatOfTheParts) {
  for (const char* algorithm : {"crc32", "crc32c", "sha1", "sha256"}) {
    const std::string one = checksum(algorithm, "one"), two = checksum(algorithm, "two");
    EXPECT_EQ(joined_checksum(algorithm, kComposite, {{one, 3}, {two, 3}}),
              checksum(algorithm, *from_base64(one) + *from_base64(two)) + "-2");
    EXPECT_EQ(joined_checksum(algorithm, kComposite, {{one, 3}, {"", 3}}), std::nullopt);
  }
}

TEST(JoinedChecksum, KnowsWhatGoesTogether) {
  EXPECT_EQ(checksum_type("crc32", ""), kComposite);
  EXPECT_EQ(checksum_type("crc64nvme", ""), kFullObject);
  EXPECT_EQ(checksum_type("crc32c", kFullObject), kFullObject);
  EXPECT_EQ(checksum_type("sha1", kFullObject).error().reason, "InvalidRequest");
  EXPECT_EQ(checksum_type("crc64nvme", kComposite).error().reason, "InvalidRequest");
}

}  // namespace
}  // namespace millrace::s3
