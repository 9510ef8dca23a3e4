#pragma once
// The event stream (text/event-stream, WHATWG HTML section 9.2): one for each open tab. An event says what changed;
// the page fetches it. Changes that a tab has not yet been told are kept once each, however often they occur.
//
//   hello     the stream is open; fetch everything once
//   run       {"id"}          a run, or a task of it, changed
//   resource  {"kind","name"} a SageMaker resource changed
//   resync    more changed than is kept for a tab; fetch everything

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "net/http.h"

namespace millrace::console {

class EventHub {
 public:
  static constexpr std::size_t kMaxTabs = 128;
  static constexpr std::size_t kMaxPending = 256;  // distinct changes kept for one tab

  void run_changed(std::string_view run_id);
  void resource_changed(std::string_view kind, std::string_view name);
  // Error: resource_exhausted past kMaxTabs.
  Result<std::unique_ptr<net::StreamBody>> open_stream();

 private:
  class Tab;
  class Stream;
  void publish(const std::string& event);

  Mutex mutex_;
  std::vector<std::weak_ptr<Tab>> tabs_ MR_GUARDED_BY(mutex_);  // a tab ends when the server drops its stream
};

}  // namespace millrace::console
