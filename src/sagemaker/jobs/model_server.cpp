#include "sagemaker/jobs/model_server.h"

#include <chrono>
#include <iterator>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "proc/child_user.h"
#include "sagemaker/algorithms/registry.h"
#include "sagemaker/jobs/container.h"
#include "sagemaker/jobs/output_files.h"
#include "sagemaker/serving/script_server_program.h"
#include "sagemaker/serving/sockets.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;
using MountKind = work::Mount::Kind;

constexpr std::uint16_t kPort = 8080;  // on which a container listens; SAGEMAKER_BIND_TO_PORT
constexpr std::string_view kLoopback[] = {"://127.0.0.1:", "://localhost:", "://0.0.0.0:"};
constexpr std::string_view kModels = "/opt/ml/models", kMultiModel = "SAGEMAKER_MULTI_MODEL";
constexpr std::string_view kModel = "/opt/ml/model", kCode = "/opt/ml/code", kCodeOfModel = "/opt/ml/model/code";
constexpr std::string_view kPython = "/usr/bin/python3", kProgramDirectory = "/opt/ml/server",
                           kProgramFile = "server.py";
constexpr std::chrono::hours kSession{12};  // of the role, the longest that there is

// This server as a container with a network of its own reaches it, where it listens for more than loopback.
std::string seen_from_container(std::string url) {
  for (const std::string_view host : kLoopback) {
    if (const std::size_t at = url.find(host); at != std::string::npos)
      return url.replace(at, host.size(), "://host.containers.internal:");
  }
  return url;
}

// As its server sees the artifacts: those of one model, or the folder of many.
std::string_view seen_model(const ServedModel& model) { return model.multi ? kModels : kModel; }

Result<work::Workload> built_in_server(const Dependencies& dependencies, const ServedModel& model,
                                       const ModelPlaces& places) {
  std::vector<std::string> words{"serve", places.model.string(), model.algorithm, std::string(Sockets::kSocketName)};
  if (model.multi) words.emplace_back("multi");
  auto spec = worker_spec(dependencies.options, std::move(words));
  spec.working_directory = places.socket;
  MR_TRY(dependencies.sandbox.contain_worker(spec, {places.socket}, {places.model}, hidden_of(dependencies.options)));
  return spec;
}

Result<work::Workload> container_server(const Dependencies& dependencies, const ServerOwner& owner) {
  const ServedModel& model = owner.model;
  work::Workload spec;
  spec.environment = MR_TRY(role_variables(dependencies, owner.row, model.role_arn, kSession));
  add_aws_variables(spec.environment, dependencies.account_region.region,
                    seen_from_container(dependencies.options.endpoint_url));
  set_variable(spec.environment, "SAGEMAKER_BIND_TO_PORT", std::to_string(kPort));
  for (const auto& [name, value] : variables_of(model.environment)) set_variable(spec.environment, name, value);
  if (model.multi) set_variable(spec.environment, kMultiModel, "true");
  put_in_image(spec, model.image, {}, {"serve"});
  spec.published_port = kPort;
  spec.sandbox.emplace();
  spec.sandbox->mounts = {{MountKind::read_only, owner.places.model, std::string(seen_model(model)), 0, {}}};
  return spec;
}

// Where the script is: here, and as its server sees it. Empty: there is none.
struct Script {
  fs::path directory;
  std::string seen;
};
Result<Script> find_script(const ModelPlaces& places) {
  if (const auto own = UntrustedTree::open(places.code); own) return Script{places.code, std::string(kCode)};
  const auto tree = MR_TRY(UntrustedTree::open(places.model));
  const auto info = MR_TRY(tree.info("code"));
  if (info && info->kind == FileKind::directory) return Script{places.model / "code", std::string(kCodeOfModel)};
  return Script{};
}

Result<ServerPlan> plan_script(const ServedModel& model, const Script& script,
                               const std::optional<frameworks::Image>& image) {
  ServerPlan plan{ServerPlan::Kind::script, script.seen, image ? image->framework : "python"};
  std::string requirements;
  if (!script.seen.empty()) {
    const auto tree = MR_TRY(UntrustedTree::open(script.directory));
    requirements = output_text(tree, "requirements.txt", frameworks::kMaxRequirements + 1);
  }
  plan.installs_itself = !requirements.empty() && !frameworks::can_be_kept(requirements);
  if (plan.installs_itself) requirements.clear();
  if (image || !requirements.empty() || plan.installs_itself)
    plan.environment = {image.value_or(frameworks::plain_python()), requirements, variables_of(model.environment)};
  return plan;
}

