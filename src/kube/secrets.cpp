#include "kube/secrets.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/strings.h"

namespace millrace::kube {
namespace {

// What a type requires of its data; any one of the keys is enough (Kubernetes, "Types of Secret").
struct TypeRule {
  std::string_view type;
  std::vector<std::string> keys;
  bool all = true;
};
const std::vector<TypeRule>& type_rules() {
  static const std::vector<TypeRule> rules = {
      {"kubernetes.io/dockercfg", {".dockercfg"}},
      {"kubernetes.io/dockerconfigjson", {".dockerconfigjson"}},
      {"kubernetes.io/basic-auth", {"username", "password"}, false},
      {"kubernetes.io/ssh-auth", {"ssh-privatekey"}},
      {"kubernetes.io/tls", {"tls.crt", "tls.key"}},
  };
  return rules;
}

// Go's decoder, which the API server uses, passes over line ends.
std::string without_line_ends(std::string text) {
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
  return text;
}

tl::unexpected<Error> invalid(const Value& secret, std::string_view what) {
  return fail(Code::invalid_argument,
              fmt::format("Secret \"{}\" is invalid: {}", secret.at("metadata").at("name").string_or(), what),
              "Invalid");
}

}  // namespace

bool is_data_key(std::string_view key) {
  return !key.empty() && key.size() <= 253 && key != "." && !key.starts_with("..") &&
         std::ranges::all_of(key, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

const Description& Secrets::description() const {
  static const Description description{
      .plural = "secrets",
      .singular = "secret",
      .kind = "Secret",
      .short_names = {},
      .categories = {},
      .namespaced = true,
      .writable = true,
      .properties = {"data", "immutable", "stringData", "type"},
      .selectable_fields = {"metadata.name", "metadata.namespace", "type"},
      .columns = {{.name = "Name", .format = "name"}, {.name = "Type"}, {.name = "Data"}},
  };
  return description;
}

Value Secrets::cells(const Value& object, Time now) const {
  return Value::array({object.at("metadata").at("name"), object.at("type"),
                       static_cast<std::int64_t>(object.at("data").size()), age(object, now)});
}

Result<std::map<std::string, std::string>> decoded_data(const Value& secret) {
  std::map<std::string, std::string> decoded;
  for (const auto& [key, value] : secret.at("data").members()) {
    auto bytes = from_base64(without_line_ends(value.string_or()));
    if (!bytes) {
      return fail(
          Code::invalid_argument,
          fmt::format("Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data in \"{}\"", key));
    }
    decoded[key] = std::move(*bytes);
  }
  return decoded;
}

Status Secrets::admit(Value& object, const Value* present) const {
  if (present == nullptr) MR_TRY(check_subdomain("Secret", object.at("metadata").at("name").string_or()));
  for (const char* field : {"data", "stringData"}) {
    const Value& data = object.at(field);
    if (!data.is_null() && !data.is_object()) {
      return fail(
          Code::invalid_argument,
          fmt::format("Secret in version \"v1\" cannot be handled as a Secret: {} is not a map of strings", field));
    }
    for (const auto& [key, value] : data.members()) {
      if (!value.is_string() && !value.is_null()) {
        return fail(
            Code::invalid_argument,
            fmt::format("Secret in version \"v1\" cannot be handled as a Secret: {}.{} is not a string", field, key));
      }
    }
  }
  for (const auto& [key, value] : object.at("stringData").members()) {
    object.child("data").set(key, to_base64(value.string_or()));
  }
  object.erase("stringData");
  std::size_t bytes = 0;
  const auto decoded = MR_TRY(decoded_data(object));
  for (const auto& [key, value] : decoded) {
    if (!is_data_key(key)) {
      return invalid(object,
                     fmt::format("data[{}]: Invalid value: \"{}\": a valid config key must consist of alphanumeric "
                                 "characters, '-', '_' or '.'",
                                 key, key));
    }
    bytes += value.size();
    object.child("data").set(key, to_base64(value));
  }
  if (bytes > kMaxSecretBytes) {
    return invalid(object, fmt::format("data: Too long: must have at most {} bytes", kMaxSecretBytes));
  }
  if (object.at("type").string_or().empty()) object.set("type", "Opaque");
  const std::string type = object.at("type").string_or();
  for (const TypeRule& rule : type_rules()) {
    if (rule.type != type) continue;
    const auto has = [&](const std::string& key) { return decoded.contains(key); };
    if (rule.all ? !std::ranges::all_of(rule.keys, has) : !std::ranges::any_of(rule.keys, has)) {
      return invalid(object, fmt::format("data: Required value: a secret of type {} needs {}", type,
                                         join(rule.keys, rule.all ? " and " : " or ")));
    }
  }
  if (present == nullptr) return {};
  if (present->at("type") != object.at("type"))
    return invalid(object, fmt::format("type: Invalid value: \"{}\": field is immutable", type));
  if (present->at("immutable").bool_or(false) &&
      (!object.at("immutable").bool_or(false) || object.at("data") != present->at("data"))) {
    return invalid(object, "data: Forbidden: field is immutable when `immutable` is set");
  }
  return {};
}

}  // namespace millrace::kube
