#pragma once
// The models of multi-model endpoints: fetched from S3 when an invocation names one, loaded by the variant's server
// (worker/loaded_models.h has the contract), unloaded when others need the place, the least recently used first.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "sagemaker/jobs/execution.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/served_model.h"
#include "sagemaker/serving/invoker.h"
#include "sagemaker/serving/sockets.h"

namespace millrace::sagemaker {

class ModelLoader {
 public:
  struct Limits {
    std::size_t models = 32;                 // of one variant, loaded at a time
    std::uint64_t bytes = 4ull << 30;        // their files
    std::size_t waiting = 256;               // invocations that wait for one model
    Millis load_timeout{60'000};             // of the server's own loading
    std::size_t answer_bytes = 1024 * 1024;  // of what it says about that
  };
  struct Needs {
    const Dependencies& dependencies;
    const Execution& execution;
    Send send;
    // Runs `work` on a thread that may wait for S3; works of one key one after the other. false: it will not run.
    std::function<bool(const std::string& key, std::function<void()> work)> later;
  };
  explicit ModelLoader(Needs needs) : ModelLoader(std::move(needs), Limits()) {}
  ModelLoader(Needs needs, Limits limits);
  ~ModelLoader();

  using Outcome = Invoker::Needs::Loaded;
  // Errors: ValidationError in AWS's words (there is no such object, the role may not read it), ServiceUnavailable.
  using Done = std::function<void(Result<Outcome>)>;
  // `id`: variant_id(); `server`: where it listens now. A server that was started anew has nothing loaded.
  void load(const std::string& id, const std::shared_ptr<const MultiModel>& multi, const std::string& target_model,
            const std::shared_ptr<const ServerAddress>& server, Done done);
  void stop();  // answers those who wait

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with models that are in use, and with exchanges
};

}  // namespace millrace::sagemaker
