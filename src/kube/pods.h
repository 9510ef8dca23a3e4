#pragma once
// Pods and their events: a view of the tasks of runs, all in one namespace. Nothing is stored here.

#include <atomic>
#include <map>
#include <optional>
#include <string>

#include "kube/container_cache.h"
#include "kube/resource.h"
#include "pipelines/pipelines.h"

namespace millrace::kube {

inline constexpr const char* kTaskNamespace = "kubeflow";
inline constexpr std::size_t kRunsShown = 100;  // the newest; older ones are in the KFP API and the console

// The task behind a pod.
struct Pod {
  pipelines::RunView run;  // without its tasks
  pipelines::TaskView task;
  std::string deleted_at = {};  // it is being stopped because someone deleted it
};

const Kind& pods_kind();
const Kind& events_kind();

class Pods final : public ViewResource {
 public:
  Pods(const Clock& clock, Store& store) : ViewResource(pods_kind(), clock), store_(store) {}
  void set_pipelines(pipelines::Pipelines& pipelines) { pipelines_ = &pipelines; }

  Result<Pod> find(const std::string& name_space, const std::string& name);
  Result<std::vector<Pod>> all();
  std::optional<Time> end_of_previous(const Pod& pod);  // of the attempt before its newest; none: not known
  // Stops the task's attempt; its pod is gone once that has ended. What is deleted stays so over restarts.
  Status stop(const std::string& name_space, const std::string& name) override;
  // What the task was given, and how its attempt before ended.
  void fill_in(Value& object) override;

 protected:
  Result<std::vector<Value>> read() override;

 private:
  Status forget_runs_gone(const std::map<std::string, Value>& deleted, const std::vector<Pod>& pods);

  Store& store_;
  ContainerCache containers_;
  std::atomic<pipelines::Pipelines*> pipelines_ = nullptr;
};

// What `kubectl describe pod` and `kubectl get events` show.
class Events final : public ViewResource {
 public:
  Events(Pods& pods, const Clock& clock) : ViewResource(events_kind(), clock), pods_(pods) {}

 protected:
  Result<std::vector<Value>> read() override;

 private:
  Pods& pods_;
};

}  // namespace millrace::kube
