// The training role: a job's directory in, a model out.

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/value.h"
#include "sagemaker/algorithms/registry.h"
#include "sagemaker/worker/role.h"
#include "sagemaker/worker/worker.h"

namespace millrace::sagemaker::worker {
namespace {

Result<Value> read_config(const std::filesystem::path& path) {
  auto text = read_file(path);
  if (!text) return fail(text.error());
  auto value = parse_json(*text);
  if (!value) return fail(Code::invalid_argument, path.filename().string() + ": " + value.error().message);
  return value;
}

Status train(const std::filesystem::path& ml, const std::string& name, JobLog& log) {
  const built_in::Algorithm& algorithm = *MR_TRY(built_in::require_algorithm(name));
  const Value given = MR_TRY(read_config(ml / "input/config/hyperparameters.json"));
  auto settings = MR_TRY(built_in::read_hyperparameters(algorithm, given));
  Value channels = MR_TRY(read_config(ml / "input/config/inputdataconfig.json"));
  MR_TRY(built_in::check_channels(algorithm.info(), channels));
  return algorithm.train({ml, std::move(settings), std::move(channels), log});
}

}  // namespace

int train_main(const std::vector<std::string>& arguments) {
  JobLog log;
  if (arguments.size() != 2) {
    log.error("usage: millrace worker train <ml directory> <algorithm>");
    return kInternalFailure;
  }
  const std::filesystem::path ml = arguments[0];
  return run_role(log, ml / "output", [&] { return train(ml, arguments[1], log); });
}

}  // namespace millrace::sagemaker::worker
