#pragma once
// Who hears of which workload's end: each subscriber names the beginning of its keys. The one place where keys are
// assigned to their owners.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "work/workload.h"

namespace millrace::work {

using EndHandler = std::function<void(const std::string& key, const WorkStatus& status)>;

class EndRoutes {
  struct State;

 public:
  // A subscription, until it is destroyed or reset: its handler is not called afterwards, nor still being called. Not
  // to be ended by a handler.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(std::shared_ptr<State> state, std::uint64_t number) : state_(std::move(state)), number_(number) {}
    Subscription(Subscription&& other) noexcept : state_(std::move(other.state_)), number_(other.number_) {}
    Subscription& operator=(Subscription&& other) noexcept;
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription() { reset(); }
    void reset();

   private:
    std::shared_ptr<State> state_;
    std::uint64_t number_ = 0;
  };

  EndRoutes();
  // Keys that begin with `prefix`; "": all. A key may have several subscribers; they are called in the order in which
  // they subscribed.
  [[nodiscard]] Subscription add(std::string prefix, EndHandler handler);
  void report(const std::string& key, const WorkStatus& status) const;

 private:
  std::shared_ptr<State> state_;
};

using Subscription = EndRoutes::Subscription;

}  // namespace millrace::work
