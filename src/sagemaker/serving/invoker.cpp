#include "sagemaker/serving/invoker.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include "base/mutex.h"

namespace millrace::sagemaker {
namespace {

constexpr Millis kSweep{100};  // those who wait are looked at so often
constexpr Millis kPause{20};   // after a connection that was refused

struct Waiting {
  Invocation invocation;
  Invoker::Done done;
  std::function<bool()> wanted;
  Route::Target target;
  std::size_t stage = 0;  // of the target's
  Time arrived{}, deadline{};
  bool rerouted = false;

  const Route::Target::Stage& now_at() const { return target.stages[stage]; }
  bool is_last() const { return stage + 1 == target.stages.size(); }
};
using Entry = std::shared_ptr<Waiting>;  // shared: it is in a queue or with the client's callback, and may go back

// What there is of one variant.
struct Lane {
  std::size_t under_way = 0, waiting_bytes = 0;
  std::deque<Entry> waiting;
  Time pause_until{};
  std::optional<Time> unready_since;
};

tl::unexpected<Error> unavailable(std::string sentence) {
  return fail(Code::unavailable, std::move(sentence), "ServiceUnavailable");
}

InvocationAnswer fault(int status, std::string sentence, const Waiting& entry) {
  return {status, "text/plain", std::move(sentence), entry.target.variant, "", entry.now_at().container};
}

InvocationAnswer timed_out(const Waiting& entry) {
  return fault(500,
               fmt::format("Your invocation timed out while waiting for a response from container {}.",
                           entry.now_at().container),
               entry);
}

Result<InvocationAnswer> answer_of(Result<net::ClientResponse> result, const Waiting& entry) {
  const std::string& container = entry.now_at().container;
  if (result) {
    return InvocationAnswer{result->status,
                            std::string(result->headers.get("Content-Type")),
                            std::move(result->body),
                            entry.target.variant,
                            std::string(result->headers.get("X-Amzn-SageMaker-Custom-Attributes")),
                            container};
  }
  switch (result.error().code) {
    case Code::deadline_exceeded:
      return timed_out(entry);
    case Code::resource_exhausted:
      return fault(500, fmt::format("The response of container {} is refused: {}.", container, result.error().message),
                   entry);
    case Code::data_loss:
      return fault(502, fmt::format("Container {} did not respond in HTTP.", container), entry);
    case Code::invalid_argument:
      return fail(Code::invalid_argument, result.error().message, "ValidationError");
    case Code::cancelled:
      return unavailable("The server is stopping; try again.");
    default:
      return unavailable("The model server ended before it answered; try again.");
  }
}

}  // namespace

struct Invoker::Impl {
  Impl(Needs n, Limits l) : needs(std::move(n)), limits(l) {}
  const Needs needs;
  const Limits limits;
  Mutex mutex;
  std::map<std::string, Lane> lanes MR_GUARDED_BY(mutex);  // by variant_id()
  bool sweeping MR_GUARDED_BY(mutex) = false, stopping MR_GUARDED_BY(mutex) = false;

  Time now() const { return needs.execution.steady.now(); }

  void invoke(Invocation invocation, Done done, std::function<bool()> wanted) {
    auto target = choose(invocation);
    if (!target) return done(fail(target.error()));
    auto entry = std::make_shared<Waiting>();
    entry->invocation = std::move(invocation);
    entry->wanted = std::move(wanted);
    entry->target = std::move(*target);
    entry->arrived = now();
    const Millis own = entry->invocation.timeout;
    entry->deadline = entry->arrived + (own.count() > 0 ? own : limits.timeout);
    entry->done = std::move(done);
    if (auto queued = enqueue(entry); !queued) return entry->done(fail(queued.error()));
    pump(entry->now_at().id);
    sweep_later();
  }

  Result<Route::Target> choose(const Invocation& invocation) const {
    auto target = MR_TRY(needs.choose(invocation.endpoint, invocation.target_variant));
    MR_TRY(target.narrow(invocation.target_container));
    MR_TRY(target.check_model(invocation.endpoint, invocation.target_model));
    return target;
  }

