#include "net/chunk_decoder.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::net {
namespace {

struct Decoded {
  std::string data;
  std::size_t consumed = 0;
  bool done = false, broken = false;
};

// In pieces of `piece` bytes, into a buffer of `space` bytes.
Decoded decode(std::string_view text, std::size_t piece = 1'000'000, std::size_t space = 1'000'000) {
  ChunkDecoder decoder;
  Decoded result;
  std::string out(space, '\0');
  for (std::size_t end = std::min(piece, text.size()); !decoder.done() && !decoder.broken();) {
    const auto step = decoder.decode(text.substr(result.consumed, end - result.consumed), out);
    result.data.append(out, 0, step.produced);
    result.consumed += step.consumed;
    if (step.consumed > 0 || step.produced > 0) continue;
    if (end == text.size()) break;
    end = std::min(end + piece, text.size());
  }
  result.done = decoder.done();
  result.broken = decoder.broken();
  return result;
}

TEST(ChunkDecoder, DecodesInPiecesOfAnySize) {
  const std::string text =
      "3;a=\"b\"\r\nabc\r\n00a  ;x\r\n0123456789\r\n0;last\r\nX-Sum: 1\r\nY:\r\n\r\nGET / HTTP/1.1\r\n";
  for (std::size_t piece = 1; piece < 30; ++piece) {
    for (const std::size_t space : {1u, 2u, 7u, 100u}) {
      const Decoded decoded = decode(text, piece, space);
      EXPECT_TRUE(decoded.done);
      EXPECT_EQ(decoded.data, "abc0123456789");
      EXPECT_EQ(text.substr(decoded.consumed), "GET / HTTP/1.1\r\n");
    }
  }
}

TEST(ChunkDecoder, RefusesWhatIsBroken) {
  for (const std::string& text : std::initializer_list<std::string>{"\r\n",
                                                                    "g\r\n",
                                                                    "-1\r\n",
                                                                    "+1\r\n",
                                                                    "0x1\r\n",
                                                                    " 1\r\n",
                                                                    "1 \r\n",
                                                                    "1 2\r\n",
                                                                    "1\n",
                                                                    "1\r1",
                                                                    "1;\n",
                                                                    "1;a\x01",
                                                                    "1\r\nab",
                                                                    "1\r\na\n",
                                                                    "1\r\na\rb",
                                                                    "1000000000000000\r\n",
                                                                    "0000000000000001\r\n",
                                                                    "0\r\nA b: c\r\n",
                                                                    "0\r\n: c\r\n",
                                                                    "0\r\nA\r\n",
                                                                    "0\r\n A: b\r\n",
                                                                    "0\r\nA: b\n",
                                                                    "0\r\nA: b\x01",
                                                                    "0\r\n\n",
                                                                    "0\r\nA: b\r\n c\r\n",
                                                                    "0\r\nA\xc3: b\r\n"}) {
    EXPECT_TRUE(decode(text).broken) << text;
    EXPECT_TRUE(decode(text, 1, 1).broken) << text;
  }
}

TEST(ChunkDecoder, BoundsWhatIsNotData) {
  const auto extension = [](std::size_t size) { return "1;" + std::string(size, 'x') + "\r\na\r\n0\r\n\r\n"; };
  EXPECT_TRUE(decode(extension(ChunkDecoder::kMaxSizeLine - 3)).done);
  EXPECT_TRUE(decode(extension(ChunkDecoder::kMaxSizeLine)).broken);
  const auto trailer = [](std::size_t size) { return "0\r\nX: " + std::string(size, 'y') + "\r\n\r\n"; };
  EXPECT_TRUE(decode(trailer(ChunkDecoder::kMaxTrailerBytes - 10)).done);
  EXPECT_TRUE(decode(trailer(ChunkDecoder::kMaxTrailerBytes)).broken);
  EXPECT_TRUE(decode(trailer(65'536)).broken);
  std::string fields = "0\r\n";
  for (std::size_t i = 0; i < ChunkDecoder::kMaxTrailerFields; ++i) fields += "X:\r\n";
  EXPECT_TRUE(decode(fields + "\r\n").done);
  EXPECT_TRUE(decode(fields + "X:\r\n\r\n").broken);
  std::string extensions;  // 400 bytes of them for each byte of data
  for (int i = 0; i < 1'000; ++i) extensions += "1;" + std::string(400, 'x') + "\r\na\r\n";
  EXPECT_TRUE(decode(extensions).broken);
  std::string small;  // but the smallest chunks are allowed, however many
  for (int i = 0; i < 100'000; ++i) small += "1\r\na\r\n";
  EXPECT_TRUE(decode(small + "0\r\n\r\n").done);
}

}  // namespace
}  // namespace millrace::net
