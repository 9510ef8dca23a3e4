#include "sagemaker/serving/native_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace millrace::sagemaker {
namespace {

using testing::HasSubstr;

std::string bytes_of(std::uint64_t rows, std::uint64_t columns, const std::vector<float>& values) {
  std::string bytes(reinterpret_cast<const char*>(&rows), sizeof rows);
  bytes.append(reinterpret_cast<const char*>(&columns), sizeof columns);
  return bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

TEST(NativeModel, AnswersAsItsWorkerDoes) {
  const auto model = NativeModel::parse("kmeans", bytes_of(2, 2, {0, 0, 10, 10}));
  ASSERT_TRUE(model) << model.error().message;
  const auto csv = (*model)->infer("text/csv", "text/csv", "0,3\n10,10\n");
  EXPECT_EQ(csv.status, 200);
  EXPECT_EQ(csv.body, "0.0,3.0\n1.0,0.0\n");
  EXPECT_EQ((*model)->infer("text/csv", "", "0,3").content_type, "application/json");
  EXPECT_EQ((*model)->infer("text/csv", "", "0,3,4").status, 400);
  EXPECT_EQ((*model)->infer("image/png", "", "x").status, 415);
  EXPECT_EQ((*model)->infer("text/csv", "image/png", "0,3").status, 406);
}

TEST(NativeModel, TakesTextOfModerateSizeOnly) {
  const auto small = NativeModel::parse("kmeans", bytes_of(1, 1, {0}));
  EXPECT_TRUE((*small)->takes("text/csv; charset=utf-8", 1'000));
  EXPECT_TRUE((*small)->takes("application/json", 1'000));
  EXPECT_FALSE((*small)->takes("application/x-recordio-protobuf", 1'000)) << "binary is the confined worker's";
  EXPECT_FALSE((*small)->takes("text/csv", 1u << 20));
  constexpr std::size_t kMany = 100'000;
  const auto large = NativeModel::parse("kmeans", bytes_of(kMany, 1, std::vector<float>(kMany)));
  EXPECT_TRUE((*large)->takes("text/csv", 10));
  EXPECT_FALSE((*large)->takes("text/csv", 10'000)) << "too much work for a thread of the server";
}

TEST(NativeModel, RefusesWhatIsNoMatrix) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 63;
  struct Case {
    std::string_view algorithm;
    std::string bytes;
    std::string_view says;
  };
  for (const auto& c : {Case{"kmeans", "", "cut short"}, Case{"kmeans", bytes_of(0, 0, {}), "cut short"},
                        Case{"kmeans", bytes_of(2, 2, {1, 2, 3}), "its shape"},
                        Case{"kmeans", bytes_of(0, 4, {1, 2, 3, 4}), "its shape"},
                        Case{"kmeans", bytes_of(kHuge, 2, {1, 2, 3, 4}), "its shape"},
                        Case{"kmeans", bytes_of(kHuge + 1, kHuge + 1, {1}), "its shape"},
                        Case{"kmeans", bytes_of(1, 1, {1}) + "x", "too large"},
                        Case{"kmeans", bytes_of(1, 2, {1, kInfinity}), "finite"},
                        Case{"kmeans", bytes_of(1, 1, {std::numeric_limits<float>::quiet_NaN()}), "finite"},
                        Case{"kmeans", bytes_of(1, 1u << 21, std::vector<float>(1u << 21)), "too large"},
                        Case{"nothing", bytes_of(1, 1, {1}), "nothing"}}) {
    const auto model = NativeModel::parse(c.algorithm, c.bytes);
    ASSERT_FALSE(model) << c.says;
    EXPECT_THAT(model.error().message, HasSubstr(c.says));
  }
}

}  // namespace
}  // namespace millrace::sagemaker
