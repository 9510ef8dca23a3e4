#include "kube/namespaces.h"

#include <algorithm>

#include <fmt/core.h>

namespace millrace::kube {

const std::vector<std::string>& initial_namespaces() {
  static const std::vector<std::string> names = {"default", "kube-node-lease", "kube-public", "kube-system",
                                                 "kubeflow"};
  return names;
}

const Description& Namespaces::description() const {
  static const Description description{
      .plural = "namespaces",
      .singular = "namespace",
      .kind = "Namespace",
      .short_names = {"ns"},
      .categories = {},
      .namespaced = false,
      .writable = true,
      .properties = {"spec", "status"},
      .selectable_fields = {"metadata.name", "status.phase"},
      .columns = {{.name = "Name", .format = "name"}, {.name = "Status"}},
  };
  return description;
}

Value Namespaces::cells(const Value& object, Time now) const {
  return Value::array({object.at("metadata").at("name"), object.at("status").at("phase"), age(object, now)});
}

Status Namespaces::admit(Value& object, const Value* present) const {
  const std::string name = object.at("metadata").at("name").string_or();
  if (present == nullptr) MR_TRY(check_label_name("Namespace", name));
  object.child("metadata").child("labels").set("kubernetes.io/metadata.name", name);
  object.set("spec", Value::object({{"finalizers", Value::array({"kubernetes"})}}));
  object.set("status", Value::object({{"phase", "Active"}}));
  return {};
}

Status Namespaces::may_delete(const Value& present) const {
  const std::string name = present.at("metadata").at("name").string_or();
  if (std::ranges::find(initial_namespaces(), name) == initial_namespaces().end()) return {};
  return fail(Code::permission_denied,
              fmt::format("namespaces \"{}\" is forbidden: this namespace may not be deleted", name));
}

}  // namespace millrace::kube
