#include "algorithms/recordio.h"

#include <gtest/gtest.h>

#include <cstring>

#include "algorithms/random.h"

namespace millrace::algorithms {
namespace {

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::vector<float> row_of(const RecordRows& rows, std::size_t i) {
  std::vector<float> out(rows.dim);
  std::memcpy(out.data(), rows.rows[i], rows.dim * sizeof(float));
  return out;
}

// A frame around a payload given as bytes; flag as in split records.
std::string frame(std::string payload, std::uint32_t flag = 0) {
  std::string out(8, '\0');
  const std::uint32_t magic = kRecordIoMagic, header = static_cast<std::uint32_t>(payload.size()) | flag << 29;
  std::memcpy(out.data(), &magic, 4);
  std::memcpy(out.data() + 4, &header, 4);
  out += payload;
  out.append((4 - payload.size() % 4) % 4, '\0');
  return out;
}
std::string field(char number, const std::string& payload) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(payload.size())} + payload;
}
std::string feature(const std::string& value, const std::string& key = "values") {
  return field(1, field(1, key) + field(2, value));
}
template <class T>
std::string raw(std::initializer_list<T> values) {
  std::string out(values.size() * sizeof(T), '\0');
  std::memcpy(out.data(), std::data(values), out.size());
  return out;
}

TEST(RecordIo, WhatIsWrittenIsReadInPlace) {
  Random random(1);
  std::string text;
  std::vector<std::vector<float>> written;
  for (int i = 0; i < 50; ++i) {
    std::vector<float> row(784);
    for (float& value : row) value = static_cast<float>(random.normal());
    const float label = static_cast<float>(i % 10);
    write_record(text, row, i % 2 == 0 ? &label : nullptr);
    written.push_back(row);
  }
  const auto rows = read_records(bytes_of(text));
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->rows.size(), 50u);
  EXPECT_EQ(rows->dim, 784u);
  EXPECT_TRUE(rows->owned.empty());
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(row_of(*rows, i), written[i]);
  const auto labels = read_labels(bytes_of(text));
  ASSERT_TRUE(labels);
  EXPECT_EQ((*labels)[4], (std::vector<std::pair<std::string, std::vector<float>>>{{"values", {4}}}));
  EXPECT_TRUE((*labels)[5].empty());
}

TEST(RecordIo, ReadsEveryTensor) {
  // float64_tensor = 3, int32_tensor = 7 (packed varints; -1 takes ten bytes), float32 unpacked, sparse with shape.
  const std::string text =
      frame(feature(field(3, field(1, raw<double>({1.5, -2, 3}))))) +
      frame(feature(field(7, field(1, std::string("\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", 12))))) +
      frame(feature(field(2, "\x0d" + raw<float>({4}) + "\x0d" + raw<float>({5}) + "\x0d" + raw<float>({6})))) +
      frame(feature(field(2, field(1, raw<float>({9})) + field(2, "\x02") + field(3, "\x03")))) +
      frame(feature(field(2, field(3, "\x03"))));
  const auto rows = read_records(bytes_of(text));
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->rows.size(), 5u);
  EXPECT_EQ(row_of(*rows, 0), (std::vector<float>{1.5, -2, 3}));
  EXPECT_EQ(row_of(*rows, 1), (std::vector<float>{7, -1, 0}));
  EXPECT_EQ(row_of(*rows, 2), (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(row_of(*rows, 3), (std::vector<float>{0, 0, 9}));
  EXPECT_EQ(row_of(*rows, 4), (std::vector<float>{0, 0, 0}));
}

TEST(RecordIo, TakesTheFeatureNamedValues) {
  const std::string a = feature(field(2, field(1, raw<float>({1, 2})))),
                    b = feature(field(2, field(1, raw<float>({3}))), "other");
  for (const std::string& both : {frame(a + b), frame(b + a)}) {
    const auto rows = read_records(bytes_of(both));
    ASSERT_TRUE(rows);
    EXPECT_EQ(row_of(*rows, 0), (std::vector<float>{1, 2}));
  }
  // A second record of the same layout but with one more feature behind it is read in full.
  const auto rows = read_records(bytes_of(frame(a) + frame(a + b)));
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->rows.size(), 2u);
  EXPECT_FALSE(read_records(bytes_of(frame(b + feature(field(2, field(1, raw<float>({3}))), "third")))));
}

