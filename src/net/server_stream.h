#pragma once
// Answers over time: a StreamBody is asked on the pool, sent from the I/O thread, and waits on neither.
// Private to server.cpp: these headers know Boost, and nothing else may include them.

#include <array>
#include <exception>
#include <typeinfo>

#include <fmt/core.h>

#include "base/log.h"
#include "net/server_transfer.h"

namespace millrace::net::detail {

inline bool peer_has_gone(Connection& connection) {
  char byte = 0;
  return !connection.tls && ::recv(connection.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

struct StreamStep {
  StreamBody::Next next = StreamBody::Next::end;
  std::string text;
  bool failed = false;
};

inline StreamStep next_step(StreamBody& stream) {
  StreamStep step;
  try {
    step.next = stream.read(step.text);
  } catch (const std::exception& error) {
    log::error("a stream failed: {}", error.what());
    step.failed = true;
  } catch (...) {
    log::error("a stream failed");
    step.failed = true;
  }
  return step;
}

inline Task<error_code> send_piece(Connection& connection, std::string_view text, bool chunked) {
  connection.enter(Connection::Phase::response);
  if (!chunked) co_return co_await send_text(connection, text);
  const std::string head = fmt::format("{:x}\r\n", text.size());
  const std::array<asio::const_buffer, 3> chunk = {asio::buffer(head), asio::const_buffer(text.data(), text.size()),
                                                   asio::const_buffer("\r\n", 2)};
  co_return co_await send(connection, chunk);
}

// Counts an open stream, by its type.
class StreamShare {
 public:
  // Whether one more may be open.
  static bool has_room(const Core& core, const StreamBody& stream) {
    const auto found = core.streams.find(typeid(stream));
    const std::size_t of_this_kind = found == core.streams.end() ? 0 : found->second;
    return core.stream_count < core.max_streams() && of_this_kind < core.max_streams_of_a_kind();
  }
  StreamShare(Core& core, const StreamBody& stream) : core_(core), kind_(typeid(stream)) {
    ++core_.streams[kind_];
    ++core_.stream_count;
  }
  ~StreamShare() {
    --core_.stream_count;
    if (--core_.streams[kind_] == 0) core_.streams.erase(kind_);
  }
  StreamShare(const StreamShare&) = delete;
  StreamShare& operator=(const StreamShare&) = delete;

 private:
  Core& core_;
  std::type_index kind_;
};

inline Task<error_code> send_stream(Connection& connection, StreamBody& stream, bool chunked) {
  const StreamShare share(connection.core, stream);
  Timer timer(connection.core.io.get_executor());
  auto state = std::make_shared<Wake>(connection.core.io);
  state->timer = &timer;
  connection.wake = state;
  const Detach detach(state);
  stream.attach([state] { wake(state); });
  while (true) {
    state->woken = false;
    connection.enter(Connection::Phase::stream);
    auto read = [&stream] { return next_step(stream); };
    const std::optional<StreamStep> step = co_await on_share<StreamStep>(connection, std::move(read));
    if (step && step->failed) co_return asio::error::make_error_code(asio::error::eof);  // cut: the peer must see it
    if (step && !step->text.empty()) {
      if (const error_code ec = co_await send_piece(connection, step->text, chunked)) co_return ec;
    }
    if (connection.core.stopping || (step && step->next == StreamBody::Next::end)) break;
    if (state->woken || (step && step->next == StreamBody::Next::more)) continue;
    connection.enter(Connection::Phase::stream);
    timer.expires_after(kStreamPoll);
    (void)co_await timer.async_wait(kTuple);
    if (peer_has_gone(connection)) co_return asio::error::make_error_code(asio::error::eof);
  }
  connection.enter(Connection::Phase::response);
  if (!chunked) co_return error_code{};
  co_return co_await send_text(connection, "0\r\n\r\n");
}

}  // namespace millrace::net::detail
