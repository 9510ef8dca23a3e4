#pragma once
// Endpoints: model servers as child processes behind Unix sockets, brought up, watched, exchanged, taken down.
//
// A server restart does not touch them: the model servers go on under their backend and are found again by their keys.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "sagemaker/jobs/execution.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/log_follower.h"
#include "sagemaker/serving/async_inference.h"
#include "sagemaker/serving/invoker.h"
#include "sagemaker/store.h"

namespace millrace::sagemaker {

class Endpoints {
 public:
  Endpoints(Dependencies& dependencies, LogFollower& follower, const Execution& execution, Send send);
  ~Endpoints();  // stop()

  // `deployment_config`: checked (rollout.h), or null.
  Result<Resource> create(const std::string& name, const std::string& config, const Value& deployment_config,
                          const Tags& tags, const std::string& origin, Time now);
  struct Update {
    std::string config;
    Value deployment_config = {};           // checked (rollout.h); null: all at once
    bool retain_deployment_config = false;  // that of the last update instead
    bool retain_properties = false;         // weights and instance counts of the variants
    Value excluded = {};                    // [{VariantPropertyType}]: all but these
  };
  Result<Resource> update(const std::string& name, const Update& update, Time now);
  // desired: [{VariantName, DesiredWeight, DesiredInstanceCount}]
  Result<Resource> update_weights(const std::string& name, const Value& desired, Time now);
  Status remove(const std::string& name, Time now);

  // The answer, where this process has it without asking a server (native_model.h); nullopt: invoke().
  // Error: internal, where the endpoint cannot be read; what else is wrong, invoke() says.
  Result<std::optional<InvocationAnswer>> answer_here(const Invocation& invocation);
  // See Invoker. `done` is called once, from any thread; no thread waits for it.
  void invoke(Invocation invocation, Invoker::Done done, std::function<bool()> wanted);

  // See AsyncInference::accept().
  Result<AsyncAccepted> invoke_async(const Value& input, Time now);

  bool on_end(const std::string& key);  // false: not a model server's key
  Status resume();
  void stop();          // model servers go on; who has `send` ends what it has under way
  KeyedQueue& queue();  // for simulations, which give the turns

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::sagemaker
