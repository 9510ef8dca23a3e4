#include "kube/config_maps.h"

#include <fmt/core.h>

#include "base/encode.h"
#include "kube/secrets.h"

namespace millrace::kube {
namespace {

Value config_map_cells(const Value& object, Time now) {
  const std::size_t keys = object.at("data").size() + object.at("binaryData").size();
  return Value::array({object.at("metadata").at("name"), static_cast<std::int64_t>(keys), age(object, now)});
}

Status admit_config_map(Value& object, const Value* present, FieldErrors& errors) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : object.at("data").members()) {
    check_data_key("data", key, errors);
    if (object.at("binaryData").has(key))
      errors.invalid(fmt::format("data[{}]", key), key, "duplicate of key present in binaryData");
  }
  for (const auto& [key, value] : object.at("binaryData").members()) check_data_key("binaryData", key, errors);
  for (const auto& [key, value] : MR_TRY(all_data(object))) bytes += value.size();
  if (bytes > kMaxSecretBytes) errors.too_long("[]", kMaxSecretBytes);
  if (present != nullptr) check_immutable(object, *present, {"data", "binaryData"}, errors);
  return {};
}

}  // namespace

const Kind& config_maps_kind() {
  static const Kind kind{
      .plural = "configmaps",
      .singular = "configmap",
      .kind = "ConfigMap",
      .schema = "io.k8s.api.core.v1.ConfigMap",
      .short_names = {"cm"},
      .columns = {{.name = "Name", .format = "name"}, {.name = "Data"}, {.name = "Age"}},
      .cells = config_map_cells,
      .admit = admit_config_map,
  };
  return kind;
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

}  // namespace millrace::kube
