#pragma once
// Where work runs. A backend starts workloads, each key once, and knows them again after the server's death: as
// processes of this machine (process_backend.h), as containers (container_backend.h); fake_backend.h is for tests.
//
// Nothing here waits for a workload. start() is answered later, also where the workload waits for its turn; status(),
// stop() and forget() answer from what the backend knows, and with `unavailable` while it does not.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "work/end_routes.h"
#include "work/workload.h"

namespace millrace::work {

class Backend {
 public:
  virtual ~Backend() = default;

  // `done` is called once: when the workload runs, or is accepted (pending), and a later start of the server will find
  // it; for a known key with its present status. It is called on a thread of the backend's, or by start() itself,
  // before the end is reported, and must not wait for the backend. Errors: not_found (no such program or image),
  // permission_denied, invalid_argument (it cannot be run so), unavailable (nothing is known: start it again).
  using Done = std::function<void(Result<WorkStatus>)>;
  virtual void start(Workload workload, Done done) = 0;
  // The same, waited for. Not to be called by `done` or by a handler of ends.
  Result<WorkStatus> start_and_wait(Workload workload);

  virtual Result<std::optional<WorkStatus>> status(const std::string& key) = 0;  // nullopt: never started
  // Of 127.0.0.1, where this machine reaches the Workload::published_port of a container that was started and has not
  // ended; 0: there is none.
  virtual std::uint16_t published_port(const std::string&) { return 0; }
  // SIGTERM, or what the backend has for it; after `grace` it is killed. Ended or unknown keys: success.
  virtual Status stop(const std::string& key, Millis grace) = 0;
  // Forgets what has ended and whose key is `key` or begins with `key` and a '/': those keys may then be used again.
  virtual Status forget(const std::string& key) = 0;
  // Ends everything that runs, and the backend.
  virtual Status shutdown(Millis grace) = 0;

  // Is what runs without an image confined (Workload::sandbox)? Found out once; the reason where it cannot be.
  virtual Status confines() = 0;
  // Would a workload of this image run in it? May take as long as the container engine's answer.
  virtual bool has_image(const std::string& image) = 0;

  // Each workload's end, once, while the server runs: an end that was reported to an earlier server, or before the
  // subscription, is found by status(). The handler is called on a thread of the backend's, and must not wait for it.
  [[nodiscard]] Subscription on_end(std::string prefix, EndHandler handler) {
    return routes_.add(std::move(prefix), std::move(handler));
  }

 protected:
  void report_end(const std::string& key, const WorkStatus& status) { routes_.report(key, status); }

 private:
  EndRoutes routes_;
};

}  // namespace millrace::work
