#pragma once
// The models that a model server has in memory where it serves several: SageMaker's contract of containers for
// multi-model endpoints (developer guide, "Contract for Custom Containers for Multi-Model Endpoints").
//
//   POST /models {"model_name", "url"}   200; 409 it is loaded already; 507 there is no memory for it
//   GET /models, GET /models/<name>      {"models": [{"modelName", "modelUrl"}]}; one of them; 404
//   DELETE /models/<name>                200; 404
//   POST /models/<name>/invoke           as /invocations
// Thread-safe.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "net/http.h"
#include "sagemaker/algorithms/algorithm.h"

namespace millrace::sagemaker::worker {

inline constexpr std::size_t kMaxLoadedModels = 256;

class LoadedModels {
 public:
  using Shared = std::shared_ptr<const built_in::Model>;  // shared with the invocations that are under way
  using Invoke = std::function<net::Response(const built_in::Model&, net::Request&)>;
  // `directory`: a model's files are in <name>/model below it.
  LoadedModels(const built_in::Algorithm& algorithm, std::filesystem::path directory, Invoke invoke)
      : algorithm_(algorithm), directory_(std::move(directory)), invoke_(std::move(invoke)) {}
  // A request whose path begins with "/models".
  net::Response answer(net::Request& request);

 private:
  net::Response load(net::Request& request);
  net::Response list();
  net::Response describe(const std::string& name);
  net::Response unload(const std::string& name);
  net::Response invoke(const std::string& name, net::Request& request);
  Shared find(const std::string& name);

  const built_in::Algorithm& algorithm_;
  const std::filesystem::path directory_;
  const Invoke invoke_;
  Mutex mutex_;
  std::map<std::string, Shared> models_ MR_GUARDED_BY(mutex_);
};

}  // namespace millrace::sagemaker::worker
