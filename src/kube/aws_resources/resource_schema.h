#pragma once
// The schemas of the custom resources, made of the service's model: spec is the Create operation's input, status what
// the Describe operation answers, both with the resources' names of fields. And objects by such a schema: what of them
// is kept, and what is wrong with them.

#include <string>
#include <string_view>

#include "aws/model.h"
#include "base/value.h"
#include "kube/aws_resources/aws_kinds.h"
#include "kube/refusal.h"

namespace millrace::kube {

std::string resource_schema_name(const AwsKind& kind);  // "aws.k8s.services.sagemaker.v1alpha1.TrainingJob"
Value resource_schemas();                               // of all kinds, by name

// Types and required fields below spec and status, in the words of Kubernetes' checks of custom resources.
void check_by_schema(std::string_view schema_name, const Value& object, FieldErrors& errors);

// A value of the service's as a field of a resource, and back. Times are text in a resource, seconds in the service.
Value to_resource(const aws::Shape& shape, const Value& value);
Value from_resource(const aws::Shape& shape, const Value& field);

}  // namespace millrace::kube