TEST(RecordIo, JoinsSplitRecords) {
  std::string magic(4, '\0');
  std::memcpy(magic.data(), &kRecordIoMagic, 4);
  float as_float = 0;
  std::memcpy(&as_float, magic.data(), 4);
  const std::string whole = feature(field(2, field(1, raw<float>({1, as_float, 2}))));
  const std::size_t at = whole.find(magic);
  const std::string text = frame(whole.substr(0, at), 1) + frame(whole.substr(at + 4), 3);
  const auto rows = read_records(bytes_of(text));
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(std::memcmp(rows->rows[0], raw<float>({1, as_float, 2}).data(), 12), 0);
  EXPECT_FALSE(read_records(bytes_of(frame(whole.substr(0, at), 1))));
  EXPECT_FALSE(read_records(bytes_of(frame(whole.substr(at + 4), 3))));
}

TEST(RecordIo, NamesWhatIsWrong) {
  const auto message = [](const std::string& text, std::size_t dim = 0) {
    const auto rows = read_records(bytes_of(text), dim);
    return rows ? "none" : rows.error().message;
  };
  const std::string good = frame(feature(field(2, field(1, raw<float>({1, 2})))));
  EXPECT_EQ(message(good), "none");
  EXPECT_EQ(message(""), "none");
  EXPECT_EQ(message(good, 3), "record 1 (byte 0): it has 2 features where 3 are expected");
  EXPECT_EQ(message("1,2,3\n4,5,6\n"),
            "record 1 (byte 0): this is not RecordIO: a record must start with the magic number 0xced7230a");
  EXPECT_EQ(message(good + good.substr(0, 12)),
            "record 2 (byte " + std::to_string(good.size()) + "): the input ends inside a record of 24 bytes");
  EXPECT_EQ(message(good + frame(feature(field(2, field(1, raw<float>({1})))))),
            "record 2 (byte " + std::to_string(good.size()) + "): it has 1 features where 2 are expected");
  EXPECT_NE(message(frame("")).find("it has no features"), std::string::npos);
  EXPECT_NE(message(frame(feature(field(9, "jpeg")))).find("bytes where a tensor"), std::string::npos);
  const std::string key_outside = field(2, field(1, raw<float>({9})) + field(2, "\x03") + field(3, "\x03"));
  EXPECT_NE(message(frame(feature(key_outside))).find("outside its shape"), std::string::npos);
}

// Every prefix and every changed byte gives rows or an error, and nothing that a sanitizer would report.
TEST(RecordIo, HostileBytes) {
  std::string text;
  const float label = 1;
  write_record(text, std::vector<float>{1, 2, 3, 4, 5}, &label);
  text += frame(feature(field(3, field(1, raw<double>({1, 2, 3, 4, 5})))));
  text += frame(feature(field(2, field(1, raw<float>({9, 8})) + field(2, "\x02\x04") + field(3, "\x05"))));
  for (std::size_t length = 0; length < text.size(); ++length) {
    const std::string part = text.substr(0, length);
    const auto rows = read_records(bytes_of(part));
    for (std::size_t i = 0; rows && i < rows->rows.size(); ++i) (void)row_of(*rows, i);
    (void)split_records(part, 10, 1);
  }
  Random random(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = text;
    for (std::uint64_t changes = 1 + random.below(3); changes != 0; --changes) {
      changed[random.below(changed.size())] = static_cast<char>(random.below(256));
    }
    const auto rows = read_records(bytes_of(changed));
    float sum = 0;
    for (std::size_t r = 0; rows && r < rows->rows.size(); ++r) {
      for (const float value : row_of(*rows, r)) sum += value;
    }
    (void)sum;
    (void)read_labels(bytes_of(changed));
  }
}

TEST(RecordIo, SplitsAfterWholeRecords) {
  std::string text;
  for (int i = 0; i < 10; ++i) write_record(text, std::vector<float>{1, 2, 3});
  const std::size_t one = text.size() / 10;
  const auto parts = split_records(text, 3 * one, 1000);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 4u);
  EXPECT_EQ((*parts)[0].size(), 3 * one);
  EXPECT_EQ((*parts)[3].size(), one);
  EXPECT_EQ(split_records(text, 1 << 20, 1)->size(), 10u);
  EXPECT_EQ(split_records(text, 1, 5)->size(), 10u);
  EXPECT_FALSE(split_records(text.substr(1), 1 << 20, 1));
}

}  // namespace
}  // namespace millrace::algorithms
