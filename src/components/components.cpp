#include "components/components.h"

#include <algorithm>
#include <memory>

#include <fmt/core.h>

#include "base/strings.h"
#include "base/time.h"
#include "components/component.h"
#include "components/run.h"

namespace millrace::components {
namespace {

// The images the components have been published under, without registry and tag.
constexpr std::string_view kRepositories[] = {"kubeflow-on-aws/aws-sagemaker-kfp-components",
                                              "amazon/aws-sagemaker-kfp-components"};

struct Published {
  std::string_view name;  // the folder of its script, and its name on our command line
  std::string_view file;
  std::unique_ptr<Component> (*make)();
};
constexpr Published kPublished[] = {
    {"process", "sagemaker_process_component.py", process_component},
    {"hyperparameter_tuning", "sagemaker_tuning_component.py", hyperparameter_tuning_component},
    {"train", "sagemaker_training_component.py", train_component},
    {"model", "sagemaker_model_component.py", model_component},
    {"deploy", "sagemaker_deploy_component.py", deploy_component},
    {"batch_transform", "sagemaker_transform_component.py", batch_transform_component},
    {"ground_truth", "sagemaker_ground_truth_component.py", ground_truth_component},
    {"workteam", "sagemaker_workteam_component.py", workteam_component},
    {"rlestimator", "sagemaker_rlestimator_component.py", rlestimator_component},
    {"create_simulation_app", "robomaker_create_simulation_app_component.py", create_simulation_app_component},
    {"delete_simulation_app", "robomaker_delete_simulation_app_component.py", delete_simulation_app_component},
    {"simulation_job", "robomaker_simulation_job_component.py", simulation_job_component},
    {"simulation_job_batch", "robomaker_simulation_job_batch_component.py", simulation_job_batch_component},
    {"DataQualityJobDefinition", "DataQualityJobDefinition_component.py", data_quality_resource},
    {"Endpoint", "Endpoint_component.py", endpoint_resource},
    {"EndpointConfig", "EndpointConfig_component.py", endpoint_config_resource},
    {"ModelBiasJobDefinition", "ModelBiasJobDefinition_component.py", model_bias_resource},
    {"ModelExplainabilityJobDefinition", "ModelExplainabilityJobDefinition_component.py",
     model_explainability_resource},
    {"ModelQualityJobDefinition", "ModelQualityJobDefinition_component.py", model_quality_resource},
    {"Modelv2", "Model_component.py", model_resource},
    {"MonitoringSchedule", "MonitoringSchedule_component.py", monitoring_schedule_resource},
    {"TrainingJob", "TrainingJob_component.py", training_job_resource},
};

bool is_known_image(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const std::size_t slash = image.rfind('/');
  if (const std::size_t colon = image.rfind(':'); colon != std::string_view::npos && colon > slash) {
    image = image.substr(0, colon);
  }
  return std::ranges::any_of(kRepositories, [&](std::string_view repository) {
    return image == repository || (image.ends_with(repository) && image[image.size() - repository.size() - 1] == '/');
  });
}

const Published* published_script(std::string_view word) {
  for (const Published& published : kPublished) {
    const std::string script = fmt::format("{}/src/{}", published.name, published.file);
    if (word == script || word.ends_with("/" + script)) return &published;
  }
  return nullptr;
}

std::string all_names() {
  std::vector<std::string> names;
  for (const Published& published : kPublished) {
    names.emplace_back(published.name);
  }
  return join(names, ", ");
}

}  // namespace

std::optional<std::vector<std::string>> native_command(const std::string& executable, const std::string& image,
                                                       const std::vector<std::string>& command_line) {
  if (!is_known_image(image)) return std::nullopt;
  for (std::size_t i = 0; i < command_line.size() && !command_line[i].starts_with("--"); ++i) {
    const Published* published = published_script(command_line[i]);
    if (published == nullptr) continue;
    std::vector<std::string> native = {executable, "component", std::string(published->name)};
    native.insert(native.end(), command_line.begin() + static_cast<std::ptrdiff_t>(i) + 1, command_line.end());
    return native;
  }
  return std::nullopt;
}

Result<std::unique_ptr<Component>> component_named(std::string_view name) {
  const auto* published = std::ranges::find(kPublished, name, &Published::name);
  if (published == std::end(kPublished)) {
    return fail(Code::invalid_argument,
                fmt::format("{} is not a component; there are {}.", name.empty() ? "Nothing" : name, all_names()));
  }
  return published->make();
}

int component_main(const std::vector<std::string>& arguments) {
  const auto component = component_named(arguments.empty() ? std::string_view() : std::string_view(arguments[0]));
  if (!component) {
    fmt::print(stderr, "{}\n", component.error().message);
    return 1;
  }
  return run(**component, {arguments.begin() + 1, arguments.end()}, process_environment(), SystemClock());
}

}  // namespace millrace::components
