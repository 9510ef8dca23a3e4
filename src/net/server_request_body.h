#pragma once
// A request's body: read into memory before the handler starts, or read by the handler on a thread for uploads; what is
// left of it thrown away.
// Private to server.cpp: these headers know Boost, and nothing else may include them.

#include <algorithm>
#include <cstring>

#include <fmt/core.h>
#include <boost/asio/write.hpp>

#include "net/chunk_decoder.h"
#include "net/request_head.h"
#include "net/server_transfer.h"

namespace millrace::net::detail {

inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
inline constexpr const char* kBrokenBody = "the request's body has broken chunks, or ended before its length";

inline std::string_view unread(const Connection& connection) {
  const auto data = connection.buffer.data();
  return {static_cast<const char*>(data.data()), data.size()};
}

inline Error too_large(std::uint64_t limit) {
  return {Code::resource_exhausted, fmt::format("the request body is larger than {} bytes", limit)};
}

// The part of Core::buffered that one body has.
class BodyMemory {
 public:
  explicit BodyMemory(Core& core) : core_(core) {}
  ~BodyMemory() { core_.buffered -= held_; }
  BodyMemory(const BodyMemory&) = delete;
  BodyMemory& operator=(const BodyMemory&) = delete;
  // Small bodies are not counted: their number has a limit, and they go on when large ones fill the memory.
  bool grow_to(std::size_t size) {
    if (size <= kReadAhead || size <= held_) return true;
    const std::size_t more = size - held_;
    if (core_.buffered + more > core_.options.max_buffered_bytes && !evict_one_body()) return false;
    core_.buffered += more;
    held_ = size;
    return true;
  }

 private:
  // Its memory comes free a little later: until then the limit is passed by as much as is taken here.
  bool evict_one_body() {
    const auto now = SteadyClock::now();
    for (Connection* connection : core_.connections) {
      if (connection->phase != Connection::Phase::body || !connection->gives_way(now)) continue;
      connection->evicted = true;
      connection->cut();
      return true;
    }
    return false;
  }
  Core& core_;
  std::size_t held_ = 0;
};

// A body that is in memory, or the reason why it is not.
class BufferedBody final : public BodyReader {
 public:
  BufferedBody(std::string text, std::optional<std::uint64_t> length) : text_(std::move(text)), length_(length) {}
  BufferedBody(Error error, std::optional<std::uint64_t> length) : failure_(std::move(error)), length_(length) {}

  std::optional<std::uint64_t> length() const override { return length_; }
  Result<std::size_t> read(std::span<char> out) override {
    if (failure_) return fail(*failure_);
    const std::size_t n = std::min(out.size(), text_.size() - at_);
    std::memcpy(out.data(), text_.data() + at_, n);
    at_ += n;
    return n;
  }
  Result<std::string> read_all(std::size_t limit) override {
    if (failure_) return fail(*failure_);
    if (text_.size() - at_ > limit) return fail(too_large(limit));
    std::string rest = at_ == 0 ? std::move(text_) : text_.substr(at_);
    text_.clear();
    at_ = 0;
    return rest;
  }

 private:
  std::optional<Error> failure_;
  std::string text_;
  std::optional<std::uint64_t> length_;
  std::size_t at_ = 0;
};

// What became of reading a body into memory.
struct ReadAhead {
  enum class End { whole, gone, broken, too_large, no_memory };
  End end = End::whole;
  std::string text;
};

class AheadReader {
 public:
  AheadReader(Connection& connection, const RequestHead& head, std::uint64_t limit, BodyMemory& memory)
      : connection_(connection), head_(head), limit_(limit), memory_(memory) {}

  Task<ReadAhead> read() {
    connection_.enter(Connection::Phase::body);
    connection_.pace.begin_wait();
    ReadAhead ahead;
    ahead.end = co_await (head_.chunked ? read_chunked(ahead.text) : read_plain(ahead.text));
    connection_.pace.end_wait();
    co_return ahead;
  }

 private:
  using End = ReadAhead::End;

  // Room for more behind `used` bytes, but no more than `most` in all.
  bool make_room(std::string& text, std::size_t used, std::uint64_t most) {
    if (used < text.size()) return true;
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(most, std::max<std::size_t>(kReadAhead, text.size() + text.size() / 2)));
    if (!memory_.grow_to(size)) return false;
    text.resize(size);
    return true;
  }

  Task<End> read_plain(std::string& text) {
    const std::uint64_t length = *head_.content_length;
    std::size_t used = static_cast<std::size_t>(std::min<std::uint64_t>(length, connection_.buffer.size()));
    text.assign(unread(connection_).substr(0, used));
    connection_.buffer.consume(used);
    while (used < length) {
      if (!make_room(text, used, length)) co_return End::no_memory;
      const Received received =
          co_await receive(connection_, asio::mutable_buffer(text.data() + used, text.size() - used));
      if (received.bytes == 0) co_return ended(received.ec);
      connection_.pace.received(received.bytes);
      used += received.bytes;
    }
    text.resize(used);
    co_return End::whole;
  }

  Task<End> read_chunked(std::string& text) {
    ChunkDecoder decoder;
    std::size_t used = 0;
    while (true) {
      if (!make_room(text, used, limit_ + 1)) co_return End::no_memory;
      const auto step = decoder.decode(unread(connection_), std::span(text.data() + used, text.size() - used));
      connection_.buffer.consume(step.consumed);
      used += step.produced;
      if (decoder.broken()) co_return End::broken;
      if (used > limit_) co_return End::too_large;
      if (decoder.done()) break;
      if (connection_.buffer.size() > 0) continue;
      const Received received = co_await receive(connection_, connection_.buffer.prepare(kReadBuffer));
      if (received.bytes == 0) co_return ended(received.ec);
      connection_.buffer.commit(received.bytes);
      connection_.pace.received(received.bytes);
    }
    text.resize(used);
    co_return End::whole;
  }

