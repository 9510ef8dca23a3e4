// Settings that a component is given as dsl.TaskConfig, rather than or as well as getting them itself.
// Source: kubeflow/pipelines api/v2alpha1/pipeline_spec.proto (TaskConfigPassthrough), backend/src/v2/driver.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "pipelines/spec/reading.h"

namespace millrace::pipelines::reading {
namespace {

constexpr std::pair<std::string_view, PassedField> kFields[] = {
    {"RESOURCES", PassedField::resources},
    {"ENV", PassedField::environment},
    {"KUBERNETES_AFFINITY", PassedField::affinity},
    {"KUBERNETES_TOLERATIONS", PassedField::tolerations},
    {"KUBERNETES_NODE_SELECTOR", PassedField::node_selector},
    {"KUBERNETES_VOLUMES", PassedField::volumes}};

// Claims and keys; directories that live no longer than the task are nothing to pass on.
bool outlives_the_task(const VolumeMount& mount) { return mount.kind == VolumeMount::Kind::claim; }

// Moves one group of settings, or copies it.
void pass(Executor& from, Executor& to, PassedField field, bool keep) {
  const auto hand = [&](auto member) {
    to.*member = from.*member;
    if (!keep) from.*member = {};
  };
  switch (field) {
    case PassedField::resources:
      return hand(&Executor::resources);
    case PassedField::environment:
      hand(&Executor::environment);
      hand(&Executor::env_from_keys);
      return hand(&Executor::env_from_fields);
    case PassedField::tolerations:
      return hand(&Executor::tolerations);
    case PassedField::affinity:
      to.placement.node_affinity = from.placement.node_affinity;
      to.placement.affinities = from.placement.affinities;
      if (keep) return;
      from.placement.required.clear();
      from.placement.affinities.clear();
      return;
    case PassedField::node_selector:
      to.placement.labels = from.placement.labels;
      to.placement.selectors = from.placement.selectors;
      if (keep) return;
      from.placement.labels.clear();
      from.placement.selectors.clear();
      return;
    case PassedField::volumes:
      to.files_from_keys = from.files_from_keys;
      std::copy_if(from.volumes.begin(), from.volumes.end(), std::back_inserter(to.volumes), outlives_the_task);
      if (keep) return;
      from.files_from_keys.clear();
      std::erase_if(from.volumes, outlives_the_task);
      return;
  }
}

}  // namespace

Result<std::map<PassedField, bool>> parse_passthroughs(const Value& value, const std::string& path) {
  std::map<PassedField, bool> out;
  for (const Value& entry : value.items()) {
    const std::string at = path + ".taskConfigPassthroughs";
    MR_TRY(only_known(entry, at, {"field", "applyToTask"}));
    const std::string name = entry["field"].string_or();
    const auto* known =
        std::find_if(std::begin(kFields), std::end(kFields), [&](const auto& f) { return f.first == name; });
    if (known == std::end(kFields)) return wrong(entry, at, fmt::format("the field \"{}\" is not known", name));
    out[known->second] = entry["applyToTask"].bool_or(false);
  }
  return out;
}

void pass_settings_on(PipelineSpec& pipeline) {
  for (const auto& [name, component] : pipeline.components) {
    const auto found = pipeline.executors.find(component.executor);
    if (component.passed_on.empty() || found == pipeline.executors.end() || found->second.passed_on) continue;
    auto passed = std::make_shared<Executor>();
    for (const auto& [field, keep] : component.passed_on) pass(found->second, *passed, field, keep);
    found->second.passed_on = std::move(passed);
  }
}

}  // namespace millrace::pipelines::reading
