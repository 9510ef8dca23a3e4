#include "kube/nodes.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/core.h>

#include "kube/release.h"

namespace millrace::kube {
namespace {

constexpr int kPods = 110;  // as a kubelet's default; nothing is limited by it here

Value node_cells(const Value& object, Time now) {
  const Value& info = object.at("status").at("nodeInfo");
  return Value::array({object.at("metadata").at("name"), "Ready", "<none>", age(object, now), info.at("kubeletVersion"),
                       "127.0.0.1", "<none>", info.at("osImage"), info.at("kernelVersion"),
                       info.at("containerRuntimeVersion")});
}

Value capacity() {
  struct sysinfo memory{};
  sysinfo(&memory);
  const auto kib = static_cast<std::uint64_t>(memory.totalram) * memory.mem_unit / 1024;
  return Value::object({{"cpu", std::to_string(sysconf(_SC_NPROCESSORS_ONLN))},
                        {"memory", fmt::format("{}Ki", kib)},
                        {"pods", std::to_string(kPods)}});
}

Value condition(const char* type, const char* status, const char* reason, const char* message, Time since) {
  return Value::object({{"type", type},
                        {"status", status},
                        {"lastHeartbeatTime", format_rfc3339(since)},
                        {"lastTransitionTime", format_rfc3339(since)},
                        {"reason", reason},
                        {"message", message}});
}

Value node_info() {
  struct utsname system{};
  uname(&system);
  return Value::object({{"machineID", ""},
                        {"systemUUID", ""},
                        {"bootID", ""},
                        {"kernelVersion", system.release},
                        {"osImage", system.sysname},
                        {"containerRuntimeVersion", "millrace://1"},
                        {"kubeletVersion", kGitVersion},
                        {"kubeProxyVersion", ""},
                        {"operatingSystem", "linux"},
                        {"architecture", "amd64"}});
}

}  // namespace

const Kind& nodes_kind() {
  static const Kind kind{
      .plural = "nodes",
      .singular = "node",
      .kind = "Node",
      .schema = "io.k8s.api.core.v1.Node",
      .short_names = {"no"},
      .namespaced = false,
      .verbs = kReadVerbs,
      .selectable_fields = {"spec.unschedulable"},
      .columns = {{.name = "Name", .format = "name"},
                  {.name = "Status"},
                  {.name = "Roles"},
                  {.name = "Age"},
                  {.name = "Version"},
                  {.name = "Internal-IP", .priority = 1},
                  {.name = "External-IP", .priority = 1},
                  {.name = "OS-Image", .priority = 1},
                  {.name = "Kernel-Version", .priority = 1},
                  {.name = "Container-Runtime", .priority = 1}},
      .cells = node_cells,
      .read_only_because = "the one node is this machine",
  };
  return kind;
}

Result<std::vector<Value>> Nodes::read() {
  const Value room = capacity();
  Value metadata = Value::object({{"name", kNode},
                                  {"uid", "00000000-0000-4000-8000-000000000001"},
                                  {"creationTimestamp", format_rfc3339(started_)},
                                  {"labels", Value::object({{"kubernetes.io/arch", "amd64"},
                                                            {"kubernetes.io/hostname", kNode},
                                                            {"kubernetes.io/os", "linux"}})}});
  Value status = Value::object(
      {{"capacity", room},
       {"allocatable", room},
       {"conditions",
        Value::array(
            {condition("MemoryPressure", "False", "KubeletHasSufficientMemory",
                       "kubelet has sufficient memory available", started_),
             condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure", started_),
             condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available",
                       started_),
             condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", started_)})},
       {"addresses", Value::array({Value::object({{"type", "InternalIP"}, {"address", "127.0.0.1"}}),
                                   Value::object({{"type", "Hostname"}, {"address", kNode}})})},
       {"nodeInfo", node_info()}});
  return std::vector<Value>{Value::object({{"apiVersion", "v1"},
                                           {"kind", "Node"},
                                           {"metadata", std::move(metadata)},
                                           {"spec", Value::object()},
                                           {"status", std::move(status)}})};
}

}  // namespace millrace::kube
