#include "console/events.h"

#include <algorithm>
#include <functional>

#include "base/json.h"
#include "base/mutex.h"

namespace millrace::console {

class EventHub::Tab {
 public:
  void add(const std::string& event) {
    std::function<void()> wake;
    {
      const MutexLock lock(mutex_);
      if (!resync_) pending_.insert(event);
      if (pending_.size() > kMaxPending) {
        pending_.clear();
        resync_ = true;
      }
      wake = wake_;
    }
    if (wake) wake();  // outside the lock: it may call into the server
  }

  void attach(std::function<void()> wake) {
    const MutexLock lock(mutex_);
    wake_ = std::move(wake);
  }

  void take(std::string& out) {
    const MutexLock lock(mutex_);
    if (resync_) {
      out += "event: resync\ndata: {}\n\n";
      resync_ = false;
    }
    for (const std::string& event : pending_) out += event;
    pending_.clear();
  }

 private:
  Mutex mutex_;
  std::set<std::string> pending_ MR_GUARDED_BY(mutex_);
  bool resync_ MR_GUARDED_BY(mutex_) = false;
  std::function<void()> wake_ MR_GUARDED_BY(mutex_);
};

class EventHub::Stream final : public net::StreamBody {
 public:
  explicit Stream(std::shared_ptr<Tab> tab) : tab_(std::move(tab)) {}
  void attach(std::function<void()> wake) override { tab_->attach(std::move(wake)); }
  Next read(std::string& out) override {
    const std::size_t before = out.size();
    if (!greeted_) {
      out += "retry: 1000\nevent: hello\ndata: {}\n\n";
      greeted_ = true;
    }
    tab_->take(out);
    if (out.size() == before) out += ": still here\n\n";  // a dead connection shows itself by this write
    return Next::wait;
  }

 private:
  std::shared_ptr<Tab> tab_;  // shared with the hub, which only looks: it must not keep a closed tab alive
  bool greeted_ = false;
};

void EventHub::run_changed(std::string_view run_id) {
  publish("event: run\ndata: " + to_json(Value::object({{"id", run_id}})) + "\n\n");
}

void EventHub::resource_changed(std::string_view kind, std::string_view name) {
  publish("event: resource\ndata: " + to_json(Value::object({{"kind", kind}, {"name", name}})) + "\n\n");
}

void EventHub::publish(const std::string& event) {
  std::vector<std::shared_ptr<Tab>> open;
  {
    const MutexLock lock(mutex_);
    for (const auto& tab : tabs_) {
      if (auto alive = tab.lock()) open.push_back(std::move(alive));
    }
  }
  for (const auto& tab : open) tab->add(event);
}

Result<std::unique_ptr<net::StreamBody>> EventHub::open_stream() {
  const MutexLock lock(mutex_);
  std::erase_if(tabs_, [](const std::weak_ptr<Tab>& tab) { return tab.expired(); });
  if (tabs_.size() >= kMaxTabs) {
    return fail(Code::resource_exhausted, "too many pages of the console are open; close one");
  }
  auto tab = std::make_shared<Tab>();
  tabs_.push_back(tab);
  return std::make_unique<Stream>(std::move(tab));
}

}  // namespace millrace::console
