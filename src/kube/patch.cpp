#include "kube/patch.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "base/strings.h"
#include "kube/refusal.h"

namespace millrace::kube {
namespace {

// --- merge patches ---

void merge(Value& target, const Value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = Value::object();
  for (const auto& [key, value] : patch.as_object()) {
    if (value.is_null()) {
      target.erase(key);
    } else {
      merge(target.child(key), value);
    }
  }
}

Status merge_strategically(Value& target, const Value& patch);

// finalizers: a set of strings. ownerReferences: a map by uid.
Status merge_list(Value& target, std::string_view key, const Value& patch) {
  if (!target.is_array()) target = Value::array();
  for (const Value& item : patch.as_array()) {
    if (!item.is_object()) {
      if (std::ranges::find(target.as_array(), item) == target.as_array().end()) target.push(item);
      continue;
    }
    if (key != "ownerReferences") {
      return fail(Code::invalid_argument, fmt::format("no merge key is known for the list \"{}\"", key));
    }
    auto& items = target.as_array();
    const auto found = std::ranges::find_if(items, [&](const Value& old) { return old.at("uid") == item.at("uid"); });
    if (item.at("$patch").string_or() == "delete") {
      if (found != items.end()) items.erase(found);
    } else if (found == items.end()) {
      items.push_back(item);
    } else {
      MR_TRY(merge_strategically(*found, item));
    }
  }
  return {};
}

Status merge_strategically(Value& target, const Value& patch) {
  if (!target.is_object()) target = Value::object();
  const std::string directive = patch.at("$patch").string_or();
  if (directive == "replace" || directive == "delete") {
    target = Value::object();
    if (directive == "delete") return {};
  } else if (!directive.empty() && directive != "merge") {
    return fail(Code::invalid_argument, fmt::format("unknown patch type: {}", directive));
  }
  for (const auto& [key, value] : patch.as_object()) {
    if (key == "$patch" || key.starts_with("$setElementOrder/")) continue;
    if (key == "$retainKeys") {
      return fail(Code::invalid_argument, "the patch directive $retainKeys is not for this kind of object");
    }
    if (key.starts_with("$deleteFromPrimitiveList/")) {
      Value& list = target.child(key.substr(key.find('/') + 1));
      if (!list.is_array()) list = Value::array();
      const Value::Array& gone = value.items();
      std::erase_if(list.as_array(), [&](const Value& item) { return std::ranges::find(gone, item) != gone.end(); });
      continue;
    }
    if (value.is_null()) {
      target.erase(key);
    } else if (value.is_object()) {
      MR_TRY(merge_strategically(target.child(key), value));
    } else if (value.is_array()) {
      MR_TRY(merge_list(target.child(key), key, value));
    } else {
      target.set(key, value);
    }
  }
  return {};
}

// --- JSON Patch ---

std::vector<std::string> pointer_parts(std::string_view pointer) {
  std::vector<std::string> parts;
  for (const auto part : split(pointer.substr(1), '/')) {
    parts.push_back(replace_all(replace_all(std::string(part), "~1", "/"), "~0", "~"));
  }
  return parts;
}

std::optional<std::size_t> index_in(const Value& array, std::string_view part, bool may_append) {
  if (part == "-") return may_append ? std::optional(array.size()) : std::nullopt;
  const auto index = parse_int(part);
  if (!index || *index < 0) return std::nullopt;
  const auto at = static_cast<std::size_t>(*index);
  return at < array.size() + (may_append ? 1 : 0) ? std::optional(at) : std::nullopt;
}

Value* find_at(Value& root, const std::vector<std::string>& parts, std::size_t count) {
  Value* value = &root;
  for (std::size_t i = 0; i < count && value != nullptr; ++i) {
    if (value->is_array()) {
      const auto index = index_in(*value, parts[i], false);
      value = index ? &value->as_array()[*index] : nullptr;
    } else {
      value = value->find(parts[i]);
    }
  }
  return value;
}

// A patch that cannot be carried out: an answer of 422 that clients take for a fault of the request. An API server does
// not say which operation it was (NewGenericServerResponse in apimachinery), so its clients' sentence is this one.
Error cannot_patch() {
  return refusal(Code::invalid_argument, "Invalid", "the server rejected our request due to an error in our request",
                 Value::object());
}

Status put_at(Value& root, const std::string& pointer, const Value& value) {
  const auto parts = pointer_parts(pointer);
  Value* parent = find_at(root, parts, parts.size() - 1);
  if (parent == nullptr) return fail(cannot_patch());
  if (!parent->is_array()) {
    if (!parent->is_object()) return fail(cannot_patch());
    parent->set(parts.back(), value);
    return {};
  }
  const auto index = index_in(*parent, parts.back(), true);
  if (!index) return fail(cannot_patch());
  parent->as_array().insert(parent->as_array().begin() + static_cast<std::ptrdiff_t>(*index), value);
  return {};
}

Result<Value> take_at(Value& root, const std::string& pointer) {
  const auto parts = pointer_parts(pointer);
  Value* parent = find_at(root, parts, parts.size() - 1);
  Value* value = find_at(root, parts, parts.size());
  if (parent == nullptr || value == nullptr) return fail(cannot_patch());
  Value taken = *value;
  if (parent->is_array()) {
    parent->as_array().erase(parent->as_array().begin() +
                             static_cast<std::ptrdiff_t>(*index_in(*parent, parts.back(), false)));
  } else {
    parent->erase(parts.back());
  }
  return taken;
}

Status apply_operation(Value& root, const Value& operation) {
  const std::string op = operation.at("op").string_or();
  const std::string path = operation.at("path").string_or();
  const std::string from = operation.at("from").string_or();
  const bool two_paths = op == "move" || op == "copy";
  if (!path.starts_with('/') || (two_paths && !from.starts_with('/'))) {
    return fail(Code::invalid_argument,
                "each operation of a JSON patch needs a \"path\" (and \"from\") that begins with \"/\"");
  }
  if (op == "add") return put_at(root, path, operation.at("value"));
  if (op == "remove") {
    MR_TRY(take_at(root, path));
    return {};
  }
  if (op == "replace") {
    const auto parts = pointer_parts(path);
    Value* value = find_at(root, parts, parts.size());
    if (value == nullptr) return fail(cannot_patch());
    *value = operation.at("value");
    return {};
  }
  if (op == "test") {
    const auto parts = pointer_parts(path);
    const Value* value = find_at(root, parts, parts.size());
    if (value != nullptr && *value == operation.at("value")) return {};
    return fail(cannot_patch());
  }
  if (op == "move") {
    if (path.starts_with(from + "/")) return fail(cannot_patch());
    return put_at(root, path, MR_TRY(take_at(root, from)));
  }
  if (op == "copy") {
    const auto parts = pointer_parts(from);
    const Value* value = find_at(root, parts, parts.size());
    if (value == nullptr) return fail(cannot_patch());
    return put_at(root, path, Value(*value));
  }
  return fail(Code::invalid_argument, fmt::format("unexpected kind of JSON patch operation: \"{}\"", op));
}

}  // namespace

Result<Value> apply_patch(const Value& object, std::string_view media_type, const Value& patch, bool is_custom) {
  Value result = object;
  if (media_type == "application/json-patch+json") {
    if (!patch.is_array()) return fail(Code::invalid_argument, "a JSON patch is a list of operations");
    if (patch.size() > kMaxPatchOperations) {
      return fail(Code::invalid_argument,
                  fmt::format("the JSON patch has more than {} operations", kMaxPatchOperations),
                  "RequestEntityTooLarge");
    }
    for (const Value& operation : patch.as_array()) MR_TRY(apply_operation(result, operation));
    return result;
  }
  if (!patch.is_object()) return fail(Code::invalid_argument, "a merge patch is an object");
  if (media_type == "application/merge-patch+json") {
    merge(result, patch);
    return result;
  }
  if (media_type == "application/strategic-merge-patch+json" && !is_custom) {
    MR_TRY(merge_strategically(result, patch));
    return result;
  }
  return fail(Code::invalid_argument,
              fmt::format("the body of the request was in an unknown format - accepted media types include: "
                          "application/json-patch+json, application/merge-patch+json, {}application/apply-patch+yaml",
                          is_custom ? "" : "application/strategic-merge-patch+json, "),
              "UnsupportedMediaType");
}

}  // namespace millrace::kube
