#include "pipelines/executors/rights.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::string_view kKeyVariable = "AWS_ACCESS_KEY_ID";

struct Names {
  std::string_view what, member;
  std::set<std::string> Rights::* set;
};
constexpr std::array<Names, 3> kNames = {{{"secret", "secrets", &Rights::secrets},
                                          {"config map", "config_maps", &Rights::config_maps},
                                          {"persistent volume claim", "claims", &Rights::claims}}};
const Names& names_of(Named kind) { return kNames[static_cast<std::size_t>(kind)]; }

// Each Secret, config map and claim that the pipeline names.
template <class Visit>
void each_name(const PipelineSpec& pipeline, Visit visit) {
  for (const auto& [label, executor] : pipeline.executors) {
    for (const KeysAsEnv& keys : executor.env_from_keys)
      visit(keys.secret ? Named::secret : Named::config_map, keys.name);
    for (const KeysAsFiles& keys : executor.files_from_keys)
      visit(keys.secret ? Named::secret : Named::config_map, keys.name);
    for (const VolumeMount& volume : executor.volumes) {
      if (volume.kind == VolumeMount::Kind::claim) visit(Named::claim, volume.claim);
    }
  }
}

void add_texts(const Value& value, std::set<std::string>& texts) {
  if (value.is_string()) texts.insert(value.as_string());
  for (const auto& [name, member] : value.members()) add_texts(member, texts);
  for (const Value& item : value.items()) add_texts(item, texts);
}

bool brings_keys(const Executor& executor) {
  const auto is_key = [](const std::string& name) { return name == kKeyVariable; };
  const bool plain = std::any_of(executor.environment.begin(), executor.environment.end(),
                                 [&](const auto& entry) { return is_key(entry.first); });
  return plain || std::any_of(executor.env_from_keys.begin(), executor.env_from_keys.end(), [&](const KeysAsEnv& keys) {
           return std::any_of(keys.key_to_variable.begin(), keys.key_to_variable.end(),
                              [&](const auto& entry) { return is_key(entry.second); });
         });
}

tl::unexpected<Error> refused(Named kind, const std::string& name) {
  return fail(Code::permission_denied,
              fmt::format("the run may not use the {} \"{}\": a step of another run has started it, and that run's "
                          "pipeline was not given it",
                          names_of(kind).what, name));
}

Value list(const auto& texts) {
  Value out = Value::array();
  for (const std::string& text : texts) out.push(text);
  return out;
}

}  // namespace

bool Rights::descends_from(std::string_view run_id) const {
  return std::find(runs.begin(), runs.end(), run_id) != runs.end();
}

Value to_value(const Rights& rights) {
  Value out = Value::object({{"runs", list(rights.runs)},
                             {"service_account", rights.service_account},
                             {"pipeline_root", rights.pipeline_root},
                             {"node_role", rights.node_role}});
  for (const Names& names : kNames) out.set(names.member, list(rights.*names.set));
  return out;
}

Rights rights_from(const Value& value) {
  Rights rights;
  for (const Value& run : value["runs"].items()) rights.runs.push_back(run.string_or());
  rights.service_account = value["service_account"].string_or();
  rights.pipeline_root = value["pipeline_root"].string_or();
  rights.node_role = value["node_role"].bool_or(false);
  for (const Names& names : kNames) {
    for (const Value& name : value[names.member].items()) (rights.*names.set).insert(name.string_or());
  }
  return rights;
}

Rights rights_for_children(const PipelineSpec& pipeline, const Parent& parent, const Rights* own) {
  Rights rights;
  std::set<std::string> texts;
  add_texts(parent.parameters, texts);
  each_name(pipeline, [&](Named kind, const Setting& setting) {
    auto& names = rights.*names_of(kind).set;
    if (setting.source < 0)
      names.insert(setting.value.string_or());
    else
      names.insert(texts.begin(), texts.end());
  });
  rights.service_account = parent.service_account;
  rights.pipeline_root = parent.pipeline_root;
  rights.node_role = std::any_of(pipeline.executors.begin(), pipeline.executors.end(), [](const auto& entry) {
    return !entry.second.importer && !brings_keys(entry.second);
  });
  if (own != nullptr) {
    for (const Names& names : kNames)
      std::erase_if(rights.*names.set, [&](const std::string& name) { return !(own->*names.set).contains(name); });
    rights.node_role = rights.node_role && own->node_role;
    rights.runs = own->runs;
  }
  rights.runs.push_back(parent.id);
  return rights;
}

Status check_rights(const Rights& rights, const PipelineSpec& pipeline) {
  Status status;
  each_name(pipeline, [&](Named kind, const Setting& setting) {
    if (status && setting.source < 0) status = check_named(&rights, kind, setting.value.string_or());
  });
  return status;
}

Status check_named(const Rights* rights, Named kind, const std::string& name) {
  if (rights == nullptr || (rights->*names_of(kind).set).contains(name)) return {};
  return refused(kind, name);
}

Status check_import(const Rights* rights, const std::string& run_id, std::string_view uri) {
  if (rights == nullptr) return {};
  const bool allowed = uri.starts_with("s3://")
                           ? rights->node_role
                           : is_artifact_of(uri, run_id) ||
                                 std::any_of(rights->runs.begin(), rights->runs.end(),
                                             [&](const std::string& run) { return is_artifact_of(uri, run); });
  if (allowed) return {};
  return fail(Code::permission_denied,
              fmt::format("the run may not import {}: a step of another run has started it, and it may read the "
                          "artifacts of that run, and of those that this one descends from, only",
                          uri));
}

Status check_stores(const Rights* rights, const Value& artifacts) {
  if (rights == nullptr || rights->node_role) return {};
  for (const auto& [name, of_output] : artifacts.members()) {
    for (const Value& artifact : of_output["artifacts"].items()) {
      if (artifact["uri"].string_or().starts_with("s3://"))
        return fail(Code::permission_denied,
                    fmt::format("the artifact {} may not be brought to S3: a step of another run has started this one, "
                                "and that run has no role for it",
                                name));
    }
  }
  return {};
}

bool is_artifact_of(std::string_view uri, std::string_view run_id) {
  const std::size_t scheme = uri.find("://");
  if (run_id.empty() || scheme == std::string_view::npos) return false;
  const auto parts = split(uri.substr(scheme + 3), '/');
  return std::find(parts.begin(), parts.end(), run_id) != parts.end() &&
         std::find(parts.begin(), parts.end(), "..") == parts.end();
}

}  // namespace millrace::pipelines::executors
