#pragma once
// A task's `when`, as Argo evaluates it once the tags are replaced, as a condition of the IR.
//
//   "{{tasks.flip.outputs.parameters.flip-Output}}" == "heads"      text, because it is quoted
//   {{inputs.parameters.n}} > 3                                     numbers
//
// Source: Argo Workflows, workflow/controller (shouldExecute): unquoted words are text, unquoted numbers numbers.

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "pipelines/v1/tags.h"

namespace millrace::pipelines::v1 {

// `input` makes an input of the task for a tag and gives its name. Errors: invalid_argument, one sentence.
Result<std::string> translate_when(std::string_view when,
                                   const std::function<Result<std::string>(const Tag& tag)>& input);

}  // namespace millrace::pipelines::v1
