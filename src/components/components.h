#pragma once
// The SageMaker components as published (same arguments, outputs, calls and log lines), as native AWS clients: what
// runs in place of the image public.ecr.aws/kubeflow-on-aws/aws-sagemaker-kfp-components.

#include <optional>
#include <string>
#include <vector>

namespace millrace::components {

// argv for a known image and command line ("python3 train/src/sagemaker_train_component.py --region …"), led by
// `executable component train …`; nullopt when the image or the script is not ours.
std::optional<std::vector<std::string>> native_command(const std::string& executable, const std::string& image,
                                                       const std::vector<std::string>& command_line);

// `millrace component <name> --region … --<output>_output_path FILE …`. Returns the exit code.
int component_main(const std::vector<std::string>& arguments);

}  // namespace millrace::components
