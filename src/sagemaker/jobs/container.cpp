#include "sagemaker/jobs/container.h"

#include <sys/stat.h>

#include <cerrno>
#include <thread>

#include <fmt/core.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "sagemaker/algorithms/registry.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/jobs/sandbox.h"

namespace millrace::sagemaker {
namespace {

std::string upper(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool lower = c >= 'a' && c <= 'z', plain = lower || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain ? (lower ? static_cast<char>(c - 'a' + 'A') : c) : '_';
  }
  return out;
}

Value resource_config(const Value& instance_type, const Host& host) {
  const Value hosts = host_names(host.count);
  return Value::object({{"current_host", host.name()},
                        {"current_instance_type", instance_type},
                        {"current_group_name", "homogeneousCluster"},
                        {"hosts", hosts},
                        {"instance_groups", Value::array({Value::object({{"instance_group_name", "homogeneousCluster"},
                                                                         {"instance_type", instance_type},
                                                                         {"hosts", hosts}})})},
                        {"network_interface_name", "lo"}});
}

}  // namespace

std::vector<std::string> command_line_of(const Value& specification) {
  std::vector<std::string> words = words_of(specification["ContainerEntrypoint"]);
  for (std::string& word : words_of(specification["ContainerArguments"])) words.push_back(std::move(word));
  return words;
}

Environment variables_of(const Value& environment) {
  Environment out;
  for (const auto& [name, value] : environment.members()) out.emplace_back(name, value.string_or());
  return out;
}

std::vector<std::string> words_of(const Value& list) {
  std::vector<std::string> out;
  for (const auto& item : list.items()) out.push_back(item.string_or());
  return out;
}

void set_variable(Environment& environment, std::string_view name, std::string_view value) {
  for (auto& [key, old] : environment) {
    if (key == name) {
      old = value;
      return;
    }
  }
  environment.emplace_back(name, value);
}

void add_program_variables(Environment& environment) {
  environment.emplace_back("PATH", kProgramPath);
  environment.emplace_back("LANG", "C.UTF-8");
  environment.emplace_back("HOME", "/tmp");
}

void add_aws_variables(Environment& environment, std::string_view region, std::string_view endpoint_url) {
  environment.emplace_back("PYTHONUNBUFFERED", "1");
  environment.emplace_back("AWS_REGION", region);
  environment.emplace_back("AWS_DEFAULT_REGION", region);
  if (!endpoint_url.empty()) environment.emplace_back("AWS_ENDPOINT_URL", endpoint_url);
}

TrainingConfig training_config(const Value& job, const Host& host) {
  Value channels = Value::object();
  for (const auto& channel : job["InputDataConfig"].items()) {
    Value config =
        Value::object({{"TrainingInputMode", "File"},
                       {"S3DistributionType",
                        channel["DataSource"]["S3DataSource"]["S3DataDistributionType"].string_or("FullyReplicated")},
                       {"RecordWrapperType", "None"}});
    if (const std::string type = channel["ContentType"].string_or(); !type.empty()) config.set("ContentType", type);
    channels.set(channel["ChannelName"].string_or(), std::move(config));
  }
  return {resource_config(job["ResourceConfig"]["InstanceType"], host), std::move(channels)};
}

std::vector<std::pair<std::string, std::string>> training_config_files(const Value& job, const Host& host) {
  Value hyperparameters = Value::object();
  for (const auto& [name, value] : job["HyperParameters"].members()) hyperparameters.set(name, value);
  const TrainingConfig config = training_config(job, host);
  std::vector<std::pair<std::string, std::string>> files{{"hyperparameters.json", to_json(hyperparameters)},
                                                         {"inputdataconfig.json", to_json(config.channels)},
                                                         {"resourceconfig.json", to_json(config.resources)}};
  if (job.has("DebugHookConfig")) files.emplace_back("debughookconfig.json", to_json(job["DebugHookConfig"]));
  if (job.has("CheckpointConfig")) files.emplace_back("checkpointconfig.json", to_json(job["CheckpointConfig"]));
  return files;
}

