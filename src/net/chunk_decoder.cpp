#include "net/chunk_decoder.h"

#include <algorithm>
#include <cstring>

#include "net/request_head.h"

namespace millrace::net {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

}  // namespace

ChunkDecoder::Step ChunkDecoder::decode(std::string_view in, std::span<char> out) {
  Step step;
  while (step.consumed < in.size() && !done() && !broken()) {
    if (state_ != State::data) {
      state_ = next(in[step.consumed++]);
      ++framing_;
      if (!within_limits()) state_ = State::broken;
      continue;
    }
    const std::size_t space = std::min(out.size() - step.produced, in.size() - step.consumed);
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, space));
    if (n == 0) break;  // `out` is full
    std::memcpy(out.data() + step.produced, in.data() + step.consumed, n);
    step.consumed += n;
    step.produced += n;
    data_ += n;
    left_ -= n;
    if (left_ == 0) state_ = State::data_cr;
  }
  return step;
}

bool ChunkDecoder::within_limits() const {
  return line_ <= kMaxSizeLine && trailer_bytes_ <= kMaxTrailerBytes && trailer_fields_ <= kMaxTrailerFields &&
         framing_ <= kFramingAllowance + kFramingPerByte * data_;
}

ChunkDecoder::State ChunkDecoder::take_digit(char c) {
  const int value = hex_value(c);
  if (value < 0 || ++digits_ > kSizeDigits) return State::broken;
  left_ = left_ * 16 + static_cast<std::uint64_t>(value);
  return State::size;
}

// What may follow a chunk's size. Blanks are allowed before an extension only: others trim them, and so read another
// size than a strict reader.
ChunkDecoder::State ChunkDecoder::after_size(char c) {
  if (c == ';') return State::extension;
  return c == ' ' || c == '\t' ? State::blank : State::broken;
}

ChunkDecoder::State ChunkDecoder::in_trailer(char c) {
  ++trailer_bytes_;
  if (state_ == State::trailer_value) {
    if (c == '\r') return State::trailer_lf;
    return is_text(c) ? State::trailer_value : State::broken;
  }
  if (state_ == State::trailer_start) ++trailer_fields_;
  if (c == ':' && state_ == State::trailer_name) return State::trailer_value;
  return is_token(std::string_view(&c, 1)) ? State::trailer_name : State::broken;
}

ChunkDecoder::State ChunkDecoder::next(char c) {
  switch (state_) {
    case State::size_start:
      left_ = 0;
      digits_ = 0;
      line_ = 0;
      return take_digit(c);
    case State::size:
      ++line_;
      if (c == '\r') return State::size_end;
      return hex_value(c) >= 0 ? take_digit(c) : after_size(c);
    case State::blank:
      ++line_;
      return after_size(c);
    case State::extension:
      ++line_;
      if (c == '\r') return State::size_end;
      return is_text(c) ? State::extension : State::broken;
    case State::size_end:
      if (c != '\n') return State::broken;
      return left_ == 0 ? State::trailer_start : State::data;
    case State::data_cr:
      return c == '\r' ? State::data_lf : State::broken;
    case State::data_lf:
      return c == '\n' ? State::size_start : State::broken;
    case State::trailer_start:
      if (c == '\r') return State::last_lf;
      return in_trailer(c);
    case State::trailer_name:
    case State::trailer_value:
      return in_trailer(c);
    case State::trailer_lf:
      return c == '\n' ? State::trailer_start : State::broken;
    case State::last_lf:
      return c == '\n' ? State::done : State::broken;
    case State::data:
    case State::done:
    case State::broken:
      break;
  }
  return State::broken;
}

}  // namespace millrace::net
