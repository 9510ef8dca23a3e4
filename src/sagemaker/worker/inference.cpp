#include "sagemaker/worker/inference.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "algorithms/csv.h"
#include "algorithms/recordio.h"
#include "base/strings.h"
#include "sagemaker/worker/content_type.h"
#include "sagemaker/worker/model_file.h"
#include "sagemaker/worker/request_rows.h"

namespace millrace::sagemaker::worker {
namespace {

constexpr std::array kTypes = {kJson, kJsonLines, kCsv, kRecordIo};

void append_object(std::string& out, const Prediction& prediction, std::size_t i) {
  out += "{\"closest_cluster\": ";
  algorithms::append_float(out, static_cast<float>(prediction.closest[i]));
  out += ", \"distance_to_cluster\": ";
  algorithms::append_float(out, prediction.distance[i]);
  out += '}';
}

}  // namespace

Result<Inference> Inference::load(const std::string& algorithm, const std::filesystem::path& model_directory) {
  if (algorithm != "kmeans") {
    return fail(Code::unimplemented,
                fmt::format("there is no built-in algorithm '{}' here; there is kmeans", algorithm));
  }
  return Inference(MR_TRY(load_model(model_directory)));
}

Result<Prediction> Inference::predict(std::string_view content_type, std::string_view body) const {
  const std::vector<float> rows = MR_TRY(read_request_rows(content_type, body, feature_dim()));
  Prediction out;
  out.closest.resize(rows.size() / feature_dim());
  out.distance.resize(out.closest.size());
  predictor_.predict(rows, out.closest, out.distance);
  return out;
}

Result<std::string_view> choose_response_type(std::string_view accept, std::string_view fallback) {
  if (trim(accept).empty()) return fallback;
  for (const std::string_view part : split(accept, ',')) {
    const std::string type = parse_content_type(part).type;
    if (type == "*/*" || (type == "application/*" && fallback.starts_with("application/"))) return fallback;
    if (type == "text/*") return kCsv;
    const auto found = std::find(kTypes.begin(), kTypes.end(), type);
    if (found != kTypes.end()) return *found;
  }
  return fail(Code::unimplemented, fmt::format("Accept '{}' is not supported; use {}, {}, {} or {}", accept, kJson,
                                               kJsonLines, kCsv, kRecordIo));
}

std::string write_prediction(std::string_view type, const Prediction& prediction) {
  std::string out;
  out.reserve(prediction.size() * 64 + 32);
  if (type == kJson) out += "{\"predictions\": [";
  for (std::size_t i = 0; i < prediction.size(); ++i) {
    if (type == kJson) {
      if (i != 0) out += ", ";
      append_object(out, prediction, i);
    } else if (type == kJsonLines) {
      append_object(out, prediction, i);
      out += '\n';
    } else if (type == kCsv) {
      algorithms::append_float(out, static_cast<float>(prediction.closest[i]));
      out += ',';
      algorithms::append_float(out, prediction.distance[i]);
      out += '\n';
    } else {
      const float closest = static_cast<float>(prediction.closest[i]);
      algorithms::write_label_record(
          out, {{"closest_cluster", {&closest, 1}}, {"distance_to_cluster", {&prediction.distance[i], 1}}});
    }
  }
  if (type == kJson) out += "]}";
  return out;
}

}  // namespace millrace::sagemaker::worker
