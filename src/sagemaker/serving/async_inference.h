#pragma once
// Asynchronous inference: invocations whose input is an object (or a small body), that wait in a durable queue and
// whose answers are written to S3 as the model's execution role. An invocation that was under way when the server ended
// runs again: its objects have the same names.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "sagemaker/jobs/execution.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/serving/invoker.h"

namespace millrace::sagemaker {

// An endpoint configuration's AsyncInferenceConfig, and who writes.
struct AsyncConfig {
  std::string output, failure;  // S3 prefixes; failure: empty, nothing is written of what failed
  std::size_t at_a_time = 1;    // invocations under way
  std::string role_arn, origin;
};
// Null: nullopt. `instances`: of all variants.
std::optional<AsyncConfig> async_config(const Value& config, std::int64_t instances);

struct AsyncAccepted {
  std::string inference_id, output_location, failure_location;  // the last one may be empty
};

class AsyncInference {
 public:
  static constexpr std::size_t kMaxQueued = 10'000;  // of one endpoint
  struct Needs {
    const Dependencies& dependencies;
    const Execution& execution;
    std::function<Result<std::shared_ptr<const AsyncConfig>>(const std::string& endpoint)> config;
    std::function<void(Invocation, Invoker::Done)> invoke;
    // Runs `work` on a thread that may wait; works of one key one after the other. false: it will not run.
    std::function<bool(const std::string& key, std::function<void()> work)> later;
  };
  explicit AsyncInference(Needs needs);
  ~AsyncInference();

  // `input`: shape InvokeEndpointAsyncInput. Durable when it returns. Errors: ValidationError; ThrottlingException when
  // kMaxQueued wait.
  Result<AsyncAccepted> accept(const Value& input, Time now);
  Status resume();                             // those that were waiting when the server last ended
  Status forget(const std::string& endpoint);  // it is deleted: what waits for it is dropped

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with what is under way
};

}  // namespace millrace::sagemaker