  Status enqueue(const Entry& entry) {
    const MutexLock lock(mutex);
    if (stopping) return unavailable("The server is stopping; try again.");
    Lane& lane = lanes[entry->now_at().id];
    const std::size_t bytes = entry->invocation.body.size();
    if (const std::size_t most = entry->target.most;
        entry->stage == 0 && most > 0 && lane.under_way + lane.waiting.size() >= most) {
      return fail(Code::resource_exhausted,
                  fmt::format("Rate exceeded: the variant {} has {} invocations under way, its MaxConcurrency.",
                              entry->target.variant, most),
                  "ThrottlingException");
    }
    if (lane.waiting.size() >= limits.waiting || (bytes > 0 && lane.waiting_bytes + bytes > limits.waiting_bytes)) {
      return unavailable(fmt::format("The variant {} has {} invocations under way and {} waiting; try again.",
                                     entry->target.variant, lane.under_way, lane.waiting.size()));
    }
    lane.waiting.push_back(entry);
    lane.waiting_bytes += bytes;
    return {};
  }

  static Entry take_first(Lane& lane) {
    Entry entry = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    lane.waiting_bytes -= entry->invocation.body.size();
    return entry;
  }

  void pump(const std::string& id) {
    while (true) {
      Entry entry;
      std::shared_ptr<const ServerAddress> address;
      {
        const MutexLock lock(mutex);
        const auto lane = lanes.find(id);
        if (lane == lanes.end()) return;
        if (lane->second.waiting.empty()) {
          if (lane->second.under_way == 0) lanes.erase(lane);
          return;
        }
        if (lane->second.under_way >= limits.under_way || now() < lane->second.pause_until) return;
        address = needs.address_of(id);
        if (!address) {
          if (!lane->second.unready_since) lane->second.unready_since = now();
          return;
        }
        lane->second.unready_since.reset();
        if (lane->second.under_way >= address->invocations_at_a_time()) return;
        entry = take_first(lane->second);
        ++lane->second.under_way;
      }
      const bool is_multi = entry->now_at().multi != nullptr;
      is_multi ? load(id, entry, address) : send(id, entry, address, {"/invocations", nullptr});
    }
  }

  void load(const std::string& id, const Entry& entry, const std::shared_ptr<const ServerAddress>& address) {
    needs.load(entry->now_at(), entry->invocation.target_model, address,
               [this, id, entry, address](Result<Needs::Loaded> loaded) {
                 if (loaded && loaded->refused == 0) return send(id, entry, address, std::move(*loaded));
                 {
                   const MutexLock lock(mutex);
                   --lanes[id].under_way;
                 }
                 entry->done(loaded ? Result<InvocationAnswer>(fault(loaded->refused, loaded->refusal, *entry))
                                    : fail(loaded.error()));
                 pump(id);
               });
  }

  void send(const std::string& id, const Entry& entry, std::shared_ptr<const ServerAddress> address,
            Needs::Loaded model) {
    const Invocation& invocation = entry->invocation;
    net::AsyncRequest request;
    request.method = "POST";
    request.target = std::move(model.target);
    address->put_into(request);
    request.timeout = entry->deadline - now();
    request.max_body_bytes = invocation.answer_bytes > 0 ? invocation.answer_bytes : limits.answer_bytes;
    request.body = invocation.body;
    if (!invocation.content_type.empty()) request.headers.set("Content-Type", invocation.content_type);
    if (!invocation.accept.empty() && entry->is_last()) request.headers.set("Accept", invocation.accept);
    if (!invocation.custom_attributes.empty()) {
      request.headers.set("X-Amzn-SageMaker-Custom-Attributes", invocation.custom_attributes);
    }
    if (!invocation.target_model.empty()) request.headers.set("X-Amzn-SageMaker-Target-Model", invocation.target_model);
    // The address is held until the exchange has ended: a socket's path is a descriptor's. So is the model.
    needs.send(std::move(request), [this, id, entry, address, in_use = std::move(model.in_use)](
                                       Result<net::ClientResponse> result) { answered(id, entry, std::move(result)); });
  }

  // An update of the endpoint has exchanged the server that had it, and nobody has its answer: the new one is asked,
  // once.
  bool reroute(const std::string& id, const Entry& entry) {
    if (entry->rerouted) return false;
    auto target = choose(entry->invocation);
    if (!target || entry->stage >= target->stages.size() || target->stages[entry->stage].id == id) return false;
    entry->rerouted = true;
    entry->target = std::move(*target);
    if (!enqueue(entry)) return false;
    pump(entry->now_at().id);
    sweep_later();
    return true;
  }

