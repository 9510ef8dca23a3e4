#pragma once
// What serves a model: our own worker for a built-in algorithm's image, a container where the engine has the image,
// else the inference script in a process of this machine (serving/script_server_program.h). Source: developer guide,
// "Custom Inference Code with Hosting Services".

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "sagemaker/frameworks/environments.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/served_model.h"

namespace millrace::sagemaker {

struct ModelPlaces {
  std::filesystem::path model;   // the unpacked artifacts
  std::filesystem::path code;    // of the inference script; need not be there (fetch_script())
  std::filesystem::path own;     // made for a script: what only its server has
  std::filesystem::path socket;  // a directory of the server's own, where a process listens
};

struct ServerPlan {
  enum class Kind { algorithm, container, script } kind = Kind::algorithm;
  std::string code;       // a script's directory as its server sees it; empty: the framework's own handlers serve
  std::string framework;  // frameworks::Image::framework
  // The packages that a script is to have; nullopt: this machine's Python is enough.
  std::optional<frameworks::Wanted> environment = std::nullopt;
  bool installs_itself = false;  // its requirements.txt cannot be installed ahead of it
};
// Errors: unimplemented, a sentence for FailureReason, where nothing here serves this model.
Result<ServerPlan> plan_server(const Dependencies& dependencies, const ServedModel& model, const ModelPlaces& places);

// The workload of the server of `owner`, an endpoint or a job; key and log are the caller's. A container listens on
// published_port, a process on a socket in its working directory (serving/sockets.h). `kept`: the plan's environment.
// Errors: those of the role.
struct ServerOwner {
  const Resource& row;
  const ServedModel& model;
  const ModelPlaces& places;
};
Result<work::Workload> model_server(const Dependencies& dependencies, const ServerOwner& owner, const ServerPlan& plan,
                                    const std::optional<frameworks::Kept>& kept);
// The same of a script, with `after` run beside it in its sandbox: the workload ends when that does. In the working
// directory there is a file kServerEnded once the server has ended.
inline constexpr std::string_view kServerEnded = "ended";
Result<work::Workload> model_server_beside(const Dependencies& dependencies, const ServerOwner& owner,
                                           const ServerPlan& plan, const std::optional<frameworks::Kept>& kept,
                                           std::vector<std::string> after);
Error cannot_serve(const ServedModel& model);

}  // namespace millrace::sagemaker
