#pragma once
// Argo's tags in text: {{inputs.parameters.x}} and its siblings.
// Source: Argo Workflows, docs/variables.md.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::pipelines::v1 {

struct Tag {
  enum class Kind {
    text,                // no tag: `name` is the text between two of them
    input_parameter,     // name
    input_artifact,      // name
    input_path,          // inputs.artifacts.<name>.path
    output_path,         // outputs.{parameters,artifacts}.<name>.path
    task_parameter,      // task, name
    task_artifact,       // task, name
    workflow_parameter,  // name
    workflow_name,
    workflow_uid,
    workflow_namespace,
    workflow_created,
    workflow_account,
    workflow_title,  // the run's name as it is shown
    workflow_status,
    pod_name,
    item,  // name: the member; empty: the item itself
  };
  Kind kind = Kind::text;
  std::string name, task;
};

// The same for every task of a run, or for the task that runs: needs no input.
bool is_of_the_run(Tag::Kind kind);

using Text = std::vector<Tag>;

// {{…}} that is none of Argo's stays text: programs write such things too. Errors: unimplemented, naming a tag of
// Argo's that has no meaning here; the caller says where.
Result<Text> read_text(std::string_view text);
// Is it one tag and nothing else?
bool is_one_tag(const Text& text);
bool has_tags(const Text& text);

}  // namespace millrace::pipelines::v1
