#pragma once
// SageMaker's error codes as errors. Messages are what AWS answers; tools and people match on them.

#include <string>
#include <string_view>

#include "base/result.h"
#include "sagemaker/resource.h"

namespace millrace::sagemaker {

tl::unexpected<Error> validation_error(std::string message);
tl::unexpected<Error> resource_in_use(std::string message);
tl::unexpected<Error> resource_not_found(std::string message);
tl::unexpected<Error> limit_exceeded(std::string message);

// "Could not find …", in the words that this kind's operations use.
Error no_such(Kind kind, std::string_view name, const std::string& arn);
// The name is taken.
Error exists_already(Kind kind, std::string_view name, const std::string& arn);

// A request member that asks for something we do not do: refused, never ignored. Present and empty (null, {}, [], "",
// false) is not asking.
struct Unsupported {
  std::string_view path;      // "HyperParameterTuningJobConfig.StrategyConfig"; "[]" goes into each item of a list
  std::string_view sentence;  // "Warm start is not supported."
};
Status refuse_unsupported(const Value& input, std::initializer_list<Unsupported> table);

}  // namespace millrace::sagemaker
