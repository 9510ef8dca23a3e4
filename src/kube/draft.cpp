#include "kube/draft.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "kube/metadata.h"
#include "kube/schema.h"

namespace millrace::kube {
namespace {

std::string cannot_be_handled(const Kind& kind, std::string_view why) {
  return fmt::format("{} in version \"{}\" cannot be handled as a {}: {}", kind.kind, kind.version, kind.kind, why);
}

std::vector<std::string> unknown_fields(const FieldCheck& check) {
  std::vector<std::string> faults;
  for (const auto& path : check.unknown) faults.push_back(fmt::format("unknown field \"{}\"", path));
  return faults;
}

Status check_type(const Kind& kind, const Value& object) {
  const std::string sent_kind = object.at("kind").string_or(kind.kind);
  const std::string sent_version = object.at("apiVersion").string_or(kind.api_version());
  if (sent_kind == kind.kind && sent_version == kind.api_version()) return {};
  if (sent_version != kind.api_version()) {
    return fail(bad_request(fmt::format("the API version in the data ({}) does not match the expected API version ({})",
                                        sent_version, kind.api_version())));
  }
  return fail(
      bad_request(fmt::format("{} in version \"{}\" cannot be handled as a {}: converting (v1.{}) to (core.{}): "
                              "unknown conversion",
                              sent_kind, kind.version, kind.kind, sent_kind, kind.kind)));
}

Status check_namespace(const Kind& kind, const std::string& name_space, const Value& object) {
  const std::string sent = object.at("metadata").at("namespace").string_or(name_space);
  if (!kind.namespaced || sent.empty() || sent == name_space) return {};
  return fail(bad_request(
      fmt::format("the namespace of the provided object does not match the namespace sent on the request")));
}

// Members that are null or empty are as if they were not there.
void drop_empty(Value& object) {
  Value& metadata = object.child("metadata");
  for (const char* field : {"labels", "annotations", "finalizers", "ownerReferences"}) {
    if (metadata.has(field) && metadata.at(field).empty()) metadata.erase(field);
  }
}

void set_type(const Kind& kind, Value& object) { object.set("apiVersion", kind.api_version()).set("kind", kind.kind); }

}  // namespace

namespace {

Result<FieldCheck> check_kind_fields(const Kind& kind, Value& object) {
  return kind.is_custom ? prune_fields(kind.schema, object) : check_fields(kind.schema, object);
}

// Of a custom resource the part that is not written stays as it is.
void keep_other_part(const Value& present, Value& wanted, Part part) {
  const Value status = (part == Part::main ? present : wanted).at("status");
  if (part == Part::status) {
    const Value owners = wanted.at("metadata").at("managedFields");
    wanted = present;
    if (!owners.is_null()) wanted.child("metadata").set("managedFields", owners);
  }
  wanted.erase("status");
  wanted.set_if(!status.is_null(), "status", status);
}

std::int64_t old_generation(const Value& present) { return present.at("metadata").at("generation").int_or(1); }

bool wants_the_same(const Value& present, const Value& wanted) {
  const auto without = [](Value object) {
    for (const char* part : {"metadata", "status"}) object.erase(part);
    return object;
  };
  return without(present) == without(wanted);
}

}  // namespace

Status check_draft(const Kind& kind, const std::string& name_space, FieldValidation mode, Value& object,
                   std::vector<std::string>& warnings) {
  MR_TRY(check_type(kind, object));
  auto check = check_kind_fields(kind, object);
  if (!check) return fail(bad_request(cannot_be_handled(kind, check.error().message)));
  const auto faults = unknown_fields(*check);
  if (mode == FieldValidation::strict && !faults.empty())
    return fail(bad_request(cannot_be_handled(kind, "strict decoding error: " + join(faults, ", "))));
  if (mode == FieldValidation::warn) warnings = faults;
  MR_TRY(check_namespace(kind, name_space, object));
  set_type(kind, object);
  if (kind.namespaced) object.child("metadata").set("namespace", name_space);
  drop_empty(object);
  return {};
}

Status check_patched(const Kind& kind, const std::string& patch, FieldValidation mode, Value& object,
                     std::vector<std::string>& warnings) {
  auto check = check_kind_fields(kind, object);
  FieldErrors errors;
  if (!check) {
    errors.invalid("patch", patch, check.error().message);
    return errors.status("", "");
  }
  const auto faults = unknown_fields(*check);
  if (mode == FieldValidation::strict && !faults.empty()) {
    errors.invalid("patch", patch, "strict decoding error: " + join(faults, ", "));
    return errors.status("", "");
  }
  if (mode == FieldValidation::warn) warnings.insert(warnings.end(), faults.begin(), faults.end());
  set_type(kind, object);
  drop_empty(object);
  return {};
}

Result<Value> changed(const Kind& kind, const Value& present, Value wanted, Sent sent, Part part) {
  const Value& old = present.at("metadata");
  Value& metadata = wanted.child("metadata");
  const std::string name = old.at("name").string_or();
  const std::string sent_name = metadata.at("name").string_or(name);
  if (sent_name != name) {
    return fail(bad_request(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", sent_name, name)));
  }
  const std::string uid = old.at("uid").string_or();
  const std::string sent_uid = metadata.at("uid").string_or(uid);
  if (!sent_uid.empty() && sent_uid != uid) {
    if (sent == Sent::whole) {
      return fail(
          conflict(kind.resource(), name,
                   fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}", sent_uid, uid)));
    }
    FieldErrors errors;
    errors.invalid("metadata.uid", sent_uid, "field is immutable");
    return fail(errors.status(kind.full_kind(), name).error());
  }
  const std::string version = metadata.at("resourceVersion").string_or();
  if (!version.empty() && version != old.at("resourceVersion").string_or()) {
    return fail(
        conflict(kind.resource(), name,
                 "the object has been modified; please apply your changes to the latest version and try again"));
  }
  for (const char* kept : {"name", "namespace", "uid", "creationTimestamp", "generateName", "deletionTimestamp",
                           "deletionGracePeriodSeconds"}) {
    if (old.has(kept)) {
      metadata.set(kept, old.at(kept));
    } else {
      metadata.erase(kept);
    }
  }
  if (kind.is_custom) {
    keep_other_part(present, wanted, part);
    const std::int64_t generation = old_generation(present);
    wanted.child("metadata").set("generation", generation + (wants_the_same(present, wanted) ? 0 : 1));
  }
  MR_TRY(admit(kind, wanted, &present));
  return wanted;
}

Status admit(const Kind& kind, Value& object, const Value* present) {
  FieldErrors errors;
  check_metadata(kind, object, errors);
  if (present != nullptr && present->at("metadata").has("deletionTimestamp")) {
    const Value::Array& old = present->at("metadata").at("finalizers").items();
    std::vector<std::string> added;
    for (const Value& finalizer : object.at("metadata").at("finalizers").items()) {
      if (std::ranges::find(old, finalizer) == old.end()) added.push_back(fmt::format("\"{}\"", finalizer.string_or()));
    }
    if (!added.empty()) {
      errors.forbidden("metadata.finalizers",
                       fmt::format("no new finalizers can be added if the object is being deleted, found new "
                                   "finalizers []string{{{}}}",
                                   join(added, ", ")));
    }
  }
  if (kind.admit) MR_TRY(kind.admit(object, present, errors));
  return errors.status(kind.full_kind(), object.at("metadata").at("name").string_or());
}

}  // namespace millrace::kube