void add_training_variables(Environment& environment, const Value& job, const std::filesystem::path& ml,
                            const Host& host) {
  const auto set = [&](std::string_view name, std::string_view value) { set_variable(environment, name, value); };
  set("TRAINING_JOB_NAME", job["TrainingJobName"].string_or());
  set("TRAINING_JOB_ARN", job["TrainingJobArn"].string_or());
  set("SM_MODEL_DIR", (ml / "model").string());
  set("SM_INPUT_DIR", (ml / "input").string());
  set("SM_INPUT_CONFIG_DIR", (ml / "input/config").string());
  set("SM_OUTPUT_DIR", (ml / "output").string());
  set("SM_OUTPUT_DATA_DIR", (ml / "output/data").string());
  set("SM_CURRENT_HOST", host.name());
  set("SM_HOSTS", to_json(host_names(host.count)));
  set("SM_NUM_CPUS", std::to_string(std::thread::hardware_concurrency()));
  set("SM_NUM_GPUS", "0");
  Value names = Value::array();
  for (const auto& channel : job["InputDataConfig"].items()) {
    const std::string name = channel["ChannelName"].string_or();
    names.push(name);
    set("SM_CHANNEL_" + upper(name), (ml / "input/data" / name).string());
  }
  set("SM_CHANNELS", to_json(names));
  Value hyperparameters = Value::object();
  for (const auto& [name, value] : job["HyperParameters"].members()) {
    hyperparameters.set(name, value);
    set("SM_HP_" + upper(name), value.string_or());
  }
  set("SM_HPS", to_json(hyperparameters));
  for (const auto& [name, value] : job["Environment"].members()) set(name, value.string_or());
}

std::vector<std::pair<std::string, std::string>> processing_config_files(const Value& job, const Host& host) {
  Value config = Value::object();
  for (const std::string_view member :
       {"ProcessingJobArn", "ProcessingJobName", "AppSpecification", "Environment", "ProcessingInputs",
        "ProcessingOutputConfig", "ProcessingResources", "RoleArn", "StoppingCondition"}) {
    if (job.has(member)) config.set(member, job[member]);
  }
  return {{"processingjobconfig.json", to_json(config)},
          {"resourceconfig.json",
           to_json(resource_config(job["ProcessingResources"]["ClusterConfig"]["InstanceType"], host))}};
}

Result<Program> program_of(const std::string& image, const Value& entrypoint, const Value& arguments,
                           const std::filesystem::path& ml) {
  const std::string what_can = fmt::format(
      "What can run: the built-in algorithms ({}), any image that podman or docker has here, and any image with a "
      "ContainerEntrypoint whose command this machine has, such as [\"python3\", \"/opt/ml/…/script.py\"].",
      built_in::names_of_all());
  Program program{words_of(entrypoint)};
  if (program.command.empty()) {
    return fail(Code::invalid_argument,
                fmt::format("The image {} cannot run here: containers' own entry points are not known without a "
                            "container engine that has the image, and no ContainerEntrypoint is given. {}",
                            image, what_can));
  }
  std::string& command = program.command.front();
  // A path below /opt/ml is the job's own file: seen there by the program, found here under its directory.
  if (command.starts_with("/opt/ml/")) {
    const auto below = below_opt_ml(command);
    if (!below || find_command((ml / *below).string(), {}).empty()) {
      return fail(Code::invalid_argument,
                  fmt::format("The image {} cannot run here: {} is no executable file of the job's input. {}", image,
                              command, what_can));
    }
  } else {
    const bool python = command == "python3" || command == "python" || command.ends_with("/bin/python3") ||
                        command.ends_with("/bin/python");
    const std::filesystem::path system_python = "/usr/bin/python3";
    if (python && !find_command(system_python.string(), {}).empty()) {
      command = system_python.string();
    } else if (find_command(command, kProgramPath).empty()) {
      return fail(
          Code::invalid_argument,
          fmt::format("The image {} cannot run here: this machine has no command {}. {}", image, command, what_can));
    }
  }
  for (auto& word : words_of(arguments)) program.command.push_back(std::move(word));
  return program;
}

void put_in_image(work::Workload& spec, const std::string& image, std::vector<std::string> entrypoint,
                  std::vector<std::string> arguments) {
  spec.image = image;
  spec.command = std::move(entrypoint);
  spec.arguments = std::move(arguments);
}

Status mount_in_image(work::Workload& spec, const std::filesystem::path& ml, bool network) {
  const UntrustedTree tree = MR_TRY(UntrustedTree::open(ml));
  const auto open_to_all = [&](const std::string& path) -> Status {
    const Fd directory = MR_TRY(tree.open_directory(path));
    if (::fchmod(directory.get(), 0777) == 0) return {};
    return fail(system_error("the job's directories cannot be opened to its image's user", errno));
  };
  MR_TRY(open_to_all(""));
  MR_TRY(tree.walk("", Links::refuse, {}, [&](const UntrustedTree::Entry& entry) -> Status {
    return entry.info.kind == FileKind::directory ? open_to_all(entry.path) : Status();
  }));
  spec.sandbox.emplace();
  spec.sandbox->network = network;
  spec.sandbox->mounts = {{work::Mount::Kind::writable, ml, "/opt/ml", 0, {}}};
  return {};
}

}  // namespace millrace::sagemaker
