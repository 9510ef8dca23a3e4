#include "kube/config_maps.h"

#include <fmt/core.h>

#include "base/encode.h"
#include "kube/secrets.h"

namespace millrace::kube {
namespace {

tl::unexpected<Error> invalid(const Value& object, std::string_view what) {
  return fail(Code::invalid_argument,
              fmt::format("ConfigMap \"{}\" is invalid: {}", object.at("metadata").at("name").string_or(), what),
              "Invalid");
}

}  // namespace

const Description& ConfigMaps::description() const {
  static const Description description{
      .plural = "configmaps",
      .singular = "configmap",
      .kind = "ConfigMap",
      .short_names = {"cm"},
      .categories = {},
      .namespaced = true,
      .writable = true,
      .properties = {"binaryData", "data", "immutable"},
      .selectable_fields = {"metadata.name", "metadata.namespace"},
      .columns = {{.name = "Name", .format = "name"}, {.name = "Data"}},
  };
  return description;
}

Value ConfigMaps::cells(const Value& object, Time now) const {
  const std::size_t keys = object.at("data").size() + object.at("binaryData").size();
  return Value::array({object.at("metadata").at("name"), static_cast<std::int64_t>(keys), age(object, now)});
}

Result<std::map<std::string, std::string>> all_data(const Value& config_map) {
  std::map<std::string, std::string> all;
  for (const auto& [key, value] : config_map.at("data").members()) all[key] = value.string_or();
  for (const auto& [key, value] : config_map.at("binaryData").members()) {
    auto bytes = from_base64(value.string_or());
    if (!bytes) {
      return fail(
          Code::invalid_argument,
          fmt::format("ConfigMap in version \"v1\" cannot be handled as a ConfigMap: illegal base64 data in \"{}\"",
                      key));
    }
    all[key] = std::move(*bytes);
  }
  return all;
}

Status ConfigMaps::admit(Value& object, const Value* present) const {
  if (present == nullptr) MR_TRY(check_subdomain("ConfigMap", object.at("metadata").at("name").string_or()));
  for (const char* field : {"data", "binaryData"}) {
    const Value& data = object.at(field);
    bool texts = data.is_null() || data.is_object();
    for (const auto& [key, value] : data.members()) texts = texts && (value.is_string() || value.is_null());
    if (!texts) {
      return fail(
          Code::invalid_argument,
          fmt::format("ConfigMap in version \"v1\" cannot be handled as a ConfigMap: {} is not a map of strings",
                      field));
    }
  }
  std::size_t bytes = 0;
  for (const auto& [key, value] : MR_TRY(all_data(object))) {
    if (!is_data_key(key)) {
      return invalid(object,
                     fmt::format("data[{}]: Invalid value: \"{}\": a valid config key must consist of alphanumeric "
                                 "characters, '-', '_' or '.'",
                                 key, key));
    }
    bytes += value.size();
  }
  for (const auto& [key, value] : object.at("binaryData").members()) {
    if (object.at("data").has(key))
      return invalid(object,
                     fmt::format("data[{}]: Invalid value: \"{}\": duplicate of key present in binaryData", key, key));
  }
  if (bytes > kMaxSecretBytes)
    return invalid(object, fmt::format("[]: Too long: must have at most {} bytes", kMaxSecretBytes));
  if (present != nullptr && present->at("immutable").bool_or(false) &&
      (!object.at("immutable").bool_or(false) || object.at("data") != present->at("data") ||
       object.at("binaryData") != present->at("binaryData"))) {
    return invalid(object, "data: Forbidden: field is immutable when `immutable` is set");
  }
  return {};
}

}  // namespace millrace::kube