Status contain_script(const Dependencies& dependencies, const ServerOwner& owner, const ServerPlan& plan,
                      work::Workload& spec) {
  if (!dependencies.sandbox.available()) {
    return fail(Code::failed_precondition,
                "this machine gives the model server no /opt/ml of its own: run the server as root, or allow user "
                "namespaces");
  }
  const ModelPlaces& places = owner.places;
  const fs::path tmp = places.own / "tmp";
  // trusted-path: beside the model's folder, where only the server writes
  MR_TRY(make_directories(tmp, 0700));
  MR_TRY(proc::give_to_child(tmp));
  spec.sandbox.emplace();
  spec.sandbox->hidden = hidden_of(dependencies.options);
  spec.sandbox->network = !owner.model.isolated;
  spec.sandbox->mounts = {{MountKind::read_only, places.model, std::string(seen_model(owner.model)), 0, {}},
                          {MountKind::writable, tmp, "/tmp", 0, {}},
                          {MountKind::writable, places.socket, places.socket.native(), 0, {}},
                          {MountKind::files,
                           {},
                           std::string(kProgramDirectory),
                           0,
                           {{std::string(kProgramFile), std::string(script_server_program())}}}};
  if (plan.code == kCode)
    spec.sandbox->mounts.push_back({MountKind::read_only, places.code, std::string(kCode), 0, {}});
  spec.working_directory = places.socket;
  return {};
}

std::vector<std::string> script_command(const ServerPlan& plan) {
  const std::string program = fmt::format("{}/{}", kProgramDirectory, kProgramFile);
  const std::string python = plan.environment ? "python3" : std::string(kPython);
  if (!plan.installs_itself) return {python, program};
  return {"sh", "-c",      "(cd \"$1\" && python3 -m pip install -r requirements.txt) && exec python3 \"$2\"",
          "sh", plan.code, program};
}

// For a shell.
std::string quoted_command(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + shell_quoted(word);
  return out;
}

Result<work::Workload> script_server(const Dependencies& dependencies, const ServerOwner& owner, const ServerPlan& plan,
                                     const std::optional<frameworks::Kept>& kept) {
  const ServedModel& model = owner.model;
  work::Workload spec;
  if (!model.isolated) spec.environment = MR_TRY(role_variables(dependencies, owner.row, model.role_arn, kSession));
  add_program_variables(spec.environment);
  add_aws_variables(spec.environment, dependencies.account_region.region, dependencies.options.endpoint_url);
  set_variable(spec.environment, "SM_MODEL_DIR", kModel);
  for (const auto& [name, value] : variables_of(model.environment)) set_variable(spec.environment, name, value);
  set_variable(spec.environment, kModelVariable, seen_model(model));
  if (model.multi) set_variable(spec.environment, kMultiModel, "true");
  set_variable(spec.environment, kCodeVariable, plan.code);
  set_variable(spec.environment, kFrameworkVariable, plan.framework);
  spec.command = script_command(plan);
  MR_TRY(contain_script(dependencies, owner, plan, spec));
  if (kept) MR_TRY(dependencies.environments.enter(*kept, owner.places.own, spec));
  return spec;
}

}  // namespace

Result<work::Workload> model_server_beside(const Dependencies& dependencies, const ServerOwner& owner,
                                           const ServerPlan& plan, const std::optional<frameworks::Kept>& kept,
                                           std::vector<std::string> after) {
  auto spec = MR_TRY(script_server(dependencies, owner, plan, kept));
  const std::string server = quoted_command(spec.command);
  std::vector<std::string> words = {"sh", "-c", fmt::format("({}; : > {}) & exec \"$@\"", server, kServerEnded), "sh"};
  words.insert(words.end(), std::move_iterator(after.begin()), std::move_iterator(after.end()));
  spec.command = std::move(words);
  return spec;
}

Error cannot_serve(const ServedModel& model) {
  if (std::string why = frameworks::why_not_python(model.image); !why.empty())
    return Error(Code::unimplemented, std::move(why));
  return Error(Code::unimplemented,
               fmt::format("The primary container's image {} of the model {} cannot be served here: images of built-in "
                           "algorithms can ({}), any image that podman or docker has here, and any model with an "
                           "inference script in Python (code/inference.py, or SAGEMAKER_PROGRAM and "
                           "SAGEMAKER_SUBMIT_DIRECTORY).",
                           model.image.empty() ? "(none)" : model.image, model.name, built_in::names_of_all()));
}

Result<ServerPlan> plan_server(const Dependencies& dependencies, const ServedModel& model, const ModelPlaces& places) {
  if (!model.algorithm.empty()) return ServerPlan{ServerPlan::Kind::algorithm, "", ""};
  if (dependencies.backend.has_image(model.image)) {
    if (!model.isolated) return ServerPlan{ServerPlan::Kind::container, "", ""};
    return fail(
        Code::unimplemented,
        fmt::format("The model {} cannot be served: EnableNetworkIsolation needs a container without a network, "
                    "which nothing here could invoke.",
                    model.name));
  }
  const Script script = MR_TRY(find_script(places));
  const auto image = frameworks::image_of(model.image);
  if (script.seen.empty() && !image && !model.multi) return fail(cannot_serve(model));
  return plan_script(model, script, image);
}

Result<work::Workload> model_server(const Dependencies& dependencies, const ServerOwner& owner, const ServerPlan& plan,
                                    const std::optional<frameworks::Kept>& kept) {
  switch (plan.kind) {
    case ServerPlan::Kind::container:
      return container_server(dependencies, owner);
    case ServerPlan::Kind::script:
      return script_server(dependencies, owner, plan, kept);
    default:
      return built_in_server(dependencies, owner.model, owner.places);
  }
}

}  // namespace millrace::sagemaker
