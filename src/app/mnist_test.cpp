#include "app/lab/mnist.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "app/lab/assets.h"

namespace millrace::app {
namespace {

std::string gunzip_members(const std::string& gz) {
  std::string out;
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gz.data()));
  stream.avail_in = static_cast<uInt>(gz.size());
  std::string buffer(1u << 20, '\0');
  while (stream.avail_in > 0) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int result = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
    if (result == Z_STREAM_END)
      inflateReset(&stream);
    else if (result != Z_OK)
      break;
  }
  inflateEnd(&stream);
  return out;
}

Digits small_set(std::size_t count) {
  Digits digits;
  digits.count = count;
  digits.pixels.assign(count * 784, 0);
  digits.labels.assign(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    digits.labels[i] = static_cast<std::uint8_t>(i % 10);
    digits.pixels[i * 784] = static_cast<std::uint8_t>(i % 256);
  }
  return digits;
}

TEST(Mnist, TheEmbeddedDigitsAreWhole) {
  const auto test =
      read_digits(lab_asset("data/t10k-images-idx3-ubyte.gz"), lab_asset("data/t10k-labels-idx1-ubyte.gz"));
  ASSERT_TRUE(test) << test.error().message;
  EXPECT_EQ(test->count, 10'000u);
  EXPECT_EQ(test->labels[0], 7);
  EXPECT_EQ(test->labels[1], 2);
}

TEST(Mnist, DamagedFilesAreRefused) {
  std::string images(lab_asset("data/t10k-images-idx3-ubyte.gz"));
  const auto labels = lab_asset("data/t10k-labels-idx1-ubyte.gz");
  EXPECT_FALSE(read_digits(images.substr(0, 1000), labels));
  images[images.size() / 2] = static_cast<char>(images[images.size() / 2] ^ 0xff);
  EXPECT_FALSE(read_digits(images, labels));
  EXPECT_FALSE(read_digits(labels, labels));
}

TEST(Mnist, ThePickleHoldsEveryPixelAsAFractionAndEveryLabel) {
  const Digits train = small_set(50'003), test = small_set(7);
  std::string gz;
  ASSERT_TRUE(write_mnist_pickle(train, test, [&](std::string_view bytes) -> Status {
    gz.append(bytes);
    return {};
  }));
  const std::string pickle = gunzip_members(gz);
  EXPECT_EQ(pickle.substr(0, 2), "\x80\x03");
  EXPECT_EQ(pickle.back(), '.');
  // The first array's bytes: a 'B' with their length, then row 0, row 1 (whose first pixel is 1/255)…
  const std::uint32_t size = 50'000u * 784 * 4;
  std::string head = "B....";
  std::memcpy(head.data() + 1, &size, 4);
  const std::size_t at = pickle.find(head);
  ASSERT_NE(at, std::string::npos);
  float pixel = 0;
  std::memcpy(&pixel, pickle.data() + at + 5 + 784 * 4, 4);
  EXPECT_EQ(pixel, 1.0F / 255.0F);
  // 60,010 rows and labels in all.
  EXPECT_GT(pickle.size(), 50'010u * (784 * 4 + 8));
  EXPECT_LT(pickle.size(), 50'010u * (784 * 4 + 8) + 2000);
}

}  // namespace
}  // namespace millrace::app
