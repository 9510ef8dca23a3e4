#include "sagemaker/algorithms/algorithm.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/strings.h"
#include "sagemaker/algorithms/content_type.h"

namespace millrace::sagemaker::built_in {
namespace {

std::string quoted(std::string_view text) { return fmt::format("'{}'", text); }

tl::unexpected<Error> refuse(std::string message) { return fail(Code::invalid_argument, std::move(message)); }

Status check_channel(const AlgorithmInfo& algorithm, const Channel& channel, const Value& given) {
  const std::string mode = given.at("TrainingInputMode").string_or("File");
  if (std::ranges::find(algorithm.input_modes, mode) == algorithm.input_modes.end()) {
    return refuse(fmt::format("Input mode '{}' of channel '{}' is not supported; use {}", mode, channel.name,
                              one_of(algorithm.input_modes)));
  }
  const std::string text = given.at("ContentType").string_or();
  const std::string type = parse_content_type(text).type;
  if (type.empty() || std::ranges::find(channel.content_types, type) != channel.content_types.end()) return {};
  std::vector<std::string> types;
  for (const std::string_view one : channel.content_types) types.push_back(quoted(one));
  return refuse(fmt::format("Content type '{}' of channel '{}' is not supported; use {}", text, channel.name,
                            join(types, " or ")));
}

}  // namespace

Result<Settings> read_hyperparameters(const Algorithm& algorithm, const Value& given) {
  Settings settings = MR_TRY(read_hyperparameters(algorithm.info().hyperparameters, given));
  MR_TRY(algorithm.check_together(settings));
  return settings;
}

Status check_channels(const AlgorithmInfo& algorithm, const Value& channels) {
  for (const Channel& channel : algorithm.channels) {
    if (channel.required && !channels.has(channel.name)) {
      return refuse(fmt::format("The required channel '{}' is missing (caused by ValidationError)", channel.name));
    }
  }
  for (const auto& [name, given] : channels.members()) {
    const auto channel = std::ranges::find(algorithm.channels, name, &Channel::name);
    if (channel == algorithm.channels.end()) {
      std::vector<std::string> known;
      for (const Channel& one : algorithm.channels) known.push_back(quoted(one.name));
      return refuse(
          fmt::format("Additional channels are not allowed ('{}' was unexpected); {} reads {} (caused by "
                      "ValidationError)",
                      name, algorithm.title, join(known, " and ")));
    }
    MR_TRY(check_channel(algorithm, *channel, given));
  }
  return {};
}

Result<std::unique_ptr<Model>> Algorithm::from_matrix(Matrix) const {
  return fail(Code::unimplemented, fmt::format("a model of {} is no matrix", info().title));
}

namespace {

int status_of(const Error& error) {
  switch (error.code) {
    case Code::unimplemented:
      return 415;
    case Code::resource_exhausted:
      return 413;
    case Code::invalid_argument:
      return 400;
    default:
      return 500;
  }
}

}  // namespace

InferenceAnswer infer(const AlgorithmInfo& algorithm, const Model& model, std::string_view content_type,
                      std::string_view accept, std::string_view body) {
  const auto type = choose_response_type(accept, kJson, algorithm.response_types);
  if (!type) return {406, {}, type.error().message};
  const auto prediction = model.predict(content_type.empty() ? kJson : content_type, body);
  if (!prediction) return {status_of(prediction.error()), {}, prediction.error().message};
  return {200, std::string(*type), write_prediction(*type, *prediction)};
}

const Metric* find_metric(const AlgorithmInfo& algorithm, std::string_view name) {
  const auto found = std::ranges::find(algorithm.metrics, name, &Metric::name);
  return found == algorithm.metrics.end() ? nullptr : &*found;
}

}  // namespace millrace::sagemaker::built_in
