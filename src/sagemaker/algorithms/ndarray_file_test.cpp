#include "sagemaker/algorithms/ndarray_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace millrace::sagemaker::built_in {
namespace {

using testing::ElementsAre;

// Put together by the format's description, as mxnet 1.9.1 writes it.
class Bytes {
 public:
  template <class... Values>
  Bytes& put(Values... values) {
    (text_.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
    return *this;
  }
  Bytes& head(std::uint64_t arrays) { return put(std::uint64_t{0x112}, std::uint64_t{0}, arrays); }
  Bytes& end() { return put(std::uint64_t{0}); }
  operator std::string_view() const { return text_; }

 private:
  std::string text_;
};
constexpr std::uint32_t kV1 = 0xF993FAC8, kV2 = 0xF993FAC9, kV3 = 0xF993FACA;
constexpr std::int32_t kCpu = 1;

Bytes two_by_three() {
  return Bytes()
      .head(1)
      .put(kV2, 0, 2u, std::int64_t{2}, std::int64_t{3}, kCpu, 0, 0)
      .put(1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f)
      .end();
}

TEST(NdArrayFile, IsWhatMxnetWrites) {
  const NdArray array{"", {2, 3}, {1, 2, 3, 4, 5, 6}};
  const std::string written = write_ndarrays({&array, 1});
  EXPECT_EQ(written.size(), 96u);
  EXPECT_EQ(written, std::string_view(two_by_three()));
  const auto read = read_ndarrays(written);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->at(0).shape, array.shape);
  EXPECT_EQ(read->at(0).values, array.values);
}

TEST(NdArrayFile, KeepsNames) {
  const std::vector<NdArray> arrays{{"mean", {2}, {1, 2}}, {"v", {1, 2}, {3, 4}}};
  const auto read = read_ndarrays(write_ndarrays(arrays));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at(1).name, "v");
  EXPECT_THAT(read->at(1).values, ElementsAre(3, 4));
}

TEST(NdArrayFile, ReadsEveryFormAndType) {
  struct Case {
    const char* name;
    Bytes bytes;
  };
  const std::int64_t two = 2;
  const std::int16_t halves[] = {0x3C00, static_cast<std::int16_t>(0xC000)};
  for (const Case& c :
       {Case{"first", Bytes().head(1).put(kV1, 1u, two, kCpu, 0, 0, 1.0f, -2.0f).end()},
        Case{"numpy shapes", Bytes().head(1).put(kV3, 0, 1u, two, kCpu, 0, 0, 1.0f, -2.0f).end()},
        Case{"oldest", Bytes().head(1).put(1u, 2u, kCpu, 0, 0, 1.0f, -2.0f).end()},
        Case{"float64", Bytes().head(1).put(kV2, 0, 1u, two, kCpu, 0, 1, 1.0, -2.0).end()},
        Case{"float16", Bytes().head(1).put(kV2, 0, 1u, two, kCpu, 0, 2, halves[0], halves[1]).end()},
        Case{"int32", Bytes().head(1).put(kV2, 0, 1u, two, kCpu, 0, 4, 1, -2).end()},
        Case{"int8", Bytes().head(1).put(kV2, 0, 1u, two, kCpu, 0, 5, char{1}, char{-2}).end()},
        Case{"int64", Bytes().head(1).put(kV2, 0, 1u, two, 2, 7, 6, std::int64_t{1}, std::int64_t{-2}).end()}}) {
    const auto read = read_ndarrays(c.bytes);
    ASSERT_TRUE(read) << c.name << ": " << read.error().message;
    EXPECT_THAT(read->at(0).values, ElementsAre(1, -2)) << c.name;
  }
}

TEST(NdArrayFile, RefusesWhatIsDamaged) {
  const std::string good(std::string_view{two_by_three()});
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(read_ndarrays(std::string_view(good).substr(0, length))) << length;
  const std::int64_t huge = std::int64_t{1} << 62;
  EXPECT_FALSE(read_ndarrays(Bytes().head(1).put(kV2, 0, 2u, huge, huge, kCpu, 0, 0).end())) << "no overflow";
  EXPECT_FALSE(read_ndarrays(Bytes().head(1).put(kV2, 0, 1u, std::int64_t{-1}, kCpu, 0, 0).end()));
  EXPECT_FALSE(read_ndarrays(Bytes().head(1).put(kV2, 0, 4'000'000'000u).end())) << "dimensions";
  EXPECT_FALSE(read_ndarrays(Bytes().head(std::uint64_t{1} << 60).end())) << "arrays";
  EXPECT_FALSE(read_ndarrays(Bytes().head(1).put(kV2, 1, 1u, std::int64_t{1}, kCpu, 0, 0, 1.0f).end())) << "sparse";
  EXPECT_FALSE(read_ndarrays(Bytes().head(1).put(kV2, 0, 1u, std::int64_t{1}, kCpu, 0, 77, 1.0f).end())) << "type";
  EXPECT_FALSE(read_ndarrays(Bytes().head(0).put(std::uint64_t{3}))) << "names";
}

}  // namespace
}  // namespace millrace::sagemaker::built_in
