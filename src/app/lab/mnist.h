#pragma once
// MNIST in the two forms the lab needs: the digits themselves, and mnist.pkl.gz as the public sample bucket has it.
// IDX format: Y. LeCun, "The MNIST database", big-endian magic 2051 (images) and 2049 (labels).

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::app {

struct Digits {
  std::size_t count = 0;
  std::vector<std::uint8_t> pixels;  // count × 784, row by row, 0 paper … 255 ink
  std::vector<std::uint8_t> labels;  // count, 0-9
  const std::uint8_t* image(std::size_t i) const { return pixels.data() + i * 784; }
};

// From gzip-compressed IDX files. Errors: data_loss, naming what is wrong.
Result<Digits> read_digits(std::string_view images_gz, std::string_view labels_gz);

// gzip(pickle((train, valid, test))), each a pair (float32 (n, 784) in [0, 1], int64 (n,)): the first 50,000 training
// images, the other 10,000, the 10,000 test images. Written piece by piece (a few MiB of memory); Python's pickle.load
// reads it with any `encoding`.
Status write_mnist_pickle(const Digits& train, const Digits& test, const std::function<Status(std::string_view)>& out);

}  // namespace millrace::app
