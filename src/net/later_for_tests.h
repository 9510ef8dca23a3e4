#pragma once
// Waits for an answer that comes later, as a server would. For tests only.

#include <future>
#include <memory>
#include <utility>

#include "net/http.h"

namespace millrace::net {

// The answer once it is there; 500 when it was dropped.
inline std::future<Response> settle(Response response) {
  class Target final : public Completion::Target {
   public:
    explicit Target(std::shared_ptr<std::promise<Response>> promise) : promise_(std::move(promise)) {}
    ~Target() override { complete(Response::text(500, "dropped")); }
    void complete(Response answer) override {
      if (const auto promise = std::exchange(promise_, nullptr)) promise->set_value(std::move(answer));
    }
    bool wanted() const override { return promise_ != nullptr; }

   private:
    std::shared_ptr<std::promise<Response>> promise_;
  };
  auto promise = std::make_shared<std::promise<Response>>();
  auto future = promise->get_future();
  if (const auto later = std::exchange(response.later, nullptr))
    later(Completion(std::make_shared<Target>(std::move(promise))));
  else
    promise->set_value(std::move(response));
  return future;
}

}  // namespace millrace::net
