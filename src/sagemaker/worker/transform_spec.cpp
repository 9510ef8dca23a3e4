#include "sagemaker/worker/transform_spec.h"

#include <fmt/core.h>

#include <algorithm>

namespace millrace::sagemaker::worker {
namespace {

constexpr std::int64_t kMostPayloadMb = 100;

tl::unexpected<Error> refuse(std::string message) { return fail(Code::invalid_argument, std::move(message)); }

// One of `allowed`; empty or absent is the first of them.
Result<std::string> choice(const Value& json, std::string_view name, std::vector<std::string> allowed) {
  const std::string given = json.at(name).string_or();
  if (given.empty()) return allowed.front();
  for (const std::string& one : allowed) {
    if (given == one) return given;
  }
  std::string list;
  for (const std::string& one : allowed) list += (list.empty() ? "" : ", ") + one;
  return refuse(fmt::format("{} '{}' is not supported here; use one of {}", name, given, list));
}

Status read_algorithm(const Value& json, TransformSpec& spec) {
  spec.model_directory = json["model_directory"].string_or();
  const std::string algorithm = json["algorithm"].string_or();
  if (spec.model_directory.empty() || algorithm.empty())
    return refuse("transform.json must name model_directory and algorithm");
  spec.algorithm = MR_TRY(built_in::require_algorithm(algorithm));
  const built_in::AlgorithmInfo& info = spec.algorithm->info();
  if (spec.content_type.empty()) spec.content_type = std::string(kJson);
  spec.type = built_in::parse_content_type(spec.content_type).type;
  if (std::ranges::find(info.request_types, spec.type) == info.request_types.end()) {
    return refuse(fmt::format("ContentType '{}' is not supported; use {}", spec.content_type,
                              built_in::one_of(info.request_types)));
  }
  // Responses to several payloads are put one after another, which JSON documents do not bear.
  const auto accepted =
      built_in::choose_response_type(spec.accept, spec.type == kJson ? kJson : kJsonLines, info.response_types);
  if (!accepted) return refuse(accepted.error().message);
  spec.response_type = *accepted;
  return {};
}

// A server takes what it takes; only filters and joins have to know the forms.
Status read_server(const Value& json, TransformSpec& spec) {
  constexpr std::string_view kKnown[] = {kCsv, kJson, kJsonLines, kRecordIo};
  const Value& server = json["server"];
  spec.server = {server["socket"].string_or(),
                 server["ping_socket"].string_or(),
                 server["ended"].string_or(),
                 server["at_a_time"].int_or(0),
                 std::chrono::seconds(server["timeout_seconds"].int_or(600)),
                 static_cast<int>(server["retries"].int_or(3))};
  spec.type = built_in::parse_content_type(spec.content_type).type;
  const std::string answer = spec.accept.empty() ? spec.type : built_in::parse_content_type(spec.accept).type;
  const auto known = std::ranges::find(kKnown, answer);
  if (known != std::end(kKnown)) spec.response_type = *known;
  return {};
}

Status check_processing(const TransformSpec& spec) {
  if (!spec.processes()) return {};
  const bool json = spec.type == kJson || spec.type == kJsonLines;
  if (!json && spec.type != kCsv) {
    return refuse("Input and output filters and joins need CSV, JSON or JSON Lines input");
  }
  const bool results = spec.join || !spec.output_filter.is_root();
  const bool json_out = spec.response_type == kJson || spec.response_type == kJsonLines;
  if (results && (json ? !json_out : spec.response_type != kCsv)) {
    return refuse(fmt::format("To join or filter the output, Accept must be of the input's kind: {} for {} input",
                              json ? spec.type : std::string(kCsv), spec.content_type));
  }
  if (spec.split != TransformSpec::Split::line && spec.type != kJson) {
    return refuse("Filters and joins of CSV and JSON Lines need SplitType Line");
  }
  return {};
}

}  // namespace

Result<TransformSpec> read_transform_spec(const Value& json) {
  if (!json.is_object()) return refuse("transform.json is not a JSON object");
  TransformSpec spec;
  spec.content_type = json["content_type"].string_or();
  spec.accept = json["accept"].string_or();
  MR_TRY(json.has("server") ? read_server(json, spec) : read_algorithm(json, spec));

  const std::string split = MR_TRY(choice(json, "split_type", {"None", "Line", "RecordIO"}));
  spec.split = split == "Line"       ? TransformSpec::Split::line
               : split == "RecordIO" ? TransformSpec::Split::record_io
                                     : TransformSpec::Split::none;
  if (spec.type == kJson && spec.split == TransformSpec::Split::line) {  // a document a line is what JSON Lines is
    spec.type = std::string(kJsonLines);
    if (spec.algorithm != nullptr) spec.content_type = spec.type;
  }
  if (spec.algorithm != nullptr && (spec.split == TransformSpec::Split::record_io) != (spec.type == kRecordIo) &&
      spec.split != TransformSpec::Split::none) {
    return refuse(fmt::format("SplitType {} does not fit ContentType '{}'", split, spec.content_type));
  }
  spec.assemble_lines = MR_TRY(choice(json, "assemble_with", {"None", "Line"})) == "Line";
  if (spec.assemble_lines && spec.response_type == kRecordIo) {
    return refuse("AssembleWith Line does not fit RecordIO-protobuf output; use None");
  }
  spec.single_record = MR_TRY(choice(json, "batch_strategy", {"MultiRecord", "SingleRecord"})) == "SingleRecord";
  const std::int64_t megabytes = json["max_payload_mb"].int_or(6);
  if (megabytes < 0 || megabytes > kMostPayloadMb) return refuse("MaxPayloadInMB must be from 0 to 100");
  spec.max_payload_bytes = static_cast<std::size_t>(megabytes == 0 ? kMostPayloadMb : megabytes) << 20;

  spec.join = MR_TRY(choice(json, "join_source", {"None", "Input"})) == "Input";
  spec.input_filter = MR_TRY(JsonPath::parse(json["input_filter"].string_or()));
  spec.output_filter = MR_TRY(JsonPath::parse(json["output_filter"].string_or()));
  MR_TRY(check_processing(spec));

  for (const Value& input : json["inputs"].items()) {
    spec.inputs.push_back({input["source"].string_or(), input["target"].string_or()});
    if (spec.inputs.back().source.empty() || spec.inputs.back().target.empty()) {
      return refuse("each of the inputs must have a source and a target");
    }
  }
  return spec;
}

}  // namespace millrace::sagemaker::worker
