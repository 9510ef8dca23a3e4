#pragma once
// Requests to model servers on behalf of callers. No thread waits for a model: so many go to a variant's server at a
// time, so many wait, and each is answered within kInvocationTimeout, whatever the server does.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/async_client.h"
#include "sagemaker/jobs/execution.h"
#include "sagemaker/serving/routes.h"
#include "sagemaker/serving/sockets.h"

namespace millrace::sagemaker {

// net::AsyncClient::send(), or what a simulation has for it.
using Send = std::function<void(net::AsyncRequest, net::AsyncClient::Done)>;

struct Invocation {
  std::string endpoint, target_variant, content_type, accept, custom_attributes, body;
  std::string target_container = {}, inference_id = {}, target_model = {};
  Millis timeout{};              // 0: Limits::timeout
  std::size_t answer_bytes = 0;  // 0: Limits::answer_bytes
};
struct InvocationAnswer {  // the model server's, whatever its status
  int status = 0;
  std::string content_type, body, variant, custom_attributes;
  std::string container = "primary";  // whose it is
};

class Invoker {
 public:
  struct Limits {
    std::size_t under_way = 128;            // of one variant, where its server does not have fewer at a time
    std::size_t waiting = 256;              // of one variant
    std::size_t waiting_bytes = 64u << 20;  // their bodies
    Millis timeout{60'000};                 // a model's own limit on SageMaker; the time spent waiting counts
    Millis start_patience{5'000};           // of those who wait for a server that is being started
    std::size_t answer_bytes = 6u << 20;    // InvokeEndpoint's
  };
  struct Needs {
    std::function<Result<Route::Target>(const std::string& endpoint, const std::string& variant)> choose;
    std::function<std::shared_ptr<const ServerAddress>(const std::string& id)>
        address_of;                                            // nullptr: it does not answer yet
    std::function<void(const std::string& endpoint)> suspect;  // its server cannot be reached: look at it
    Send send;
    const Execution& execution;
    // ModelLoader::load(), for multi-model endpoints.
    struct Loaded {
      std::string target;                  // of the request, "/models/…/invoke"
      std::shared_ptr<const void> in_use;  // held until it is answered
      int refused = 0;                     // by the server, with this status and text
      std::string refusal = {};
    };
    std::function<void(const Route::Target::Stage& stage, const std::string& target_model,
                       const std::shared_ptr<const ServerAddress>& server, std::function<void(Result<Loaded>)> done)>
        load = {};
  };
  // Errors, reasons of the runtime: ValidationError (no such endpoint, not in service, no such variant or model),
  // ThrottlingException (a serverless variant's MaxConcurrency), ServiceUnavailable (too many wait; its server is being
  // started again, or ended meanwhile). A server that does not answer in time, or not as HTTP, gives an answer of
  // status 500 or above.
  using Done = std::function<void(Result<InvocationAnswer>)>;

  explicit Invoker(Needs needs) : Invoker(std::move(needs), Limits()) {}
  Invoker(Needs needs, Limits limits);
  ~Invoker();  // after the timers and the sender have been stopped, which call it
  // `done` is called once, from any thread. `wanted` is asked now and then by those who wait.
  void invoke(Invocation invocation, Done done, std::function<bool()> wanted);
  void pump(const std::string& id);  // the variant's server has become ready
  void stop();                       // answers those who wait; what is under way is the client's to end

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::sagemaker
