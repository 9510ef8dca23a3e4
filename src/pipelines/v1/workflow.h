#pragma once
// Pipelines as the KFP SDK 1.8 compiles them, Argo Workflows, translated into KFP's intermediate representation (IR)
// and its Kubernetes extension. Pure; there is no second engine. Sources: Argo Workflows, docs/fields.md and
// docs/variables.md; kubeflow/pipelines tag 1.8.22, sdk/python/kfp/compiler/{compiler,_op_to_template}.py.
//
// What a template writes to a fixed path (/tmp/outputs/Output/data) and reads from one (/tmp/inputs/text/data) becomes
// a placeholder wherever the path stands in its command, arguments or environment. An output parameter is the text of
// the output artifact of the same name; in the IR no component has a parameter and an artifact of one name.

#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace::pipelines::v1 {

constexpr std::size_t kMaxTemplates = 10'000;
constexpr std::size_t kMaxNesting = 20;  // of templates that call templates; a loop is three levels of a run

// Tasks that only the translation makes: they turn text into an artifact's file, or into the items of a loop.
constexpr std::string_view kFilePrefix = "file-of-", kItemsPrefix = "items-of-";

bool is_workflow(const Value& document);

struct Translated {
  Value spec, platform;  // platform: null where there is nothing to say
};
// Errors: invalid_argument for what is no workflow, unimplemented for what cannot be had here (a resource template,
// side-cars, …); one sentence with line and path ("line 14, spec.templates.flip.container: …").
Result<Translated> translate(const Value& workflow);

// Values of parameters are text in a workflow: anything else as its JSON.
Value text_parameters(const Value& parameters);

}  // namespace millrace::pipelines::v1