  // A peer that ended its side in good order may still read an answer.
  End ended(const error_code& ec) const {
    return !connection_.evicted && (!ec || ec == asio::error::eof) ? End::broken : End::gone;
  }

  Connection& connection_;
  const RequestHead& head_;
  std::uint64_t limit_;
  BodyMemory& memory_;
};

// A body that the handler reads on its own thread, which owns the socket's read side while the handler runs.
class StreamedBody final : public BodyReader {
 public:
  StreamedBody(Connection& connection, const RequestHead& head, std::uint64_t limit)
      : connection_(connection),
        chunked_(head.chunked),
        awaits_continue_(head.expects_continue),
        length_(head.content_length),
        limit_(limit),
        remaining_(head.content_length.value_or(0)) {}

  std::optional<std::uint64_t> length() const override { return length_; }
  bool finished() const { return chunked_ ? decoder_.done() : remaining_ == 0; }
  bool broken() const { return broken_; }
  bool untouched_expectation() const { return awaits_continue_; }

  Result<std::size_t> read(std::span<char> out) override {
    if (broken_) return fail(Code::invalid_argument, kBrokenBody);
    if (out.empty() || finished()) return std::size_t{0};
    if (length_ && *length_ > limit_) return fail(too_large(limit_));
    if (awaits_continue_) MR_TRY(send_continue());
    auto result = chunked_ ? read_chunked(out) : read_plain(out);
    if (!result) broken_ = true;
    if (result) received_ += *result;
    if (received_ > limit_) return fail(too_large(limit_));
    return result;
  }

  // What is left, for the I/O thread once the handler has returned.
  std::uint64_t remaining() const { return remaining_; }
  // Drops from the connection's buffer what belongs to the body; false when that is broken.
  bool drop_buffered(std::span<char> scratch) {
    if (!chunked_) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, connection_.buffer.size()));
      connection_.buffer.consume(n);
      remaining_ -= n;
      return true;
    }
    while (connection_.buffer.size() > 0 && !decoder_.done()) {
      connection_.buffer.consume(decoder_.decode(unread(connection_), scratch).consumed);
      if (decoder_.broken()) return false;
    }
    return true;
  }

 private:
  Status send_continue() {
    awaits_continue_ = false;
    error_code ec;
    if (connection_.tls)
      asio::write(*connection_.tls, asio::buffer(kContinue), ec);
    else
      asio::write(connection_.socket, asio::buffer(kContinue), ec);
    if (ec) return fail(Code::invalid_argument, "the client went away before it sent its body");
    return {};
  }

  // 0: the peer has gone, or ended its side.
  std::size_t receive_some(asio::mutable_buffer into) {
    error_code ec;
    connection_.moved();
    connection_.pace.begin_wait();
    const std::size_t n = connection_.tls ? connection_.tls->read_some(asio::mutable_buffers_1(into), ec)
                                          : connection_.socket.read_some(asio::mutable_buffers_1(into), ec);
    connection_.pace.end_wait();
    connection_.moved();
    if (ec) return 0;
    connection_.pace.received(n);
    return n;
  }

  Result<std::size_t> read_plain(std::span<char> out) {
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), remaining_));
    std::size_t n = std::min(want, connection_.buffer.size());
    if (n > 0) {
      std::memcpy(out.data(), connection_.buffer.data().data(), n);
      connection_.buffer.consume(n);
    } else {
      n = receive_some(asio::mutable_buffer(out.data(), want));
      if (n == 0) return fail(Code::invalid_argument, kBrokenBody);
    }
    remaining_ -= n;
    return n;
  }

  Result<std::size_t> read_chunked(std::span<char> out) {
    while (!decoder_.done()) {
      const auto step = decoder_.decode(unread(connection_), out);
      connection_.buffer.consume(step.consumed);
      if (decoder_.broken()) return fail(Code::invalid_argument, kBrokenBody);
      if (step.produced > 0) return step.produced;
      if (decoder_.done()) break;
      const std::size_t n = receive_some(connection_.buffer.prepare(kReadBuffer));
      if (n == 0) return fail(Code::invalid_argument, kBrokenBody);
      connection_.buffer.commit(n);
    }
    return std::size_t{0};
  }

  Connection& connection_;
  bool chunked_;
  bool awaits_continue_;
  bool broken_ = false;
  std::optional<std::uint64_t> length_;
  std::uint64_t limit_;
  std::uint64_t remaining_, received_ = 0;
  ChunkDecoder decoder_;
};

// Reads what the handler left of the body, if that is little. false: the connection cannot be used again.
inline Task<bool> drain(Connection& connection, StreamedBody& body) {
  if (body.finished()) co_return true;
  if (body.broken() || body.untouched_expectation() || body.remaining() > kDrainLimit) co_return false;
  connection.enter(Connection::Phase::body);
  connection.pace.begin_wait();
  std::string scratch(16 * 1024, '\0');
  for (std::size_t drained = 0; drained <= kDrainLimit;) {
    if (!body.drop_buffered(scratch)) co_return false;
    if (body.finished()) co_return true;
    const Received received = co_await receive(connection, connection.buffer.prepare(kReadBuffer));
    if (received.ec || received.bytes == 0) co_return false;
    connection.buffer.commit(received.bytes);
    connection.pace.received(received.bytes);
    drained += received.bytes;
  }
  co_return false;
}

}  // namespace millrace::net::detail
