#include "kube/managed_fields.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include <fmt/core.h>

#include "base/strings.h"
#include "kube/field_set.h"
#include "kube/schema.h"

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxUpdaters = 10;  // beyond it the oldest become one

struct Owner {
  std::string manager, operation, api_version, time;
  FieldSet fields;
  bool is(const std::string& name, std::string_view what) const { return manager == name && operation == what; }
};
using Owners = std::vector<Owner>;

Owners owners_of(const Value& object) {
  Owners owners;
  for (const Value& entry : object.at("metadata").at("managedFields").items()) {
    if (entry.at("operation").string_or().empty()) continue;
    owners.push_back({entry.at("manager").string_or(), entry.at("operation").string_or(),
                      entry.at("apiVersion").string_or(), entry.at("time").string_or(),
                      from_fields_v1(entry.at("fieldsV1"))});
  }
  return owners;
}

void put_owners(Value& object, Owners owners) {
  std::erase_if(owners, [](const Owner& owner) { return owner.fields.empty(); });
  std::ranges::sort(owners, {}, [](const Owner& owner) {
    return std::tuple(owner.operation, owner.time, owner.manager, owner.api_version);
  });
  Value entries = Value::array();
  for (const Owner& owner : owners) {
    entries.push(Value::object({{"manager", owner.manager},
                                {"operation", owner.operation},
                                {"apiVersion", owner.api_version},
                                {"time", owner.time},
                                {"fieldsType", "FieldsV1"},
                                {"fieldsV1", to_fields_v1(owner.fields)}}));
  }
  object.child("metadata").erase("managedFields");
  if (!entries.empty()) object.child("metadata").set("managedFields", std::move(entries));
}

Owner& owner_named(Owners& owners, const std::string& manager, std::string_view operation, const Kind& kind) {
  for (Owner& owner : owners) {
    if (owner.is(manager, operation)) return owner;
  }
  owners.push_back({manager, std::string(operation), kind.api_version(), "", {}});
  return owners.back();
}

FieldSet names_of(const std::map<FieldPath, Value>& fields) {
  FieldSet names;
  for (const auto& [path, value] : fields) names.insert(path);
  return names;
}

void subtract(FieldSet& from, const FieldSet& what) {
  for (const FieldPath& path : what) from.erase(path);
}

void limit_updaters(Owners& owners, const Kind& kind) {
  constexpr const char* kAncient = "ancient-changes";
  const auto is_update = [](const Owner& owner) { return owner.operation == "Update"; };
  while (static_cast<std::size_t>(std::ranges::count_if(owners, is_update)) > kMaxUpdaters) {
    auto oldest = owners.end();
    for (auto at = owners.begin(); at != owners.end(); ++at) {
      if (is_update(*at) && at->manager != kAncient && (oldest == owners.end() || at->time < oldest->time)) oldest = at;
    }
    const Owner gone = *oldest;
    owners.erase(oldest);
    Owner& ancient = owner_named(owners, kAncient, "Update", kind);
    ancient.fields.insert(gone.fields.begin(), gone.fields.end());
    ancient.time = std::max(ancient.time, gone.time);
  }
}

struct Conflict {
  const Owner* owner;
  FieldPath path;
};

std::string shown(const Owner& owner) {
  std::string text = fmt::format("\"{}\"", owner.manager);
  if (owner.operation != "Update") return text;
  text += " using " + owner.api_version;
  return owner.time.empty() ? text : text + " at " + owner.time;
}

Error refused(const std::vector<Conflict>& conflicts) {
  Value causes = Value::array();
  std::map<std::string, std::vector<std::string>> by_owner;
  for (const Conflict& each : conflicts) {
    const std::string who = shown(*each.owner), path = readable(each.path);
    causes.push(
        Value::object({{"reason", "FieldManagerConflict"}, {"message", "conflict with " + who}, {"field", path}}));
    by_owner[who].push_back(path);
  }
  std::string message;
  if (conflicts.size() == 1) {
    message = fmt::format("Apply failed with 1 conflict: conflict with {}: {}", shown(*conflicts.front().owner),
                          readable(conflicts.front().path));
  } else {
    std::vector<std::string> lines;
    for (const auto& [who, paths] : by_owner) {
      lines.push_back(fmt::format("conflicts with {}:", who));
      for (const auto& path : paths) lines.push_back("- " + path);
    }
    message = fmt::format("Apply failed with {} conflicts: {}", conflicts.size(), join(lines, "\n"));
  }
  return refusal(Code::aborted, "Conflict", std::move(message), Value::object({{"causes", std::move(causes)}}));
}

