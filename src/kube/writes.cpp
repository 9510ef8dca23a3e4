#include "kube/writes.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/ids.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/yaml.h"
#include "kube/patch.h"
#include "kube/protobuf.h"
#include "kube/status.h"

namespace millrace::kube {
namespace {

constexpr std::string_view kGeneratedNameAlphabet = "bcdfghjklmnpqrstvwxz2456789";  // as Kubernetes: no words by chance

std::string media_type(const net::Request& request) {
  const auto whole = request.headers.get("Content-Type");
  return to_lower(trim(whole.substr(0, whole.find(';'))));
}

Result<std::string> read_body(net::Request& request) {
  auto body = request.body->read_all(kMaxObjectBytes);
  if (!body && body.error().code == Code::resource_exhausted) {
    return fail(Code::invalid_argument,
                fmt::format("limit is {} bytes: the request's body is too large", kMaxObjectBytes),
                "RequestEntityTooLarge");
  }
  return body;
}

Result<Value> parse_object(const net::Request& request, const std::string& text) {
  const std::string type = media_type(request);
  Value object;
  if (type.empty() || type == "application/json") {
    object = MR_TRY(parse_json(text));
  } else if (type == "application/yaml") {
    object = MR_TRY(parse_yaml(text));
  } else if (type == kProtobufMediaType) {
    object = MR_TRY(from_protobuf(text));
  } else {
    return fail(Code::invalid_argument,
                fmt::format("the body of the request was in an unknown format - accepted media types include: "
                            "application/json, application/yaml, application/vnd.kubernetes.protobuf; not {}",
                            type),
                "UnsupportedMediaType");
  }
  if (!object.is_object()) return fail(Code::invalid_argument, "the request's body is not an object");
  return object;
}

Result<Value> read_object(net::Request& request) { return parse_object(request, MR_TRY(read_body(request))); }

Result<bool> dry_run(const net::Request& request) {
  const auto value = net::query_parameter(request, "dryRun");
  if (!value || value->empty()) return false;
  if (*value == "All") return true;
  return fail(Code::invalid_argument,
              fmt::format("dryRun: Unsupported value: \"{}\": supported values: \"All\"", *value), "Invalid");
}

// Fields that the kind does not have: dropped; with fieldValidation=Strict refused, by default a warning.
Status check_fields(const Target& target, const net::Request& request, Value& object,
                    std::vector<std::string>& warnings) {
  const auto& properties = target.resource.description().properties;
  const std::string mode = net::query_parameter(request, "fieldValidation").value_or("Warn");
  std::vector<std::string> unknown;
  for (const auto& [key, value] : object.as_object()) {
    const bool common = key == "apiVersion" || key == "kind" || key == "metadata";
    if (!common && std::ranges::find(properties, key) == properties.end()) unknown.push_back(key);
  }
  for (const auto& key : unknown) object.erase(key);
  if (mode == "Ignore") return {};
  for (const auto& key : unknown) warnings.push_back(fmt::format("unknown field \"{}\"", key));
  if (mode == "Strict" && !warnings.empty()) {
    return fail(
        Code::invalid_argument,
        fmt::format("{} in version \"v1\" cannot be handled as a {}: strict decoding error: {}",
                    target.resource.description().kind, target.resource.description().kind, join(warnings, ", ")));
  }
  return {};
}

Status check_type(const Target& target, Value& object) {
  const Description& about = target.resource.description();
  const std::string kind = object.at("kind").string_or(about.kind);
  const std::string version = object.at("apiVersion").string_or("v1");
  if (kind != about.kind || version != "v1") {
    return fail(Code::invalid_argument, fmt::format("the object provided is {} {}, but {} takes v1 {}", version, kind,
                                                    about.plural, about.kind));
  }
  const Value& metadata = object.at("metadata");
  if (!metadata.is_null() && !metadata.is_object()) return fail(Code::invalid_argument, "metadata is not an object");
  for (const char* map : {"labels", "annotations"}) {
    const Value& entries = metadata.at(map);
    if (!entries.is_null() && !entries.is_object())
      return fail(Code::invalid_argument, fmt::format("metadata.{} is not a map of strings", map));
    for (const auto& [key, value] : entries.members()) {
      if (!value.is_string())
        return fail(Code::invalid_argument, fmt::format("metadata.{}.{} is not a string", map, key));
    }
  }
  const std::string name_space = metadata.at("namespace").string_or(target.name_space);
  if (about.namespaced && name_space != target.name_space) {
    return fail(Code::invalid_argument,
                fmt::format("the namespace of the provided object does not match the namespace sent on the request"));
  }
  object.set("apiVersion", "v1").set("kind", about.kind);
  object.child("metadata").erase("managedFields");
  if (about.namespaced) object.child("metadata").set("namespace", target.name_space);
  return {};
}

net::Response answer(int status, const Value& value, const std::vector<std::string>& warnings) {
  net::Response response = object(status, value);
  for (const auto& warning : warnings)
    response.headers.add("Warning", fmt::format("299 - \"{}\"", replace_all(warning, "\"", "\\\"")));
  return response;
}

// The change of an object that is there, from the client's idea of it.
Result<Value> changed(const Target& target, const Value& present, Value wanted) {
  MR_TRY(check_type(target, wanted));
  const Value& old = present.at("metadata");
  Value& metadata = wanted.child("metadata");
  const std::string name = old.at("name").string_or();
  if (metadata.at("name").string_or(name) != name) {
    return fail(Code::invalid_argument, "the name of the object does not match the name on the URL");
  }
  const std::string version = metadata.at("resourceVersion").string_or();
  if ((!version.empty() && version != old.at("resourceVersion").string_or()) ||
      metadata.at("uid").string_or(old.at("uid").string_or()) != old.at("uid").string_or()) {
    return fail(
        Code::aborted,
        fmt::format("Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your "
                    "changes to the latest version and try again",
                    target.resource.description().plural, name));
  }
  for (const char* kept : {"name", "uid", "creationTimestamp"}) metadata.set(kept, old.at(kept));
  for (const char* map : {"labels", "annotations"}) {
    if (metadata.at(map).is_null() || metadata.at(map).empty()) metadata.erase(map);
  }
  metadata.erase("generateName");
  MR_TRY(target.resource.admit(wanted, &present));
  return wanted;
}

ObjectName object_name(const Target& target, const std::string& name) {
  return {target.resource.description().plural, target.name_space, name};
}

}  // namespace

Result<net::Response> create(const Target& target, net::Request& request) {
  Value wanted = MR_TRY(read_object(request));
  const bool dry = MR_TRY(dry_run(request));
  std::vector<std::string> warnings;
  MR_TRY(check_fields(target, request, wanted, warnings));
  MR_TRY(check_type(target, wanted));
  if (target.resource.description().namespaced) MR_TRY(target.store.get({"namespaces", "", target.name_space}));
  Value& metadata = wanted.child("metadata");
  if (!metadata.at("resourceVersion").string_or().empty()) {
    return fail(Code::invalid_argument, "resourceVersion should not be set on objects to be created");
  }
  std::string name = metadata.at("name").string_or();
  if (name.empty() && !metadata.at("generateName").string_or().empty()) {
    name = metadata.at("generateName").string_or() + random_string(5, kGeneratedNameAlphabet);
  }
  if (name.empty()) {
    return fail(Code::invalid_argument,
                fmt::format("{} \"\" is invalid: metadata.name: Required value: name or generateName is required",
                            target.resource.description().kind),
                "Invalid");
  }
  metadata.set("name", name);
  metadata.set("uid", uuid4());
  metadata.set("creationTimestamp", format_rfc3339(target.clock.now()));
  MR_TRY(target.resource.admit(wanted, nullptr));
  if (!dry) wanted = MR_TRY(target.store.insert(object_name(target, name), wanted));
  return answer(201, wanted, warnings);
}

Result<net::Response> replace(const Target& target, net::Request& request) {
  Value wanted = MR_TRY(read_object(request));
  const bool dry = MR_TRY(dry_run(request));
  std::vector<std::string> warnings;
  MR_TRY(check_fields(target, request, wanted, warnings));
  const Value stored = MR_TRY(target.store.update(
      object_name(target, target.name), [&](const Value& present) { return changed(target, present, wanted); }, dry));
  return answer(200, stored, warnings);
}

Result<net::Response> patch(const Target& target, net::Request& request) {
  const std::string type = media_type(request);
  const bool dry = MR_TRY(dry_run(request));
  const Value patch = MR_TRY(parse_json(MR_TRY(read_body(request))));
  std::vector<std::string> warnings;
  const auto change = [&](const Value& present) -> Result<Value> {
    Value wanted = MR_TRY(apply_patch(present, type, patch));
    if (!wanted.is_object()) return fail(Code::invalid_argument, "the patched object is not an object");
    MR_TRY(check_fields(target, request, wanted, warnings));
    return changed(target, present, std::move(wanted));
  };
  return answer(200, MR_TRY(target.store.update(object_name(target, target.name), change, dry)), warnings);
}

Result<net::Response> erase(const Target& target, net::Request& request) {
  Value options = Value::object();
  const std::string text = MR_TRY(read_body(request));
  if (!text.empty()) options = MR_TRY(parse_object(request, text));
  const bool dry = MR_TRY(dry_run(request)) || !options.at("dryRun").empty();
  const auto check = [&](const Value& present) -> Result<Value> {
    for (const char* field : {"uid", "resourceVersion"}) {
      const std::string wanted = options.at("preconditions").at(field).string_or();
      if (!wanted.empty() && wanted != present.at("metadata").at(field).string_or()) {
        return fail(Code::aborted, fmt::format("Precondition failed: {} in precondition: {}, {} in object meta: {}",
                                               field, wanted, field, present.at("metadata").at(field).string_or()));
      }
    }
    MR_TRY(target.resource.may_delete(present));
    return present;
  };
  const Value gone = MR_TRY(target.store.erase(object_name(target, target.name), check, dry));
  const Description& about = target.resource.description();
  if (!about.namespaced && !dry) MR_TRY(target.store.erase_namespace(target.name));
  return object(200, Value::object({{"kind", "Status"},
                                    {"apiVersion", "v1"},
                                    {"metadata", Value::object()},
                                    {"status", "Success"},
                                    {"details", Value::object({{"name", target.name},
                                                               {"kind", about.plural},
                                                               {"uid", gone.at("metadata").at("uid")}})}}));
}

}  // namespace millrace::kube
