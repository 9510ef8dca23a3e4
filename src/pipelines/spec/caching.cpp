#include "pipelines/spec/caching.h"

namespace millrace::pipelines {
namespace {

template <class Change>
void change_members(Value* object, const Change& change) {
  if (object == nullptr || !object->is_object()) return;
  for (auto& [name, member] : object->as_object()) change(member);
}

void disable_in_component(Value& component) {
  Value* dag = component.find("dag");
  if (dag == nullptr) return;
  change_members(dag->find("tasks"), [](Value& task) {
    if (task.is_object()) task.set("cachingOptions", Value::object());
  });
}

}  // namespace

void disable_caching(Value& pipeline) {
  Value* inner = pipeline.find("pipeline_spec");
  Value& spec = inner != nullptr ? *inner : pipeline;
  if (Value* root = spec.find("root")) disable_in_component(*root);
  change_members(spec.find("components"), disable_in_component);
}

}  // namespace millrace::pipelines