// Fields of others that `after` would change.
std::vector<Conflict> conflicts_of(const Owners& owners, const std::string& manager, const FieldSet& applied,
                                   const std::map<FieldPath, Value>& before, const std::map<FieldPath, Value>& after) {
  std::vector<Conflict> conflicts;
  for (const Owner& owner : owners) {
    if (owner.is(manager, "Apply")) continue;
    for (const FieldPath& path : owner.fields) {
      if (!applied.contains(path)) continue;
      const auto old = before.find(path), now = after.find(path);
      if (old == before.end() || now == after.end() || old->second != now->second) conflicts.push_back({&owner, path});
    }
  }
  return conflicts;
}

bool owned_by_another(const Owners& owners, const std::string& manager, const FieldPath& path) {
  return std::ranges::any_of(
      owners, [&](const Owner& owner) { return !owner.is(manager, "Apply") && owner.fields.contains(path); });
}

Value without_owners(Value object) {
  object.child("metadata").erase("managedFields");
  return object;
}

}  // namespace

void note_update(const Kind& kind, const Value* present, Value& object, const Writer& writer) {
  Owners owners = owners_of(object);  // a client may set them itself
  const bool reset = !object.at("metadata").at("managedFields").empty();
  if (owners.empty() && present != nullptr && !reset) owners = owners_of(*present);
  const Value& schema = definition(kind.schema);
  const auto before = present == nullptr ? std::map<FieldPath, Value>() : fields_of(schema, *present, true);
  const auto after = fields_of(schema, object, true);
  FieldSet written, gone;
  for (const auto& [path, value] : after) {
    const auto old = before.find(path);
    if (old == before.end() || old->second != value) written.insert(path);
  }
  for (const auto& [path, value] : before) {
    if (!after.contains(path)) gone.insert(path);
  }
  for (Owner& owner : owners) {
    subtract(owner.fields, gone);
    if (!owner.is(writer.manager, "Update")) subtract(owner.fields, written);
  }
  if (!written.empty()) {
    Owner& own = owner_named(owners, writer.manager, "Update", kind);
    own.fields.insert(written.begin(), written.end());
    own.time = format_rfc3339(writer.now);
  }
  limit_updaters(owners, kind);
  put_owners(object, std::move(owners));
}

Result<Value> apply(const Kind& kind, const Value& present, const Value& applied, const Writer& writer, bool force) {
  const Value& schema = definition(kind.schema);
  Owners owners = owners_of(present);
  const auto before = fields_of(schema, present, true);
  if (owners.empty() && !before.empty())
    owners.push_back(
        {"before-first-apply", "Update", kind.api_version(), format_rfc3339(writer.now), names_of(before)});
  const FieldSet wanted = names_of(fields_of(schema, applied, false));
  Value result = present.is_null() ? applied : merged(schema, present, applied);

  FieldSet dropped = owner_named(owners, writer.manager, "Apply", kind).fields;
  const FieldSet previous = dropped;
  subtract(dropped, wanted);
  for (const FieldPath& path : dropped) {
    if (!owned_by_another(owners, writer.manager, path)) remove_field(result, path);
  }
  const auto after = fields_of(schema, result, true);
  const auto conflicts = conflicts_of(owners, writer.manager, wanted, before, after);
  if (!conflicts.empty() && !force) return fail(refused(conflicts));
  FieldSet taken;
  for (const Conflict& each : conflicts) taken.insert(each.path);
  for (Owner& owner : owners) {
    if (owner.is(writer.manager, "Apply")) continue;
    subtract(owner.fields, taken);
    std::erase_if(owner.fields, [&](const FieldPath& path) { return before.contains(path) && !after.contains(path); });
  }
  Owner& own = owner_named(owners, writer.manager, "Apply", kind);
  own.fields = wanted;
  const bool same = !present.is_null() && previous == wanted && without_owners(result) == without_owners(present);
  if (!same || own.time.empty()) own.time = format_rfc3339(writer.now);
  put_owners(result, std::move(owners));
  return result;
}

}  // namespace millrace::kube
