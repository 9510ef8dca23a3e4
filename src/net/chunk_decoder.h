#pragma once
// The chunked transfer coding (RFC 9112, 7.1), decoded piece by piece. Extensions and trailers are checked and dropped
// as they pass: they take no memory, and are bounded in bytes and count. Pure.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace millrace::net {

class ChunkDecoder {
 public:
  static constexpr std::size_t kMaxSizeLine = 4 * 1024;       // of one chunk: its size and its extensions
  static constexpr std::size_t kMaxTrailerBytes = 16 * 1024;  // all trailer fields
  static constexpr std::size_t kMaxTrailerFields = 64;
  // What is not data may be this much, and this many times the data: small chunks are allowed, a body of extensions
  // alone is not.
  static constexpr std::uint64_t kFramingAllowance = 64 * 1024;
  static constexpr std::uint64_t kFramingPerByte = 16;

  struct Step {
    std::size_t consumed = 0;  // of `in`
    std::size_t produced = 0;  // into `out`
  };
  // Decodes until `in` is used up, `out` is full, or the body has ended or broken. What lies behind the body's end is
  // not consumed.
  Step decode(std::string_view in, std::span<char> out);
  bool done() const { return state_ == State::done; }
  bool broken() const { return state_ == State::broken; }

 private:
  enum class State {
    size_start,  // before a chunk's first digit
    size,
    blank,      // behind the size: an extension has to follow
    extension,  // up to the line's end
    size_end,   // the line feed of the size's line
    data,
    data_cr,
    data_lf,
    trailer_start,  // a trailer's name, or the empty line
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,  // of the empty line
    done,
    broken
  };
  static constexpr int kSizeDigits = 15;  // of 16^15 bytes at most: no sum of sizes overflows

  State next(char c);
  State after_size(char c);
  State take_digit(char c);
  State in_trailer(char c);
  bool within_limits() const;

  State state_ = State::size_start;
  int digits_ = 0;
  std::uint64_t left_ = 0;  // of the chunk under way
  std::uint64_t data_ = 0, framing_ = 0;
  std::size_t line_ = 0, trailer_bytes_ = 0, trailer_fields_ = 0;
};

}  // namespace millrace::net