  // The answer of a container that is not the last one is the request of the next. Error: that one is busy.
  Status pass_on(const Entry& entry, net::ClientResponse answer) {
    entry->invocation.content_type = answer.headers.get("Content-Type");
    entry->invocation.body = std::move(answer.body);
    ++entry->stage;
    MR_TRY(enqueue(entry));
    pump(entry->now_at().id);
    sweep_later();
    return {};
  }

  void finish(const Entry& entry, Result<net::ClientResponse> result) {
    if (!result || entry->is_last() || result->status < 200 || result->status > 299)
      return entry->done(answer_of(std::move(result), *entry));
    if (auto passed = pass_on(entry, std::move(*result)); !passed) entry->done(fail(passed.error()));
  }

  void answered(const std::string& id, const Entry& entry, Result<net::ClientResponse> result) {
    if (!result && result.error().code == Code::unavailable && reroute(id, entry)) {
      {
        const MutexLock lock(mutex);
        --lanes[id].under_way;
      }
      return pump(id);
    }
    const bool refused = !result && result.error().reason == "ConnectionRefused";
    bool again = false;
    {
      const MutexLock lock(mutex);
      Lane& lane = lanes[id];
      --lane.under_way;
      // Nothing was sent: the server has just ended. Another one will be there in a moment.
      again = refused && !stopping && now() < entry->deadline;
      if (again) {
        lane.waiting.push_front(entry);
        lane.waiting_bytes += entry->invocation.body.size();
        lane.pause_until = now() + kPause;
        if (!lane.unready_since) lane.unready_since = now();
      }
    }
    if (refused) needs.suspect(entry->invocation.endpoint);
    if (again) {
      sweep_later();
    } else {
      finish(entry, std::move(result));
    }
    pump(id);
  }

  // Those who wait for too long, or whose callers have gone, give way.
  void sweep_later() {
    {
      const MutexLock lock(mutex);
      const bool any = std::any_of(lanes.begin(), lanes.end(), [](const auto& l) { return !l.second.waiting.empty(); });
      if (!any || sweeping || stopping) return;
      sweeping = true;
    }
    needs.execution.timers.after(kSweep, [this] { sweep(); });
  }

  // Why the wait is over; nothing if it is not.
  std::optional<Result<InvocationAnswer>> verdict(const Lane& lane, const Waiting& entry, Time at) const {
    if (entry.wanted && !entry.wanted()) return Result<InvocationAnswer>(unavailable("The caller has gone."));
    if (at >= entry.deadline) return Result<InvocationAnswer>(timed_out(entry));
    if (lane.unready_since && at - std::max(*lane.unready_since, entry.arrived) > limits.start_patience) {
      return Result<InvocationAnswer>(unavailable("The model server does not answer; try again."));
    }
    return std::nullopt;
  }

  void sweep() {
    std::vector<std::pair<Entry, Result<InvocationAnswer>>> over;
    std::vector<std::string> ids;
    {
      const MutexLock lock(mutex);
      sweeping = false;
      const Time at = now();
      for (auto& [id, lane] : lanes) {
        ids.push_back(id);
        std::erase_if(lane.waiting, [&](const Entry& entry) {
          auto end = verdict(lane, *entry, at);
          if (!end) return false;
          lane.waiting_bytes -= entry->invocation.body.size();
          over.emplace_back(entry, std::move(*end));
          return true;
        });
      }
    }
    for (auto& [entry, end] : over) entry->done(std::move(end));
    for (const auto& id : ids) pump(id);
    sweep_later();
  }

  void stop() {
    std::vector<Entry> left;
    {
      const MutexLock lock(mutex);
      stopping = true;
      for (auto& [id, lane] : lanes) {
        while (!lane.waiting.empty()) left.push_back(take_first(lane));
      }
    }
    for (const auto& entry : left) entry->done(unavailable("The server is stopping; try again."));
  }
};

Invoker::Invoker(Needs needs, Limits limits) : impl_(std::make_unique<Impl>(std::move(needs), limits)) {}
Invoker::~Invoker() { stop(); }
void Invoker::invoke(Invocation invocation, Done done, std::function<bool()> wanted) {
  impl_->invoke(std::move(invocation), std::move(done), std::move(wanted));
}
void Invoker::pump(const std::string& id) { impl_->pump(id); }
void Invoker::stop() { impl_->stop(); }

}  // namespace millrace::sagemaker
