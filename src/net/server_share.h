#pragma once
// How many handlers of each kind of request run at once, so that a kind whose handlers are slow leaves the others their
// threads. Private to server.cpp: these headers know Boost, and nothing else may include them.

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace millrace::net::detail {

// Touched on the I/O thread only.
class Share {
 public:
  using Executor = boost::asio::io_context::executor_type;
  static constexpr std::size_t kMostWaiting = 4096;  // requests of a share that wait for a thread

  Share(boost::asio::io_context& io, std::size_t threads) : io_(io), threads_(threads) {}

  bool enter_at_once() {
    if (closed_ || running_ >= threads_) return false;
    ++running_;
    return true;
  }
  // Waits until one of those that run leaves. false: too many wait, or the server stops.
  boost::asio::awaitable<bool, Executor> enter() {
    if (enter_at_once()) co_return true;
    if (closed_ || waiting_.size() >= kMostWaiting) co_return false;
    co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(bool)>(
        [this](auto handler) {
          auto shared = std::make_shared<decltype(handler)>(std::move(handler));
          waiting_.emplace_back([shared](bool admitted) { (*shared)(admitted); });
        },
        boost::asio::use_awaitable_t<Executor>{});
  }
  // For each that has entered. Its place goes to the one that waits for longest.
  void leave() {
    if (waiting_.empty()) {
      --running_;
      return;
    }
    resume(true);
  }
  // Nobody enters any more; those that wait go on without a place.
  void close() {
    closed_ = true;
    while (!waiting_.empty()) resume(false);
  }

  // Destroys those that wait, while what they need is still there: nobody will run them.
  void drop() { waiting_.clear(); }

 private:
  void resume(bool admitted) {
    boost::asio::post(io_, [next = std::move(waiting_.front()), admitted] { next(admitted); });
    waiting_.pop_front();
  }

  boost::asio::io_context& io_;
  std::size_t threads_, running_ = 0;
  bool closed_ = false;
  std::deque<std::function<void(bool)>> waiting_;
};

// A place of a share, until it is destroyed.
class Place {
 public:
  explicit Place(Share& share) : share_(share) {}
  ~Place() { share_.leave(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  Share& share_;
};

}  // namespace millrace::net::detail
