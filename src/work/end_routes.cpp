#include "work/end_routes.h"

#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace millrace::work {

struct EndRoutes::State {
  struct Route {
    std::string prefix;
    EndHandler handler;
  };
  std::shared_mutex mutex;  // shared while handlers are called
  std::map<std::uint64_t, Route> routes;
  std::uint64_t last = 0;
};

EndRoutes::EndRoutes() : state_(std::make_shared<State>()) {}

Subscription EndRoutes::add(std::string prefix, EndHandler handler) {
  const std::unique_lock lock(state_->mutex);
  const std::uint64_t number = ++state_->last;
  state_->routes[number] = {std::move(prefix), std::move(handler)};
  return {state_, number};
}

void EndRoutes::report(const std::string& key, const WorkStatus& status) const {
  const std::shared_lock lock(state_->mutex);
  for (const auto& [number, route] : state_->routes) {
    if (key.starts_with(route.prefix)) route.handler(key, status);
  }
}

EndRoutes::Subscription& EndRoutes::Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    reset();
    state_ = std::move(other.state_);
    number_ = other.number_;
  }
  return *this;
}

void EndRoutes::Subscription::reset() {
  const auto state = std::exchange(state_, nullptr);
  if (!state) return;
  const std::unique_lock lock(state->mutex);
  state->routes.erase(number_);
}

}  // namespace millrace::work
