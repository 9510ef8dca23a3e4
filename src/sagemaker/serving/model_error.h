#pragma once
// A model's own error as AWS words it.

#include <string>

#include "sagemaker/resource.h"
#include "sagemaker/serving/invoker.h"

namespace millrace::sagemaker {

// What it said, as text and cut.
std::string original_message(const InvocationAnswer& answer);
// "Received client error (400) from primary with message "…". See https://… for more information."
std::string model_error_message(const AccountRegion& here, const std::string& endpoint, const InvocationAnswer& answer);

}  // namespace millrace::sagemaker
