#include "kube/secrets.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::kube {
namespace {

// What a type requires of its data; any one of the keys is enough (Kubernetes, "Types of Secret").
struct TypeRule {
  std::string_view type;
  std::vector<std::string> keys;
  bool all = true;
  bool is_json = false;
  bool not_empty = false;
};
const std::vector<TypeRule>& type_rules() {
  static const std::vector<TypeRule> rules = {
      {"kubernetes.io/dockercfg", {".dockercfg"}, true, true},
      {"kubernetes.io/dockerconfigjson", {".dockerconfigjson"}, true, true},
      {"kubernetes.io/basic-auth", {"username", "password"}, false},
      {"kubernetes.io/ssh-auth", {"ssh-privatekey"}, true, false, true},
      {"kubernetes.io/tls", {"tls.crt", "tls.key"}},
  };
  return rules;
}

// Go's decoder, which the API server uses, passes over line ends.
std::string without_line_ends(std::string text) {
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
  return text;
}

// What a person may not read in a refusal.
constexpr const char* kRedacted = "<secret contents redacted>";

Value secret_cells(const Value& object, Time now) {
  return Value::array({object.at("metadata").at("name"), object.at("type"),
                       static_cast<std::int64_t>(object.at("data").size()), age(object, now)});
}

void check_type_rules(const Value& secret, const std::map<std::string, std::string>& data, FieldErrors& errors) {
  const std::string type = secret.at("type").string_or();
  for (const TypeRule& rule : type_rules()) {
    if (rule.type != type) continue;
    const auto has = [&](const std::string& key) { return data.contains(key); };
    if (!rule.all && std::ranges::any_of(rule.keys, has)) continue;
    for (const auto& key : rule.keys) {
      const auto found = data.find(key);
      if (found == data.end() || (rule.not_empty && found->second.empty())) {
        errors.required(fmt::format("data[{}]", key));
      } else if (rule.is_json) {
        const auto parsed = parse_json(found->second);
        if (!parsed || !parsed->is_object())
          errors.invalid(fmt::format("data[{}]", key), kRedacted, parsed ? "not an object" : parsed.error().message);
      }
    }
  }
  if (type != "kubernetes.io/service-account-token") return;
  constexpr const char* kAccount = "kubernetes.io/service-account.name";
  if (secret.at("metadata").at("annotations").at(kAccount).string_or().empty())
    errors.required(fmt::format("metadata.annotations[{}]", kAccount));
}

void check_change(const Value& object, const Value& present, FieldErrors& errors) {
  if (present.at("type") != object.at("type")) errors.invalid("type", object.at("type"), "field is immutable");
  check_immutable(object, present, {"data"}, errors);
}

Status admit_secret(Value& object, const Value* present, FieldErrors& errors) {
  for (const auto& [key, value] : object.at("stringData").members()) {
    object.child("data").set(key, to_base64(value.string_or()));
  }
  object.erase("stringData");
  std::size_t bytes = 0;
  const auto decoded = MR_TRY(decoded_data(object));
  for (const auto& [key, value] : decoded) {
    check_data_key("data", key, errors);
    bytes += value.size();
    object.child("data").set(key, to_base64(value));
  }
  if (bytes > kMaxSecretBytes) errors.too_long("data", kMaxSecretBytes);
  if (object.at("type").string_or().empty()) object.set("type", "Opaque");
  check_type_rules(object, decoded, errors);
  if (present != nullptr) check_change(object, *present, errors);
  return {};
}

}  // namespace

void check_data_key(const char* map, const std::string& key, FieldErrors& errors) {
  constexpr std::size_t kMaxKeyBytes = 253;
  const std::string field = fmt::format("{}[{}]", map, key);
  const bool known = !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
  if (key.size() > kMaxKeyBytes) errors.invalid(field, key, "must be no more than 253 characters");
  if (!known) {
    errors.invalid(field, key,
                   "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
                   "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')");
  }
  if (key == "." || key == "..") errors.invalid(field, key, fmt::format("must not be '{}'", key));
  if (key.size() > 2 && key.starts_with("..")) errors.invalid(field, key, "must not start with '..'");
}

void check_immutable(const Value& object, const Value& present, const std::vector<const char*>& fields,
                     FieldErrors& errors) {
  constexpr const char* kWhy = "field is immutable when `immutable` is set";
  if (!present.at("immutable").bool_or(false)) return;
  if (!object.at("immutable").bool_or(false)) errors.forbidden("immutable", kWhy);
  for (const char* field : fields) {
    if (object.at(field) != present.at(field)) errors.forbidden(field, kWhy);
  }
}

const Kind& secrets_kind() {
  static const Kind kind{
      .plural = "secrets",
      .singular = "secret",
      .kind = "Secret",
      .schema = "io.k8s.api.core.v1.Secret",
      .selectable_fields = {"type"},
      .columns = {{.name = "Name", .format = "name"}, {.name = "Type"}, {.name = "Data"}, {.name = "Age"}},
      .cells = secret_cells,
      .admit = admit_secret,
  };
  return kind;
}

Result<std::map<std::string, std::string>> decoded_data(const Value& secret) {
  std::map<std::string, std::string> decoded;
  for (const auto& [key, value] : secret.at("data").members()) {
    auto bytes = from_base64(without_line_ends(value.string_or()));
    if (!bytes) {
      return fail(bad_request(
          fmt::format("Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data in \"{}\"", key)));
    }
    decoded[key] = std::move(*bytes);
  }
  return decoded;
}

}  // namespace millrace::kube
