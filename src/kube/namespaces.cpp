#include "kube/namespaces.h"

#include <algorithm>

namespace millrace::kube {
namespace {

Value namespace_cells(const Value& object, Time now) {
  return Value::array({object.at("metadata").at("name"), object.at("status").at("phase"), age(object, now)});
}

Status admit_namespace(Value& object, const Value* present, FieldErrors&) {
  object.child("metadata").child("labels").set("kubernetes.io/metadata.name", object.at("metadata").at("name"));
  object.set("spec", Value::object({{"finalizers", Value::array({"kubernetes"})}}));
  object.set("status", present != nullptr ? present->at("status") : Value::object({{"phase", "Active"}}));
  return {};
}

Status may_delete_namespace(const Value& present) {
  const std::string name = present.at("metadata").at("name").string_or();
  if (std::ranges::find(initial_namespaces(), name) == initial_namespaces().end()) return {};
  return fail(forbidden("namespaces", name, "this namespace may not be deleted"));
}

}  // namespace

const std::vector<std::string>& initial_namespaces() {
  static const std::vector<std::string> names = {"default", "kube-node-lease", "kube-public", "kube-system",
                                                 "kubeflow"};
  return names;
}

const Kind& namespaces_kind() {
  static const Kind kind{
      .plural = "namespaces",
      .singular = "namespace",
      .kind = "Namespace",
      .schema = "io.k8s.api.core.v1.Namespace",
      .short_names = {"ns"},
      .namespaced = false,
      .verbs = {"create", "delete", "get", "list", "patch", "update", "watch"},
      .name_rule = NameRule::label,
      .selectable_fields = {"status.phase"},
      .columns = {{.name = "Name", .format = "name"}, {.name = "Status"}, {.name = "Age"}},
      .cells = namespace_cells,
      .admit = admit_namespace,
      .may_delete = may_delete_namespace,
  };
  return kind;
}

}  // namespace millrace::kube
