#pragma once
// Which model servers answer for an endpoint. In memory; after a restart of the server found again in the rows.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "sagemaker/jobs/served_model.h"
#include "sagemaker/resource.h"
#include "sagemaker/serving/deployment.h"
#include "sagemaker/store.h"

namespace millrace::sagemaker {

// A variant's server, whichever start of it is the present one.
std::string variant_id(const Resource& endpoint, const Deployment& deployment, const Variant& variant);

struct CaptureConfig;  // capture.h
struct AsyncConfig;    // async_inference.h

// A container of a multi-model endpoint.
struct MultiModel {
  ServedModel container;
  std::string directory, origin;  // of its models below the server's directory; Resource::origin()
  bool cached = true;             // ModelCacheSetting: models stay loaded when nobody uses them
};

struct Route {
  struct Target {
    std::string variant;  // the name that callers use
    struct Stage {
      std::string id, container;                     // variant_id(); how errors call it
      std::shared_ptr<const MultiModel> multi = {};  // shared with what loads its models; nullptr: it has one model
    };
    std::vector<Stage> stages;  // each one's answer is the next one's request; at least one
    bool is_direct = false;     // a caller names the stage instead
    std::size_t most = 0;       // invocations at a time (a serverless variant's MaxConcurrency); 0: no such limit

    // For a caller that names `container`, or none. Error: ValidationError.
    Status narrow(const std::string& container);
    // For a caller that names a model, or none. Error: ValidationError.
    Status check_model(const std::string& endpoint, const std::string& target_model) const;
  };
  std::vector<Target> targets;
  std::vector<double> weights;
  std::shared_ptr<const CaptureConfig> capture;  // shared with what waits to be written; nullptr: nothing is captured
  std::shared_ptr<const AsyncConfig> async;      // shared with invocations that wait; nullptr: it answers at once

  // One by weight, of those of that name or of all: `u` is uniform in [0, 1). Error: ValidationError.
  Result<Target> choose(const std::string& target_variant, double u) const;
};

class Routes {
 public:
  Routes(Store& store, const Clock& clock, std::string account)
      : store_(store), clock_(clock), account_(std::move(account)) {}
  void publish(const Resource& endpoint);
  void withdraw(const std::string& endpoint);
  // Error: ValidationError when the endpoint does not answer. Shared: an invocation keeps the one it began with.
  Result<std::shared_ptr<const Route>> find(const std::string& endpoint);

 private:
  Store& store_;
  const Clock& clock_;  // an update moves the traffic in steps
  const std::string account_;
  Mutex mutex_;
  // By the endpoint's name in lower case.
  std::map<std::string, std::shared_ptr<const Route>> routes_ MR_GUARDED_BY(mutex_);
};

}  // namespace millrace::sagemaker
