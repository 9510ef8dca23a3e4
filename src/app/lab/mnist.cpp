#include "app/lab/mnist.h"

#include <libdeflate.h>
#include <zlib.h>

#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include <fmt/core.h>

namespace millrace::app {
namespace {

constexpr std::size_t kPixels = 784;
constexpr std::size_t kImagesMagic = 2051;
constexpr std::size_t kLabelsMagic = 2049;
constexpr std::size_t kMaxExamples = 1'000'000;
constexpr std::size_t kPieceBytes = 2u << 20;
constexpr std::size_t kTrainCount = 50'000;

Result<std::vector<std::uint8_t>> gunzip(std::string_view gz, std::size_t size_limit) {
  std::vector<std::uint8_t> out;
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return fail(Code::internal, "zlib could not start");
  std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gz.data()));
  stream.avail_in = static_cast<uInt>(gz.size());
  // The last four bytes of a gzip file are its size; trusted only as far as the limit.
  std::size_t expected = 0;
  if (gz.size() >= 4) {
    std::uint32_t size = 0;
    std::memcpy(&size, gz.data() + gz.size() - 4, 4);
    expected = size;
  }
  if (expected > size_limit) return fail(Code::data_loss, "the digits are larger than the limit");
  out.resize(expected);
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  if (inflate(&stream, Z_FINISH) != Z_STREAM_END || stream.avail_out != 0) {
    return fail(Code::data_loss, "the digits are not an intact gzip file");
  }
  return out;
}

std::size_t big_endian_32(const std::uint8_t* p) {
  return static_cast<std::size_t>(p[0]) << 24 | static_cast<std::size_t>(p[1]) << 16 |
         static_cast<std::size_t>(p[2]) << 8 | p[3];
}

// Collects bytes and passes them on as gzip members (RFC 1952, section 2.2: members may follow one another).
class GzipPieces {
 public:
  explicit GzipPieces(const std::function<Status(std::string_view)>& out)
      : out_(out), compressor_(libdeflate_alloc_compressor(1), libdeflate_free_compressor) {
    raw_.reserve(kPieceBytes + 4096);
  }
  Status add(std::string_view bytes) {
    raw_.append(bytes);
    if (raw_.size() >= kPieceBytes) return flush();
    return {};
  }
  Status flush() {
    if (raw_.empty()) return {};
    if (!compressor_) return fail(Code::resource_exhausted, "no memory for the gzip compressor");
    packed_.resize(libdeflate_gzip_compress_bound(compressor_.get(), raw_.size()));
    const std::size_t size =
        libdeflate_gzip_compress(compressor_.get(), raw_.data(), raw_.size(), packed_.data(), packed_.size());
    raw_.clear();
    return out_(std::string_view(packed_.data(), size));
  }

 private:
  const std::function<Status(std::string_view)>& out_;
  std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor_;
  std::string raw_, packed_;
};

void append_little_endian_32(std::string& out, std::size_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift & 0xff);
}

// The opcodes that numpy's ndarray.__reduce__ leads to, pickle protocol 3 (Python's pickletools names them):
//   multiarray._reconstruct(ndarray, (0,), b'b') then BUILD with (1, shape, dtype, False, <bytes of `size`>).
std::string array_head(std::string_view type, const std::vector<std::size_t>& shape, std::size_t size) {
  std::string p = "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n";
  p.append("K\x00\x85", 3);  // BININT1 0, TUPLE1
  p.append(
      "C\x01"
      "b",
      3);                 // SHORT_BINBYTES b'b'
  p += "\x87R";           // TUPLE3, REDUCE
  p.append("(K\x01", 3);  // MARK, BININT1 1 (version)
  for (std::size_t extent : shape) {
    p += 'J';  // BININT
    append_little_endian_32(p, extent);
  }
  p += shape.size() == 1 ? '\x85' : '\x86';
  p += "cnumpy\ndtype\nX";
  append_little_endian_32(p, type.size());
  p += type;
  p.append("\x89\x88\x87R", 4);  // False, True, TUPLE3, REDUCE: dtype(type, False, True)
  p.append("(K\x03", 3);         // state of the dtype: (3, '<', None, None, None, -1, -1, 0)
  p.append("X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb", 23);
  p += '\x89';  // Fortran order: False
  p += 'B';     // BINBYTES
  append_little_endian_32(p, size);
  return p;
}

Status write_set(GzipPieces& out, const Digits& digits, std::size_t from, std::size_t count) {
  static const std::array<float, 256> fraction = [] {
    std::array<float, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i) / 255.0F;
    return table;
  }();
  MR_TRY(out.add(array_head("f4", {count, kPixels}, count * kPixels * sizeof(float))));
  constexpr std::size_t kRows = 64;
  std::array<float, kRows * kPixels> rows;
  for (std::size_t row = 0; row < count; row += kRows) {
    const std::size_t n = std::min(kRows, count - row) * kPixels;
    const std::uint8_t* source = digits.image(from + row);
    for (std::size_t i = 0; i < n; ++i) rows[i] = fraction[source[i]];
    MR_TRY(out.add(std::string_view(reinterpret_cast<const char*>(rows.data()), n * sizeof(float))));
  }
  std::string labels = "tb" + array_head("i8", {count}, count * sizeof(std::int64_t));
  for (std::size_t i = 0; i < count; ++i) {
    labels += static_cast<char>(digits.labels[from + i]);
    labels.append(7, '\0');
  }
  labels += "tb\x86";  // the pair
  return out.add(labels);
}

static_assert(std::endian::native == std::endian::little, "the pickle is written in the machine's byte order");

}  // namespace

Result<Digits> read_digits(std::string_view images_gz, std::string_view labels_gz) {
  auto images = MR_TRY(gunzip(images_gz, 16 + kMaxExamples * kPixels));
  auto labels = MR_TRY(gunzip(labels_gz, 8 + kMaxExamples));
  if (images.size() < 16 || big_endian_32(images.data()) != kImagesMagic || big_endian_32(images.data() + 8) != 28 ||
      big_endian_32(images.data() + 12) != 28) {
    return fail(Code::data_loss, "the images are not an IDX file of 28x28 grey pixels");
  }
  const std::size_t count = big_endian_32(images.data() + 4);
  if (images.size() != 16 + count * kPixels || labels.size() != 8 + count ||
      big_endian_32(labels.data()) != kLabelsMagic || big_endian_32(labels.data() + 4) != count) {
    return fail(Code::data_loss, "images and labels do not belong together");
  }
  Digits digits;
  digits.count = count;
  images.erase(images.begin(), images.begin() + 16);
  labels.erase(labels.begin(), labels.begin() + 8);
  digits.pixels = std::move(images);
  digits.labels = std::move(labels);
  return digits;
}

Status write_mnist_pickle(const Digits& train, const Digits& test, const std::function<Status(std::string_view)>& out) {
  if (train.count <= kTrainCount) return fail(Code::invalid_argument, "the training set is too small to be split");
  GzipPieces pieces(out);
  MR_TRY(pieces.add(std::string_view("\x80\x03", 2)));  // PROTO 3
  MR_TRY(write_set(pieces, train, 0, kTrainCount));
  MR_TRY(write_set(pieces, train, kTrainCount, train.count - kTrainCount));
  MR_TRY(write_set(pieces, test, 0, test.count));
  MR_TRY(pieces.add("\x87."));  // the triple, STOP
  return pieces.flush();
}

}  // namespace millrace::app
