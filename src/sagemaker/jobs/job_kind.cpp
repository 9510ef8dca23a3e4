#include "sagemaker/jobs/job_kind.h"

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "sagemaker/jobs/container.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kMaxMessage = 4096;

}  // namespace

Error cannot_assume(std::string_view role_arn) {
  return Error(Code::invalid_argument,
               fmt::format("Could not assume role {}. Please ensure that the role exists and allows principal '{}' to "
                           "assume the role.",
                           role_arn, kServicePrincipal),
               "ValidationException");
}

Result<std::unique_ptr<s3::Access>> Dependencies::access_as(const std::string& role_arn,
                                                            const std::string& origin) const {
  auto principal = iam.assume_for_service(role_arn, kServicePrincipal, "SageMaker");
  if (!principal) {
    const bool refused = principal.error().code == Code::permission_denied ||
                         principal.error().code == Code::not_found || principal.error().code == Code::invalid_argument;
    return fail(refused ? cannot_assume(role_arn) : principal.error());
  }
  principal->origin = origin;
  return s3.access(gateway, std::move(*principal));
}

Result<std::vector<std::pair<std::string, std::string>>> role_variables(const Dependencies& dependencies,
                                                                        const Resource& job,
                                                                        const std::string& role_arn,
                                                                        std::chrono::seconds lifetime) {
  if (dependencies.options.role_environment) return dependencies.options.role_environment(role_arn, job.name);
  // sts:AssumeRole's bounds.
  lifetime = std::clamp<std::chrono::seconds>(lifetime, std::chrono::minutes(15), std::chrono::hours(12));
  const auto keys = dependencies.iam.issue_session(role_arn, kServicePrincipal, job.name, lifetime, job.origin());
  if (!keys) return fail(cannot_assume(role_arn));
  return std::vector<std::pair<std::string, std::string>>{
      {"AWS_ACCESS_KEY_ID", keys->credentials.access_key_id},
      {"AWS_SECRET_ACCESS_KEY", keys->credentials.secret_access_key},
      {"AWS_SESSION_TOKEN", keys->credentials.session_token}};
}

std::vector<std::filesystem::path> hidden_of(const Options& options) {
  std::vector<std::filesystem::path> hidden = options.hidden;
  hidden.push_back(options.directory);
  return hidden;
}

std::string JobKind::failure(const std::filesystem::path& directory) const {
  const auto tree = open_opt_ml(directory / "ml");
  return tree ? cut_reason(output_text(*tree, "output/failure", kMaxMessage)) : std::string();
}

Value JobKind::closing_members(const std::filesystem::path&) const { return Value::object(); }

work::Workload worker_spec(const Options& options, std::vector<std::string> arguments) {
  work::Workload spec;
  spec.command = {options.executable.string(), "worker"};
  for (auto& argument : arguments) spec.command.push_back(std::move(argument));
  spec.environment = {{"PATH", std::string(kProgramPath)}, {"LANG", "C.UTF-8"}, {"HOME", "/nonexistent"}};
  return spec;
}

Result<std::vector<UntrustedTree>> open_hosts(const Resource& job, const std::filesystem::path& directory) {
  std::vector<UntrustedTree> trees;
  for (std::size_t host = hosts_of(job); host >= 1; --host) {
    trees.push_back(MR_TRY(open_opt_ml(host_directory(directory, host) / "ml")));
  }
  return trees;
}

}  // namespace millrace::sagemaker
