#include "kube/kinds.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/ids.h"
#include "base/strings.h"

namespace millrace::kube {
namespace {

const Value& name_of(const Value& object) { return object.at("metadata").at("name"); }

Value service_account_cells(const Value& object, Time now) { return Value::array({name_of(object), age(object, now)}); }

Value claim_cells(const Value& object, Time now) {
  const Value& spec = object.at("spec");
  std::vector<std::string> modes;
  for (const Value& mode : object.at("status").at("accessModes").items()) modes.push_back(mode.string_or());
  return Value::array({name_of(object), object.at("status").at("phase"), spec.at("volumeName").string_or(),
                       object.at("status").at("capacity").at("storage").string_or(), join(modes, ","),
                       spec.at("storageClassName").string_or(), "<unset>", age(object, now),
                       spec.at("volumeMode").string_or("Filesystem")});
}

constexpr const char* kAccessModes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"};

Status admit_claim(Value& object, const Value* present, FieldErrors& errors) {
  Value& spec = object.child("spec");
  if (spec.at("accessModes").empty()) errors.required("spec.accessModes", "at least 1 access mode is required");
  for (const Value& mode : spec.at("accessModes").items()) {
    if (std::ranges::find(kAccessModes, mode.string_or()) == std::end(kAccessModes))
      errors.unsupported("spec.accessModes", mode, {std::begin(kAccessModes), std::end(kAccessModes)});
  }
  const Value& storage = spec.at("resources").at("requests").at("storage");
  if (storage.is_null()) errors.required("spec.resources[storage]");
  if (!spec.has("volumeMode")) spec.set("volumeMode", "Filesystem");
  if (present == nullptr) object.set("status", Value::object({{"phase", "Pending"}}));
  if (present != nullptr) object.set("status", present->at("status"));
  if (present != nullptr && spec.at("accessModes") != present->at("spec").at("accessModes")) {
    errors.forbidden("spec",
                     "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
                     "bound claims");
  }
  return {};
}

Value lease_cells(const Value& object, Time now) {
  return Value::array({name_of(object), object.at("spec").at("holderIdentity").string_or(), age(object, now)});
}

Status admit_lease(Value& object, const Value*, FieldErrors& errors) {
  const Value& spec = object.at("spec");
  const Value& duration = spec.at("leaseDurationSeconds");
  if (duration.is_integer() && duration.as_int() <= 0)
    errors.invalid("spec.leaseDurationSeconds", duration, "must be greater than 0");
  const Value& transitions = spec.at("leaseTransitions");
  if (transitions.is_integer() && transitions.as_int() < 0)
    errors.invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0");
  return {};
}

Value service_cells(const Value& object, Time now) {
  const Value& spec = object.at("spec");
  return Value::array(
      {name_of(object), spec.at("type"), spec.at("clusterIP"), "<none>", "<none>", age(object, now), "<none>"});
}

}  // namespace

const Kind& service_accounts_kind() {
  static const Kind kind{
      .plural = "serviceaccounts",
      .singular = "serviceaccount",
      .kind = "ServiceAccount",
      .schema = "io.k8s.api.core.v1.ServiceAccount",
      .short_names = {"sa"},
      .columns = {{.name = "Name", .format = "name"}, {.name = "Age"}},
      .cells = service_account_cells,
  };
  return kind;
}

const Kind& claims_kind() {
  static const Kind kind{
      .plural = "persistentvolumeclaims",
      .singular = "persistentvolumeclaim",
      .kind = "PersistentVolumeClaim",
      .schema = "io.k8s.api.core.v1.PersistentVolumeClaim",
      .short_names = {"pvc"},
      .columns = {{.name = "Name", .format = "name"},
                  {.name = "Status"},
                  {.name = "Volume"},
                  {.name = "Capacity"},
                  {.name = "Access Modes"},
                  {.name = "StorageClass"},
                  {.name = "VolumeAttributesClass"},
                  {.name = "Age"},
                  {.name = "VolumeMode", .priority = 1}},
      .cells = claim_cells,
      .admit = admit_claim,
  };
  return kind;
}

const Kind& leases_kind() {
  static const Kind kind{
      .plural = "leases",
      .singular = "lease",
      .kind = "Lease",
      .group = "coordination.k8s.io",
      .schema = "io.k8s.api.coordination.v1.Lease",
      .columns = {{.name = "Name", .format = "name"}, {.name = "Holder"}, {.name = "Age"}},
      .cells = lease_cells,
      .admit = admit_lease,
  };
  return kind;
}

const Kind& services_kind() {
  static const Kind kind{
      .plural = "services",
      .singular = "service",
      .kind = "Service",
      .schema = "io.k8s.api.core.v1.Service",
      .short_names = {"svc"},
      .categories = {"all"},
      .verbs = kReadVerbs,
      .columns = {{.name = "Name", .format = "name"},
                  {.name = "Type"},
                  {.name = "Cluster-IP"},
                  {.name = "External-IP"},
                  {.name = "Port(s)"},
                  {.name = "Age"},
                  {.name = "Selector", .priority = 1}},
      .cells = service_cells,
      .read_only_because = "there is no cluster network here",
  };
  return kind;
}

Value default_service_account(const std::string& name_space, Time now) {
  return Value::object({{"apiVersion", "v1"},
                        {"kind", "ServiceAccount"},
                        {"metadata", Value::object({{"name", "default"},
                                                    {"namespace", name_space},
                                                    {"uid", uuid4()},
                                                    {"creationTimestamp", format_rfc3339(now)}})}});
}

}  // namespace millrace::kube
