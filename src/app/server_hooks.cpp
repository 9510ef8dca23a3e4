// What pipelines have of the other services: the environment of their steps, Secrets, objects, credentials.

#include "app/artifact_transfer.h"
#include "app/server_impl.h"
#include "app/task_token.h"
#include "aws/origin.h"
#include "components/components.h"

namespace millrace::app {

pipelines::Hooks ServerImpl::hooks() {
  pipelines::Hooks hooks;
  hooks.task_environment = [this](const std::string& run_id,
                                  const std::string& launch_key) -> std::vector<std::pair<std::string, std::string>> {
    return {{"AWS_ENDPOINT_URL", endpoint_},
            {"AWS_REGION", options_.region},
            {"AWS_DEFAULT_REGION", options_.region},
            {aws::kApplicationIdVariable, aws::application_id(run_id)},
            {std::string(kTaskTokenVariable), task_token(key_, launch_key)}};
  };
  hooks.secret = [this](const std::string& name) { return kube_->secret("kubeflow", name); };
  hooks.config_map = [this](const std::string& name) { return kube_->config_map("kubeflow", name); };
  const auto objects = [this](const std::string& run_id) {
    return [this, run_id]() -> Result<std::unique_ptr<s3::Access>> {
      aws::Principal node = MR_TRY(iam_->assume_for_service(node_role_, "ec2.amazonaws.com", "pipelines"));
      node.origin = run_id;
      return s3_->access(*gateway_, std::move(node));
    };
  };
  hooks.look_up = [objects](const std::string& run_id, const std::string& uri) {
    return look_up_artifact(objects(run_id), uri);
  };
  hooks.fetch = [objects](const std::string& run_id, const std::string& uri, const std::filesystem::path& path) {
    return fetch_artifact(objects(run_id), uri, path);
  };
  hooks.store = [objects](const std::string& run_id, const UntrustedTree& tree, const std::string& path,
                          const std::string& uri) { return store_artifact(objects(run_id), tree, path, uri); };
  hooks.node_credentials = [this](const std::string& run_id,
                                  const std::string& key) -> Result<std::vector<std::pair<std::string, std::string>>> {
    return credentials_->environment(endpoint_, node_role_, "ec2.amazonaws.com", key, run_id);
  };
  hooks.native_image = [executable = own_executable().string()](const std::string& image,
                                                                const std::vector<std::string>& command_line) {
    return components::native_command(executable, image, command_line);
  };
  return hooks;
}

}  // namespace millrace::app
