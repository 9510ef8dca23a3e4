#pragma once
// Answers that come after their handler has returned (Response::later): no thread waits for them.
// Private to server.cpp: these headers know Boost, and nothing else may include them.

#include <exception>

#include "base/log.h"
#include "base/mutex.h"
#include "net/server_connection.h"

namespace millrace::net::detail {

// An answer under way. The Completion's holder may outlive the connection and the server.
struct Later {
  explicit Later(asio::io_context& io) : wake(std::make_shared<Wake>(io)) {}
  const std::shared_ptr<Wake> wake;
  Mutex mutex;
  bool closed MR_GUARDED_BY(mutex) = false;               // answered, or nobody waits
  std::optional<Response> response MR_GUARDED_BY(mutex);  // set once
};

class LaterTarget final : public Completion::Target {
 public:
  explicit LaterTarget(std::shared_ptr<Later> later) : later_(std::move(later)) {}
  ~LaterTarget() override {
    if (wanted()) complete(Response::text(500, "The server gave no answer to this request; its log says why.\n"));
  }
  void complete(Response response) override {
    {
      const MutexLock lock(later_->mutex);
      if (later_->closed) return;
      later_->closed = true;
      later_->response = std::move(response);
    }
    detail::wake(later_->wake);
  }
  bool wanted() const override {
    const MutexLock lock(later_->mutex);
    return !later_->closed;
  }

 private:
  std::shared_ptr<Later> later_;
};

// The side of the connection. At a stop it may go before anyone waits: then an answer wakes nobody.
struct Awaited {
  std::shared_ptr<Later> later;
  std::unique_ptr<Detach> detach;
};

// On a pool thread, behind the handler.
inline Awaited begin_later(Core& core, Response& response) {
  auto later = std::make_shared<Later>(core.io);
  Awaited awaited{later, std::make_unique<Detach>(later->wake)};
  try {
    const auto start = std::move(response.later);
    start(Completion(std::make_shared<LaterTarget>(later)));
  } catch (const std::exception& error) {
    log::error("a request failed: {}", error.what());
  } catch (...) {
    log::error("a request failed");
  }
  return awaited;
}

inline Task<Response> wait_for_later(Connection& connection, Awaited awaited) {
  Timer timer(connection.core.io.get_executor());
  const auto detach = std::move(awaited.detach);  // ends before the timer
  const auto& later = awaited.later;
  connection.enter(Connection::Phase::later);
  connection.wake = later->wake;
  later->wake->timer = &timer;
  if (!later->wake->woken && !connection.core.abandoned) {
    timer.expires_after(connection.core.options.answer_timeout);
    (void)co_await timer.async_wait(kTuple);
  }
  const MutexLock lock(later->mutex);
  later->closed = true;
  if (!later->response) co_return Response::text(504, "The answer to this request took too long.\n");
  Response response = std::move(*later->response);
  response.later = nullptr;
  co_return response;
}

}  // namespace millrace::net::detail
