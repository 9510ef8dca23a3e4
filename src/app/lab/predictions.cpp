#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/core.h>

#include "app/lab/steps.h"
#include "base/json.h"

namespace millrace::app {
namespace {

constexpr std::size_t kPixels = 784;
constexpr std::size_t kRequestBytes = 5u << 20;  // InvokeEndpoint takes 6 MB

const std::array<std::string, 256>& fractions() {
  static const std::array<std::string, 256> table = [] {
    std::array<std::string, 256> texts;
    for (int i = 0; i < 256; ++i) {
      char text[32];
      const auto end = std::to_chars(text, text + sizeof text, static_cast<float>(i) / 255.0F).ptr;
      texts[static_cast<std::size_t>(i)].assign(text, end);
    }
    return texts;
  }();
  return table;
}

void append_csv_row(std::string& out, const std::uint8_t* image) {
  for (std::size_t i = 0; i < kPixels; ++i) {
    if (i > 0) out += ',';
    out += fractions()[image[i]];
  }
  out += '\n';
}

Result<std::vector<std::pair<int, double>>> invoke(LabClient& client, const std::string& endpoint_name,
                                                   std::string_view content_type, std::string body) {
  const Value answer = MR_TRY(client.aws("sagemaker-runtime", "InvokeEndpoint",
                                         Value::object({{"EndpointName", endpoint_name},
                                                        {"ContentType", content_type},
                                                        {"Accept", "application/json"},
                                                        {"Body", std::move(body)}})));
  const Value parsed = MR_TRY(parse_json(answer["Body"].string_or()));
  std::vector<std::pair<int, double>> predictions;
  for (const Value& one : parsed["predictions"].items()) {
    predictions.emplace_back(static_cast<int>(one["closest_cluster"].double_or(-1)),
                             one["distance_to_cluster"].double_or(0));
  }
  return predictions;
}

}  // namespace

Result<std::string> newest_endpoint(LabClient& client) {
  const Value list = MR_TRY(client.aws("sagemaker", "ListEndpoints",
                                       Value::object({{"SortBy", "CreationTime"}, {"SortOrder", "Descending"}})));
  if (list["Endpoints"].empty()) return fail(Code::not_found, "the pipeline left no endpoint");
  return list["Endpoints"].items()[0]["EndpointName"].string_or();
}

Result<std::vector<std::pair<int, double>>> predict_one_by_one(LabClient& client, const std::string& endpoint_name,
                                                               const Digits& digits, std::size_t count) {
  std::vector<std::pair<int, double>> predictions;
  for (std::size_t i = 0; i < std::min(count, digits.count); ++i) {
    std::string csv;
    append_csv_row(csv, digits.image(i));
    csv.pop_back();
    const std::string json = R"({"instances":[{"features":[)" + csv + "]}]}";
    const auto by_csv = MR_TRY(invoke(client, endpoint_name, "text/csv", csv));
    const auto by_json = MR_TRY(invoke(client, endpoint_name, "application/json", json));
    if (by_csv.size() != 1 || by_json.size() != 1 || by_csv[0].first != by_json[0].first) {
      return fail(Code::internal, fmt::format("the endpoint answered digit {} differently in CSV and in JSON", i));
    }
    predictions.push_back(by_csv[0]);
  }
  return predictions;
}

Result<Predictions> predict_all(LabClient& client, const std::string& endpoint_name, const Digits& digits) {
  Predictions result;
  result.endpoint_name = endpoint_name;
  std::string body;
  std::size_t rows = 0;
  const auto send = [&]() -> Status {
    if (rows == 0) return {};
    const auto answer = MR_TRY(invoke(client, endpoint_name, "text/csv", std::move(body)));
    if (answer.size() != rows) {
      return fail(Code::internal, fmt::format("the endpoint answered {} of {} digits", answer.size(), rows));
    }
    for (const auto& [cluster, distance] : answer) {
      result.cluster.push_back(cluster);
      result.distance.push_back(distance);
    }
    body.clear();
    rows = 0;
    return {};
  };
  for (std::size_t i = 0; i < digits.count; ++i) {
    append_csv_row(body, digits.image(i));
    ++rows;
    if (body.size() > kRequestBytes) MR_TRY(send());
  }
  MR_TRY(send());

  const int highest = *std::max_element(result.cluster.begin(), result.cluster.end());
  const int lowest = *std::min_element(result.cluster.begin(), result.cluster.end());
  if (lowest < 0 || highest > 10'000) return fail(Code::internal, "the endpoint answered without a cluster");
  std::vector<std::array<std::size_t, 10>> counts(static_cast<std::size_t>(highest) + 1);
  double sum = 0;
  for (std::size_t i = 0; i < digits.count; ++i) {
    ++counts[static_cast<std::size_t>(result.cluster[i])][digits.labels[i]];
    sum += result.distance[i] * result.distance[i];
  }
  std::size_t in_majority = 0;
  for (const auto& digits_in : counts) {
    Predictions::Cluster cluster;
    for (const std::size_t n : digits_in) cluster.size += n;
    const auto most = std::max_element(digits_in.begin(), digits_in.end());
    cluster.majority = static_cast<int>(most - digits_in.begin());
    cluster.purity = cluster.size == 0 ? 0 : static_cast<double>(*most) / static_cast<double>(cluster.size);
    in_majority += *most;
    result.clusters.push_back(cluster);
  }
  result.mean_squared_distance = sum / static_cast<double>(digits.count);
  result.purity = static_cast<double>(in_majority) / static_cast<double>(digits.count);
  return result;
}

}  // namespace millrace::app
