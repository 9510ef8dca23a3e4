#pragma once
// The model registry: groups of versions of a model, and packages that belong to no group.
//
// A package's resource is called "<group>/<version>", or by its own name, as its ARN ends.

#include <string>
#include <string_view>

#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

// What a member that takes a name or an ARN names: the part of an ARN behind its kind.
std::string name_or_end_of_arn(const Value& given);

// Makes a model's container of the package that it names: the package's image, data and environment, as far as the
// container has none of its own. Error: ValidationException.
Status resolve_package(Ops& ops, Value& container);

// For a model package's ARN: the condition keys of what it is now (sagemaker:CurrentModelLifeCycleStage and the like).
Status add_package_keys(Store& store, const std::string& arn, std::vector<std::pair<std::string, std::string>>& keys);

aws::Operation create_model_package_group(Ops& ops);
aws::Operation create_model_package(Ops& ops);
aws::Operation update_model_package(Ops& ops);
aws::Operation list_model_packages(Ops& ops);

}  // namespace millrace::sagemaker
