#include "kube/writes.h"

#include <fmt/core.h>

#include "base/ids.h"
#include "base/json.h"
#include "base/strings.h"
#include "kube/delete_options.h"
#include "kube/draft.h"
#include "kube/managed_fields.h"
#include "kube/namespaces.h"
#include "kube/patch.h"
#include "kube/schema.h"
#include "kube/status.h"

namespace millrace::kube {
namespace {

constexpr std::string_view kGeneratedNameAlphabet = "bcdfghjklmnpqrstvwxz2456789";  // as Kubernetes: no words by chance

ObjectName object_name(const Target& target, const std::string& name) {
  return {target.resource.kind().resource(), target.name_space, name};
}

Status check_namespace_takes(const Target& target, const std::string& name) {
  const Value name_space = MR_TRY(target.store.get({"namespaces", "", target.name_space}));
  if (!name_space.at("metadata").has("deletionTimestamp")) return {};
  return fail(forbidden(
      target.resource.kind().resource(), name,
      fmt::format("unable to create new content in namespace {} because it is being terminated", target.name_space)));
}

// Makes a new object of what a client wants to be there.
Result<Value> new_object(const Target& target, Value wanted) {
  const Kind& kind = target.resource.kind();
  if (kind.namespaced) MR_TRY(check_namespace_takes(target, wanted.at("metadata").at("name").string_or()));
  Value& metadata = wanted.child("metadata");
  if (!metadata.at("resourceVersion").string_or().empty())
    return fail(bad_request("resourceVersion should not be set on objects to be created"));
  std::string name = metadata.at("name").string_or();
  if (name.empty() && !metadata.at("generateName").string_or().empty()) {
    name = metadata.at("generateName").string_or() + random_string(5, kGeneratedNameAlphabet);
  }
  if (!name.empty()) metadata.set("name", name);
  metadata.set("uid", uuid4()).set("creationTimestamp", format_rfc3339(target.clock.now()));
  for (const char* servers : {"deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"})
    metadata.erase(servers);
  if (kind.is_custom) {
    metadata.set("generation", 1);
    wanted.erase("status");
  }
  MR_TRY(admit(kind, wanted, nullptr));
  return wanted;
}

Result<Value> insert(const Target& target, Value object, bool dry_run) {
  const ObjectName name = object_name(target, object.at("metadata").at("name").string_or());
  if (!dry_run) return target.store.insert(name, object);
  if (target.store.get(name)) return fail(already_exists(name.resource, name.name));
  return object;
}

// Reads what a client applies. Errors as the API server words them, which checks it against the schema alone.
Result<Value> read_applied(const Target& target, net::Request& request, std::vector<std::string>& warnings) {
  const Kind& kind = target.resource.kind();
  Value applied = MR_TRY(parse_object(request, MR_TRY(read_body(request))));
  Value& metadata = applied.child("metadata");
  if (!metadata.at("managedFields").empty()) return fail(bad_request("metadata.managedFields must be nil"));
  const std::string name = metadata.at("name").string_or(target.name);
  if (name != target.name) {
    return fail(bad_request(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", name, target.name)));
  }
  metadata.set("name", name);
  Value looked_at = applied;
  if (const auto check = check_fields(kind.schema, looked_at); check && !check->unknown.empty()) {
    std::vector<std::string> faults;
    for (const auto& path : check->unknown) faults.push_back(fmt::format(".{}: field not declared in schema", path));
    const std::string all = faults.size() == 1 ? faults.front() : "errors:\n  " + join(faults, "\n  ");
    return fail(Code::internal,
                fmt::format("failed to create typed patch object ({}/{}; {}, Kind={}): {}", target.name_space, name,
                            kind.group.empty() ? "/" + kind.version : kind.api_version(), kind.kind, all),
                std::string(kNoReason));
  }
  MR_TRY(check_draft(kind, target.name_space, FieldValidation::ignore, applied, warnings));
  return applied;
}

Result<net::Response> apply_patch_of(const Target& target, net::Request& request) {
  const Kind& kind = target.resource.kind();
  const WriteOptions options = MR_TRY(write_options(request, "PatchOptions", true));
  std::vector<std::string> warnings;
  const Value applied = MR_TRY(read_applied(target, request, warnings));
  const Writer writer{options.manager, target.clock.now()};
  const auto change = [&](const Value& present) -> Result<Value> {
    return changed(kind, present, MR_TRY(apply(kind, present, applied, writer, options.force)), Sent::patch,
                   target.part);
  };
  auto stored = target.store.update(object_name(target, target.name), change, options.dry_run);
  if (stored) return answer(200, *stored, warnings);
  if (stored.error().code != Code::not_found) return fail(stored.error());
  Value made = MR_TRY(new_object(target, MR_TRY(apply(kind, Value(), applied, writer, options.force))));
  return answer(201, MR_TRY(insert(target, std::move(made), options.dry_run)), warnings);
}

net::Response deleted_status(const Target& target, const Value& gone) {
  const Kind& kind = target.resource.kind();
  const Value& metadata = gone.at("metadata");
  Value details = resource_details(kind.resource(), metadata.at("name").string_or());
  details.set("uid", metadata.at("uid"));
  return object(200, Value::object({{"kind", "Status"},
                                    {"apiVersion", "v1"},
                                    {"metadata", Value::object()},
                                    {"status", "Success"},
                                    {"details", std::move(details)}}));
}

// With all that is in it; it stays, and takes nothing new, as long as something in it has finalizers.
Result<Store::Erased> erase_namespace(const Target& target, const std::string& name, const Store::Change& check) {
  const ObjectName key = object_name(target, name);
  const auto end = [&](const Value& present) -> Result<Value> {
    Value ending = MR_TRY(check(present));
    ending.child("status").set("phase", "Terminating");
    return ending;
  };
  return target.store.erase_namespace(key, end, format_rfc3339(target.clock.now()));
}

Result<Store::Erased> erase_one(const Target& target, const std::string& name, const DeleteOptions& options) {
  const auto check = [&](const Value& present) -> Result<Value> {
    const Kind& kind = target.resource.kind();
    MR_TRY(check_preconditions(kind, present, options));
    if (kind.may_delete) MR_TRY(kind.may_delete(present));
    Value waiting = present;
    if (!waiting.at("metadata").has("deletionTimestamp")) {
      waiting.child("metadata")
          .set("deletionTimestamp", format_rfc3339(target.clock.now()))
          .set("deletionGracePeriodSeconds", 0);
      if (kind.is_custom) {
        const std::int64_t generation = waiting.at("metadata").at("generation").int_or(1);
        waiting.child("metadata").set("generation", generation + 1);
      }
    }
    return waiting;
  };
  if (&target.resource.kind() == &namespaces_kind() && !options.dry_run) return erase_namespace(target, name, check);
  return target.store.erase(object_name(target, name), check, options.dry_run);
}

}  // namespace

Result<net::Response> create(const Target& target, net::Request& request) {
  const std::string text = MR_TRY(read_body(request));
  Value sent = MR_TRY(parse_object(request, text));
  const WriteOptions options = MR_TRY(write_options(request, "CreateOptions"));
  std::vector<std::string> warnings;
  MR_TRY(check_draft(target.resource.kind(), target.name_space, options.fields, sent, warnings));
  sent.child("metadata").erase("managedFields");
  Value wanted = MR_TRY(new_object(target, std::move(sent)));
  note_update(target.resource.kind(), nullptr, wanted, {options.manager, target.clock.now()});
  return answer(201, MR_TRY(insert(target, std::move(wanted), options.dry_run)), warnings);
}

Result<net::Response> replace(const Target& target, net::Request& request) {
  const std::string text = MR_TRY(read_body(request));
  Value wanted = MR_TRY(parse_object(request, text));
  const WriteOptions options = MR_TRY(write_options(request, "UpdateOptions"));
  std::vector<std::string> warnings;
  const Kind& kind = target.resource.kind();
  MR_TRY(check_draft(kind, target.name_space, options.fields, wanted, warnings));
  const auto change = [&](const Value& present) -> Result<Value> {
    Value made = MR_TRY(changed(kind, present, wanted, Sent::whole, target.part));
    note_update(kind, &present, made, {options.manager, target.clock.now()});
    return made;
  };
  const Value stored = MR_TRY(target.store.update(object_name(target, target.name), change, options.dry_run));
  return answer(200, stored, warnings);
}

Result<net::Response> patch(const Target& target, net::Request& request) {
  const std::string type = media_type(request);
  if (type == "application/apply-patch+yaml") return apply_patch_of(target, request);
  const WriteOptions options = MR_TRY(write_options(request, "PatchOptions"));
  const std::string text = MR_TRY(read_body(request));
  const Value patch = MR_TRY(parse_json(text));
  const Kind& kind = target.resource.kind();
  std::vector<std::string> warnings;
  const auto change = [&](const Value& present) -> Result<Value> {
    Value wanted = MR_TRY(apply_patch(present, type, patch, kind.is_custom));
    if (!wanted.is_object()) return fail(bad_request("the patched object is not an object"));
    warnings.clear();
    MR_TRY(check_patched(kind, text, options.fields, wanted, warnings));
    Value made = MR_TRY(changed(kind, present, std::move(wanted), Sent::patch, target.part));
    note_update(kind, &present, made, {options.manager, target.clock.now()});
    return made;
  };
  return answer(200, MR_TRY(target.store.update(object_name(target, target.name), change, options.dry_run)), warnings);
}

Result<net::Response> erase(const Target& target, net::Request& request) {
  const DeleteOptions options = MR_TRY(delete_options(request));
  const auto erased = MR_TRY(erase_one(target, target.name, options));
  if (!erased.gone) return object(200, erased.object);
  return deleted_status(target, erased.object);
}

Result<net::Response> erase_all(const Target& target, const Selector& selector, net::Request& request) {
  const DeleteOptions options = MR_TRY(delete_options(request));
  const Kind& kind = target.resource.kind();
  Snapshot found = MR_TRY(target.resource.list(target.name_space));
  std::erase_if(found.objects, [&](const Value& object) { return !selector.matches(object); });
  for (const Value& object : found.objects) {
    const auto erased = erase_one(target, object.at("metadata").at("name").string_or(), options);
    if (!erased && erased.error().code != Code::not_found) return fail(erased.error());  // gone by another hand: fine
  }
  return object(200, Value::object({{"kind", kind.kind + "List"},
                                    {"apiVersion", kind.api_version()},
                                    {"metadata", Value::object({{"resourceVersion", std::to_string(found.version)}})},
                                    {"items", Value(std::move(found.objects))}}));
}

}  // namespace millrace::kube
