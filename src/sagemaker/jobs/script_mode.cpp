#include "sagemaker/jobs/script_mode.h"

#include <algorithm>
#include <array>
#include <string>
#include <thread>

#include <fmt/core.h>

#include "base/json.h"
#include "base/python_text.h"
#include "base/strings.h"

namespace millrace::sagemaker {
namespace {

constexpr std::string_view kPrefix = "sagemaker_", kProgram = "sagemaker_program",
                           kSource = "sagemaker_submit_directory", kLogLevel = "sagemaker_container_log_level",
                           kGroups = "sagemaker_distribution_instance_groups";
constexpr int kDefaultLogLevel = 20;  // logging.INFO

// Read by the toolkit itself; other names with the prefix are a framework's.
constexpr std::string_view kOfToolkit[] = {kProgram,
                                           kSource,
                                           "sagemaker_enable_cloudwatch_metrics",
                                           "sagemaker_region",
                                           kLogLevel,
                                           "sagemaker_job_name",
                                           "default_user_module_name",
                                           "_tuning_objective_metric",
                                           "sagemaker_s3_output"};

// Any of these makes the job's instances one group that works together.
constexpr std::string_view kDistributions[] = {"sagemaker_mpi_enabled",
                                               "sagemaker_parameter_server_enabled",
                                               "sagemaker_distributed_dataparallel_enabled",
                                               "sagemaker_pytorch_ddp_enabled",
                                               "sagemaker_pytorch_xla_multi_worker_enabled",
                                               "sagemaker_multi_worker_mirrored_strategy_enabled",
                                               "sagemaker_torch_distributed_enabled"};

bool is_of_toolkit(std::string_view name) {
  return std::find(std::begin(kOfToolkit), std::end(kOfToolkit), name) != std::end(kOfToolkit);
}

std::string variable_of(const Value& job, std::string_view hyperparameter) {
  return job["Environment"][to_upper(hyperparameter)].string_or();
}

// The framework's: "sagemaker_mpi_enabled" and others.
Value framework_parameters(const Value& job) {
  Value out = Value::object();
  for (const auto& [name, text] : job["HyperParameters"].members()) {
    if (std::string_view(name).starts_with(kPrefix) && !is_of_toolkit(name))
      out.set(name, decode_hyperparameter(text.string_or()));
  }
  return out;
}

Value distribution_groups(const Value& parameters, const Value& resources) {
  if (parameters.has(kGroups)) return parameters[kGroups];
  Value groups = Value::array();
  for (const std::string_view name : kDistributions) {
    if (!python_truth(parameters[name])) continue;
    groups.push(resources["current_group_name"].string_or());
    break;
  }
  return groups;
}

// As mapping.to_env_vars: texts as they are, none as nothing, the rest as JSON.
std::string variable_text(const Value& value) {
  if (value.is_null()) return {};
  return value.is_string() ? value.as_string() : python_sorted_json(value);
}

// As the toolkit names it; and, where it has a '-', under the name that a shell can read.
void set_named(Environment& environment, std::string_view prefix, std::string_view name, const std::string& value) {
  std::string variable = fmt::format("SM_{}_{}", prefix, to_upper(name));
  set_variable(environment, variable, value);
  std::replace(variable.begin(), variable.end(), '-', '_');
  set_variable(environment, variable, value);
}

std::string module_of(std::string_view program) {
  return std::string(program.ends_with(".py") ? program.substr(0, program.size() - 3) : program);
}

struct Groups {
  Value names = Value::array(), by_name = Value::object(), hosts_of_current = Value::array();
};

Groups groups_of(const Value& resources) {
  Groups out;
  for (const Value& group : resources["instance_groups"].items()) {
    const std::string name = group["instance_group_name"].string_or();
    out.names.push(name);
    out.by_name.set(name, group);
    if (name == resources["current_group_name"].string_or()) out.hosts_of_current = group["hosts"];
  }
  return out;
}

// What both SM_<NAME> and SM_TRAINING_ENV have.
Value shared_members(const Value& job, const ScriptMode& script, const Value& resources, const Value& channels,
                     const std::filesystem::path& ml) {
  const Groups groups = groups_of(resources);
  const std::string level = hyperparameter_text(job, kLogLevel);
  const std::string source = script.source.empty() ? (ml / "code").string() : script.source;
  return Value::object({{"hosts", resources["hosts"]},
                        {"network_interface_name", resources["network_interface_name"]},
                        {"user_entry_point", script.program},
                        {"resource_config", resources},
                        {"input_data_config", channels},
                        {"output_data_dir", (ml / "output/data").string()},
                        {"current_host", resources["current_host"]},
                        {"current_instance_type", resources["current_instance_type"]},
                        {"current_instance_group", resources["current_group_name"]},
                        {"current_instance_group_hosts", groups.hosts_of_current},
                        {"instance_groups", groups.names},
                        {"instance_groups_dict", groups.by_name},
                        {"distribution_instance_groups", distribution_groups(framework_parameters(job), resources)},
                        {"is_hetero", groups.names.size() > 1},
                        {"module_name", module_of(script.program)},
                        {"log_level", level.empty() ? Value(kDefaultLogLevel) : decode_hyperparameter(level)},
                        {"framework_module", job["Environment"]["SAGEMAKER_TRAINING_MODULE"]},
                        {"input_dir", (ml / "input").string()},
                        {"input_config_dir", (ml / "input/config").string()},
                        {"output_dir", (ml / "output").string()},
                        {"num_cpus", static_cast<int>(std::thread::hardware_concurrency())},
                        {"num_gpus", 0},
                        {"num_neurons", 0},
                        {"model_dir", (ml / "model").string()},
                        {"module_dir", source},
                        {"output_intermediate_dir", (ml / "output/intermediate").string()}});
}

Value channel_directories(const Value& channels, const std::filesystem::path& ml) {
  Value out = Value::object();
  for (const auto& [name, config] : channels.members()) out.set(name, (ml / "input/data" / name).string());
  return out;
}

Value training_environment(Value shared, const Value& job, const Value& hyperparameters, const Value& directories) {
  const Value& groups = shared["distribution_instance_groups"];
  Value hosts = Value::array();
  for (const Value& group : groups.items()) {
    for (const Value& host : shared["instance_groups_dict"][group.string_or()]["hosts"].items()) hosts.push(host);
  }
  const Value& all = shared["hosts"];
  const Value master = !hosts.empty() ? hosts.items()[0] : all.empty() ? Value() : all.items()[0];
  const bool is_master = master.string_or() == shared["current_host"].string_or();
  shared.set("additional_framework_parameters", framework_parameters(job))
      .set("channel_input_dirs", directories)
      .set("distribution_hosts", hosts)
      .set("hyperparameters", hyperparameters)
      .set("is_master", is_master)
      .set("is_modelparallel_enabled", Value())
      .set("is_smddpmprun_installed", false)
      .set("is_smddprun_installed", false)
      .set("job_name", job["TrainingJobName"])
      .set("master_hostname", master)
      .set("topology", Value::array());
  return shared;
}

}  // namespace

std::string hyperparameter_text(const Value& job, std::string_view name) {
  const Value& given = job["HyperParameters"][name];
  return given.is_string() ? python_str(decode_hyperparameter(given.as_string())) : std::string();
}

Value decode_hyperparameter(std::string_view text) {
  auto value = parse_json(text);
  return value ? std::move(*value) : Value(std::string(text));
}

std::optional<ScriptMode> script_mode_of(const Value& job) {
  ScriptMode script{variable_of(job, kProgram), hyperparameter_text(job, kSource)};
  if (script.program.empty()) script.program = hyperparameter_text(job, kProgram);
  if (script.source.empty()) script.source = variable_of(job, kSource);
  return script.program.empty() ? std::nullopt : std::optional(script);
}

Value script_hyperparameters(const Value& job) {
  Value out = Value::object();
  for (const auto& [name, text] : job["HyperParameters"].members()) {
    if (!std::string_view(name).starts_with(kPrefix) && !is_of_toolkit(name))
      out.set(name, decode_hyperparameter(text.string_or()));
  }
  return out;
}

std::vector<std::string> script_arguments(const Value& hyperparameters) {
  std::vector<std::pair<std::string_view, const Value*>> sorted;
  for (const auto& [name, value] : hyperparameters.members()) sorted.emplace_back(name, &value);
  std::ranges::sort(sorted, {}, [](const auto& one) { return one.first; });
  std::vector<std::string> out;
  for (const auto& [name, value] : sorted) {
    out.push_back(name.empty() ? std::string() : fmt::format("{}{}", name.size() > 1 ? "--" : "-", name));
    if (value->is_null()) {
      out.emplace_back();
    } else if (value->is_object()) {
      std::vector<std::string> items;
      for (const auto& [key, item] : value->members()) items.push_back(fmt::format("{}={}", key, python_str(item)));
      std::ranges::sort(items);
      out.push_back(join(items, ","));
    } else {
      out.push_back(python_str(*value));
    }
  }
  return out;
}

void add_toolkit_variables(Environment& environment, const Value& job, const ScriptMode& script, const Value& resources,
                           const Value& channels, const std::filesystem::path& ml) {
  const auto set = [&](std::string_view name, const std::string& value) { set_variable(environment, name, value); };
  const Value hyperparameters = script_hyperparameters(job);
  const Value directories = channel_directories(channels, ml);
  const Value shared = shared_members(job, script, resources, channels, ml);
  for (const auto& [name, value] : shared.members()) set("SM_" + to_upper(name), variable_text(value));
  std::vector<std::string> names;
  for (const auto& [name, path] : directories.members()) {
    names.push_back(name);
    set_named(environment, "CHANNEL", name, path.as_string());
  }
  std::ranges::sort(names);
  set("SM_CHANNELS", python_sorted_json(Value::texts(names)));
  set("SM_HPS", python_sorted_json(hyperparameters));
  for (const auto& [name, value] : hyperparameters.members()) set_named(environment, "HP", name, variable_text(value));
  set("SM_FRAMEWORK_PARAMS", python_sorted_json(framework_parameters(job)));
  set("SM_USER_ARGS", python_sorted_json(Value::texts(script_arguments(hyperparameters))));
  set("SM_TRAINING_ENV", python_sorted_json(training_environment(shared, job, hyperparameters, directories)));
  set("TRAINING_JOB_NAME", job["TrainingJobName"].string_or());
  set("TRAINING_JOB_ARN", job["TrainingJobArn"].string_or());
  set("CURRENT_HOST", resources["current_host"].string_or());
  set("SAGEMAKER_JOB_NAME", hyperparameter_text(job, "sagemaker_job_name"));
  set("SAGEMAKER_REGION", hyperparameter_text(job, "sagemaker_region"));
  for (const auto& [name, value] : job["Environment"].members()) set(name, value.string_or());
}

}  // namespace millrace::sagemaker
