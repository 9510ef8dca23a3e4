#pragma once
#include <string>
#include <string_view>

#include "base/time.h"

namespace millrace::components {

// "TrainingJob-20260102030405-7GX2": prefix, UTC second, four random capitals and digits; cut from the front to 63
// characters, SageMaker's limit. An empty prefix leaves "20260102030405-7GX2".
std::string generated_name(std::string_view prefix, const Clock& clock);

// "training-job-20260102030405-7gx2", as version 2 makes names: in lower case, cut from the front to 32 characters.
std::string generated_resource_name(std::string_view prefix, const Clock& clock);

}  // namespace millrace::components
