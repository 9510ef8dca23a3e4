#include "kube/aws_resources/controller.h"

#include <algorithm>

#include "base/log.h"
#include "base/thread_name.h"
#include "kube/aws_resources/aws_kinds.h"

namespace millrace::kube {
namespace {

constexpr std::chrono::milliseconds kLook{2'000};        // while the service is at work, besides what it reports
constexpr std::chrono::milliseconds kFirstRetry{1'000};  // doubled with each refusal
constexpr std::chrono::milliseconds kLastRetry{60'000};
constexpr std::chrono::hours kNever{24 * 365};
constexpr std::size_t kChangesAtOnce = 1'000;
constexpr int kMaxDoublings = 10;

std::chrono::milliseconds after_refusals(int refusals) {
  return std::min(kLastRetry, kFirstRetry * (1 << std::min(refusals - 1, kMaxDoublings)));
}

}  // namespace

void Controller::start(AwsApi& api) {
  if (thread_.joinable()) return;
  thread_ = std::thread([this, &api] { run(api); });
}

void Controller::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Controller::wake() {
  {
    const MutexLock lock(mutex_);
    awake_ = true;
  }
  changed_.notify_all();
}

bool Controller::is_stopping() {
  const MutexLock lock(mutex_);
  return stopping_;
}

void Controller::run(AwsApi& api) {
  name_thread("kube-aws");
  while (true) {
    bool reported = false;
    {
      MutexLock lock(mutex_);
      const auto until = version_ < 0 ? Steady::now() : next();
      while (!stopping_ && !awake_ && Steady::now() < until) changed_.wait_until(mutex_, until);
      if (stopping_) return;
      reported = std::exchange(awake_, false);
    }
    if (version_ < 0)
      gather();
    else
      read_changes();
    if (reported) {
      for (auto& [key, due] : due_) {
        if (due.is_busy) due.at = {};
      }
    }
    look_at_due(api);
  }
}

void Controller::gather() {
  std::int64_t version = -1;
  for (const Kind& kind : aws_resource_kinds()) {
    const auto found = store_.list(kind.resource(), "");
    if (!found) {
      log::error("custom resources: {}", found.error().message);
      version_ = -1;
      return;
    }
    version = version < 0 ? found->version : std::min(version, found->version);
    for (const Value& object : found->objects) {
      const Value& metadata = object.at("metadata");
      due_[{kind.resource(), metadata.at("namespace").string_or(), metadata.at("name").string_or()}].at = {};
    }
  }
  version_ = version;
}

void Controller::read_changes() {
  while (true) {
    const auto part = store_.history().after(version_, kChangesAtOnce);
    if (!part) return gather();
    for (const auto& change : part->changes) {
      if (find_aws_kind(change->resource) == nullptr) continue;
      const Value& metadata = (change->object.is_null() ? change->before : change->object).at("metadata");
      const Key key{change->resource, change->name_space, metadata.at("name").string_or()};
      if (change->object.is_null()) {
        due_.erase(key);
        continue;
      }
      Due& due = due_[key];
      if (due.written.erase(metadata.at("resourceVersion").string_or()) != 0) continue;
      due.at = {};
      due.refusals = 0;
    }
    version_ = part->version;
    if (part->changes.size() < kChangesAtOnce) return;
  }
}

Controller::Steady::time_point Controller::next() const {
  auto first = Steady::now() + kNever;
  for (const auto& [key, due] : due_) first = std::min(first, due.at);
  return first;
}

void Controller::look_at_due(AwsApi& api) {
  const auto now = Steady::now();
  for (auto& [key, due] : due_) {
    if (due.at > now) continue;
    if (is_stopping()) return;
    look_at(api, key, due);
  }
}

void Controller::look_at(AwsApi& api, const Key& key, Due& due) {
  const auto& [resource, name_space, name] = key;
  const ObjectName object{resource, name_space, name};
  const auto [next, written] = reconcile({store_, clock_, api}, *find_aws_kind(resource), object);
  due.written.insert(written.begin(), written.end());
  due.refusals = next == Next::retry ? due.refusals + 1 : 0;
  due.is_busy = next == Next::look;
  due.at = Steady::now() + (next == Next::look    ? kLook
                            : next == Next::retry ? after_refusals(due.refusals)
                                                  : std::chrono::duration_cast<std::chrono::milliseconds>(kNever));
  if (!written.empty()) sleepers_.wake_all();
}

}  // namespace millrace::kube
