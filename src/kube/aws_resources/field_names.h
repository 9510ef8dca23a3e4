#pragma once
// How AWS's names of members are written in custom resources: initialisms in capitals, the first word in lower case
// ("KmsKeyId": "kmsKeyID", "S3Uri": "s3URI"). Source: github.com/aws-controllers-k8s/code-generator, pkg/names,
// compared with every member of the resources' published definitions.

#include <string>
#include <string_view>

namespace millrace::kube {

std::string resource_field(std::string_view aws_member);

}  // namespace millrace::kube
