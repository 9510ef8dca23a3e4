#pragma once
// Requests that wait for something else before they are answered: a file from a URL, the end of a run's processes. They
// run on threads of their own, and their clients wait without one, so that what is slow holds up nothing else.

#include <functional>
#include <string>

#include "base/worker_pool.h"
#include "net/http.h"

namespace millrace::pipelines::api {

class WaitingRequests {
 public:
  struct Limits {
    std::size_t threads = 8;  // requests at once
    std::size_t queue = 32;   // that wait for a thread; beyond, they are refused with 503
    std::string busy;         // the sentence for that
  };
  explicit WaitingRequests(Limits limits);
  // The answer comes later, from `answer`, which may take long.
  using Answer = std::function<net::Response(net::Request&)>;
  net::Response handle(net::Request& request, Answer answer);
  // Returns when the last call of an `answer` has returned; what waits for a thread is dropped, if its client has gone.
  void stop();

 private:
  Limits limits_;
  WorkerPool pool_;
};

// Whether a request creates a pipeline or a version of it from a package_url.
bool creates_from_url(const net::Request& request);
// The run that a request deletes; empty: it deletes none.
std::string deleted_run(const net::Request& request);

}  // namespace millrace::pipelines::api
