#include "sagemaker/serving/capture.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "sagemaker/jobs/object_paths.h"

namespace millrace::sagemaker {
namespace {

constexpr Millis kFlush{1'000};
constexpr std::string_view kType = "application/json";

std::vector<std::string> types_of(const Value& list, std::string otherwise) {
  std::vector<std::string> out;
  for (const Value& type : list.items()) out.push_back(to_lower(type.string_or()));
  if (out.empty()) out.push_back(std::move(otherwise));
  return out;
}

Value captured(const CaptureConfig& config, std::string_view mode, const std::string& content_type,
               const std::string& data) {
  const std::string type = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  const auto is_among = [&](const std::vector<std::string>& types) {
    return std::ranges::find(types, type) != types.end();
  };
  const bool is_text = is_valid_utf8(data);
  const bool is_csv = is_text && is_among(config.csv_types), is_json = is_text && is_among(config.json_types);
  Value out = Value::object({{"mode", mode},
                             {"data", is_csv || is_json ? data : to_base64(data)},
                             {"encoding", is_csv    ? "CSV"
                                          : is_json ? "JSON"
                                                    : "BASE64"}});
  if (!content_type.empty()) out.set("observedContentType", content_type);
  return out;
}

}  // namespace

std::optional<CaptureConfig> capture_config(const Value& given) {
  if (!given["EnableCapture"].bool_or(false)) return std::nullopt;
  CaptureConfig config;
  config.percent = given["InitialSamplingPercentage"].double_or(100);
  config.destination = given["DestinationS3Uri"].string_or();
  for (const Value& option : given["CaptureOptions"].items()) {
    const std::string mode = option["CaptureMode"].string_or();
    config.input = config.input || mode != "Output";
    config.output = config.output || mode != "Input";
  }
  config.csv_types = types_of(given["CaptureContentTypeHeader"]["CsvContentTypes"], "text/csv");
  config.json_types = types_of(given["CaptureContentTypeHeader"]["JsonContentTypes"], std::string(kType));
  return config;
}

std::string capture_line(const CaptureConfig& config, const CapturedInvocation& invocation, std::string_view id,
                         Time now) {
  Value data = Value::object();
  if (config.input) data.set("endpointInput", captured(config, "INPUT", invocation.content_type, invocation.input));
  if (config.output)
    data.set("endpointOutput", captured(config, "OUTPUT", invocation.answer.content_type, invocation.answer.body));
  Value about = Value::object({{"eventId", id}, {"inferenceTime", format_rfc3339(now)}});
  if (!invocation.inference_id.empty()) about.set("inferenceId", invocation.inference_id);
  if (!invocation.custom_attributes.empty())
    about.set("customAttributes", Value::array({invocation.custom_attributes}));
  return to_json(Value::object(
             {{"captureData", std::move(data)}, {"eventMetadata", std::move(about)}, {"eventVersion", "0"}})) +
         "\n";
}

struct Capture::Impl {
  struct Waiting {
    std::shared_ptr<const CaptureConfig> config;  // shared with the route
    std::string text;
  };
  Impl(Dependencies& d, const Execution& e, std::function<void(std::function<void()>)> l)
      : dependencies(d), execution(e), later(std::move(l)) {}
  Dependencies& dependencies;
  const Execution& execution;
  const std::function<void(std::function<void()>)> later;
  Mutex mutex;
  std::map<std::string, Waiting> waiting MR_GUARDED_BY(mutex);  // by what comes behind the destination
  std::size_t bytes MR_GUARDED_BY(mutex) = 0;
  bool flushing MR_GUARDED_BY(mutex) = false;

  void write(const std::string& place, const Waiting& what) {
    const Time now = dependencies.clock.now();
    const std::string at = format_rfc3339_millis(now);  // 2026-01-02T03:04:05.678Z
    const std::string name =
        fmt::format("{}/{}/{}/{}/{}/{}-{}-{}-{}.jsonl", place, at.substr(0, 4), at.substr(5, 2), at.substr(8, 2),
                    at.substr(11, 2), at.substr(14, 2), at.substr(17, 2), at.substr(20, 3), uuid4());
    const auto written = [&]() -> Status {
      const auto uri = MR_TRY(s3::parse_uri(join_uri(what.config->destination, name)));
      const auto access = MR_TRY(dependencies.access_as(what.config->role_arn, what.config->origin));
      MR_TRY(access->put(uri.bucket, uri.key, what.text, "application/jsonlines"));
      return {};
    }();
    if (!written) log::warn("the captured data of {} cannot be written: {}", place, written.error().message);
  }
};

Capture::Capture(Dependencies& dependencies, const Execution& execution,
                 std::function<void(std::function<void()>)> later)
    : impl_(std::make_unique<Impl>(dependencies, execution, std::move(later))) {}
Capture::~Capture() = default;

void Capture::record(const std::string& endpoint, const std::shared_ptr<const CaptureConfig>& config,
                     const CapturedInvocation& invocation) {
  std::string line = capture_line(*config, invocation, uuid4(), impl_->dependencies.clock.now());
  {
    const MutexLock lock(impl_->mutex);
    if (impl_->bytes + line.size() > kMaxWaiting) {
      log::warn("an invocation of {} is not captured: {} bytes wait to be written", endpoint, impl_->bytes);
      return;
    }
    impl_->bytes += line.size();
    auto& waiting = impl_->waiting[fmt::format("{}/{}", endpoint, invocation.answer.variant)];
    waiting.config = config;
    waiting.text += line;
    if (std::exchange(impl_->flushing, true)) return;
  }
  impl_->execution.timers.after(kFlush, [this] { impl_->later([this] { flush(); }); });
}

void Capture::flush() {
  std::map<std::string, Impl::Waiting> taken;
  {
    const MutexLock lock(impl_->mutex);
    taken.swap(impl_->waiting);
    impl_->bytes = 0;
    impl_->flushing = false;
  }
  for (const auto& [place, what] : taken) impl_->write(place, what);
}

}  // namespace millrace::sagemaker
