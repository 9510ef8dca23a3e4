#pragma once
// Pods and their events: a view of the tasks of runs, all in one namespace. Nothing is stored here.

#include <atomic>
#include <string>

#include "kube/resource.h"
#include "pipelines/pipelines.h"

namespace millrace::kube {

inline constexpr const char* kTaskNamespace = "kubeflow";
inline constexpr std::size_t kRunsShown = 100;  // the newest; older ones are in the KFP API and the console

// The task behind a pod.
struct Pod {
  pipelines::RunView run;  // without its tasks
  pipelines::TaskView task;
};

class Pods final : public Resource {
 public:
  void set_pipelines(pipelines::Pipelines& pipelines) { pipelines_ = &pipelines; }
  const Description& description() const override;
  Result<std::vector<Value>> list(const std::string& name_space) override;
  Result<Value> get(const std::string& name_space, const std::string& name) override;
  Value cells(const Value& object, Time now) const override;

  Result<Pod> find(const std::string& name_space, const std::string& name);
  Result<std::vector<Pod>> all();

 private:
  std::atomic<pipelines::Pipelines*> pipelines_ = nullptr;
};

// What `kubectl describe pod` and `kubectl get events` show.
class Events final : public Resource {
 public:
  explicit Events(Pods& pods) : pods_(pods) {}
  const Description& description() const override;
  Result<std::vector<Value>> list(const std::string& name_space) override;
  Result<Value> get(const std::string& name_space, const std::string& name) override;
  Value cells(const Value& object, Time now) const override;

 private:
  Pods& pods_;
};

}  // namespace millrace::kube
