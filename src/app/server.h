#pragma once
// The whole server, wired: every service over one data directory behind one port.

#include <memory>
#include <string>

#include "app/options.h"
#include "app/stop_watch.h"
#include "aws/credentials.h"
#include "base/result.h"

namespace millrace::app {

class Server {
 public:
  // Listens and answers when this returns; what was under way when the server last ended is taken up in the
  // background. Errors: port in use, data directory read-only, full, or used by another server.
  static Result<std::unique_ptr<Server>> start(ServeOptions options);
  virtual ~Server() = default;

  virtual std::string endpoint() const = 0;  // "http://127.0.0.1:8080"
  virtual const ServeOptions& options() const = 0;
  virtual Result<aws::Credentials> administrator() = 0;
  // Blocks until the sample bucket holds its data set (made at first start).
  virtual Status wait_for_sample_data() = 0;

  // keep_if_busy: while runs, SageMaker jobs or endpoints are under way, all processes go on and are adopted at the
  // next start; otherwise they are ended, as with stop.
  enum class Children { stop, keep_if_busy };
  struct UnderWay {
    std::size_t runs = 0, jobs = 0;  // jobs and endpoints
  };
  // Ends the server. Returns what goes on without it. `phase` says what is being waited for, until the server is
  // destroyed.
  virtual UnderWay stop(Children children, StopPhase& phase) = 0;
};

}  // namespace millrace::app
