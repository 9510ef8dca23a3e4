#include "console/api.h"

#include <algorithm>

#include "base/disk_full.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"
#include "console/text.h"
#include "console/views.h"
#include "net/routes.h"
#include "sagemaker/kinds.h"

namespace millrace::console {
namespace {

using sagemaker::KindInfo;

Result<const KindInfo*> find_kind(std::string_view name) {
  if (const KindInfo* kind = sagemaker::find_kind(name)) return kind;
  return fail(Code::not_found, "there is no kind of SageMaker resource named " + std::string(name));
}

Value kind_json(const KindInfo& kind) {
  return Value::object({{"kind", kind.name},
                        {"slug", kind.slug},
                        {"singular", kind.singular},
                        {"plural", kind.plural},
                        {"hint", kind.hint},
                        {"name", kind.name_member},
                        {"arn", kind.arn_member},
                        {"status", kind.status_member},
                        {"started", kind.start_member},
                        {"ended", kind.end_member},
                        {"has_log", !kind.log_group.empty()}});
}

int http_status(const Error& error) {
  if (is_disk_full(error)) return kInsufficientStorage;
  switch (error.code) {
    case Code::invalid_argument:
      return 400;
    case Code::not_found:
      return 404;
    case Code::permission_denied:
      return 403;
    case Code::unavailable:
    case Code::resource_exhausted:
      return 503;
    default:
      return 500;
  }
}

// A count from the query: absent is 0.
Result<std::uint64_t> count_parameter(const net::Request& request, std::string_view name) {
  const auto text = net::query_parameter(request, name);
  if (!text || text->empty()) return std::uint64_t{0};
  const auto number = parse_int(*text);
  if (!number || *number < 0) {
    return fail(Code::invalid_argument, std::string(name) + " must be a whole number, not below 0");
  }
  return static_cast<std::uint64_t>(*number);
}

constexpr std::string_view kTaskLog = "runs/{run}/tasks/{task}/log";

Error unknown_path() { return {Code::not_found, "there is nothing at this address"}; }

}  // namespace

bool Api::is_log_for(std::string_view path, const pipelines::Caller& caller) {
  net::PathParameters parameters;
  return net::match_path(kTaskLog, path, parameters, net::Colon::is_text) &&
         needs_.pipelines.may_see(caller, parameters["run"]);
}

net::Response Api::handle(std::string_view path, const net::Request& request) {
  Result<Value> result = percent_decode(path)
                             ? answer(path, request)
                             : fail(Code::invalid_argument, "the address is not percent-encoded as it should be");
  auto response = result ? net::Response::json(200, to_json(*result))
                         : net::Response::json(http_status(result.error()),
                                               to_json(Value::object({{"message", as_utf8(result.error().message)}})));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

Result<Value> Api::answer(std::string_view path, const net::Request& request) {
  using Parameters = const net::PathParameters&;
  using Request = const net::Request&;
  struct Route {
    std::string_view method, pattern;
    Result<Value> (*read)(Api&, Parameters, Request);
  };
  static constexpr Route kRoutes[] = {
      {"*", "overview", [](Api& api, Parameters, Request) { return api.overview(); }},
      {"*", "runs", [](Api& api, Parameters, Request) { return api.runs(); }},
      {"*", "runs/{run}", [](Api& api, Parameters p, Request) { return api.run(p.at("run")); }},
      {"*", kTaskLog, [](Api& api, Parameters p, Request r) { return api.task_log(p.at("run"), p.at("task"), r); }},
      {"*", "sagemaker", [](Api& api, Parameters, Request) { return api.kinds(); }},
      {"*", "sagemaker/{kind}", [](Api& api, Parameters p, Request) { return api.resources(p.at("kind")); }},
      {"*", "sagemaker/{kind}/{name}",
       [](Api& api, Parameters p, Request) { return api.resource(p.at("kind"), p.at("name")); }},
      {"*", "sagemaker/{kind}/{name}/log",
       [](Api& api, Parameters p, Request r) { return api.resource_log(p.at("kind"), p.at("name"), r); }},
      {"*", "sagemaker/HyperParameterTuningJob/{name}/training-jobs",
       [](Api& api, Parameters p, Request) { return api.training_jobs_of(p.at("name")); }},
      {"*", "s3", [](Api& api, Parameters, Request) { return api.buckets(); }},
      {"*", "s3/{bucket}", [](Api& api, Parameters p, Request r) { return api.folder(p.at("bucket"), r); }},
  };
  net::PathParameters parameters;
  bool other_method = false;
  const Route* route = net::find_route(kRoutes, request.method, path, parameters, other_method, net::Colon::is_text);
  return route != nullptr ? route->read(*this, parameters, request) : fail(unknown_path());
}

Result<Value> Api::overview() {
  Value latest = Value::array();
  for (const auto& run : MR_TRY(needs_.pipelines.runs(kLatestRuns))) latest.push(run_json(run, false));
  const auto counted = MR_TRY(needs_.sagemaker.counts());
  Value counts = Value::object();
  for (const KindInfo& kind : sagemaker::all_kinds()) counts.set(kind.name, Value::object());
  for (const auto& count : counted) counts.child(count.kind).set(count.status, count.resources);
  return Value::object({{"runs", std::move(latest)}, {"counts", std::move(counts)}});
}

Result<Value> Api::runs() {
  Value out = Value::array();
  for (const auto& run : MR_TRY(needs_.pipelines.runs(kMaxRuns))) out.push(run_json(run, false));
  return Value::object({{"runs", std::move(out)}});
}

Result<Value> Api::run(const std::string& id) { return run_json(MR_TRY(needs_.pipelines.run(id)), true); }

Result<Value> Api::task_log(const std::string& run_id, const std::string& task_id, const net::Request& request) {
  const std::uint64_t offset = MR_TRY(count_parameter(request, "offset"));
  auto part = MR_TRY(needs_.pipelines.task_log(run_id, task_id, offset, 0));
  std::uint64_t next = part.next;
  if (part.text.size() > kMaxLogBytes) {
    next -= part.text.size() - kMaxLogBytes;
    part.text.resize(kMaxLogBytes);
    part.complete = false;
  }
  // A character may be half written: its first bytes wait for the next answer. The end of a log is taken as it is.
  if (!part.complete) {
    const std::size_t whole = whole_characters(part.text);
    next -= part.text.size() - whole;
    part.text.resize(whole);
  }
  return Value::object({{"text", as_utf8(part.text)}, {"next_offset", next}, {"complete", part.complete}});
}

Result<Value> Api::kinds() {
  Value kinds = Value::array();
  for (const KindInfo& kind : sagemaker::all_kinds()) kinds.push(kind_json(kind));
  return Value::object({{"kinds", std::move(kinds)}});
}

Result<Value> Api::resources(const std::string& kind) {
  MR_TRY(find_kind(kind));
  Value items = Value::array();
  for (Value& item : MR_TRY(needs_.sagemaker.list(kind))) items.push(std::move(item));
  return Value::object({{"items", std::move(items)}});
}

Result<Value> Api::resource(const std::string& kind, const std::string& name) {
  MR_TRY(find_kind(kind));
  return needs_.sagemaker.describe(kind, name);
}

Result<Value> Api::resource_log(const std::string& kind_name, const std::string& name, const net::Request& request) {
  const KindInfo& kind = *MR_TRY(find_kind(kind_name));
  if (kind.log_group.empty()) return fail(Code::not_found, "a resource of this kind writes no log");
  const bool own_group = kind.log_group.ends_with('/');
  const std::string group = std::string(kind.log_group) + (own_group ? name : std::string());
  const std::uint64_t skip = MR_TRY(count_parameter(request, "skip"));

  // A job has no group and no stream before it writes its first line.
  auto streams = needs_.logs.streams(group, own_group ? std::string() : name + "/");
  if (!streams && streams.error().code != Code::not_found) return fail(streams.error());
  Value names = Value::array();
  if (streams) {
    for (const std::string& stream : *streams) names.push(stream);
  }
  std::string chosen = net::query_parameter(request, "stream").value_or("");
  if (chosen.empty() && streams && !streams->empty()) chosen = streams->front();
  const bool known = streams && std::find(streams->begin(), streams->end(), chosen) != streams->end();
  std::vector<logs::Event> events;
  if (known) events = MR_TRY(needs_.logs.read(group, chosen, skip, kMaxLogEvents));
  return Value::object({{"streams", std::move(names)},
                        {"stream", chosen},
                        {"next", skip + events.size()},
                        {"events", events_json(events)}});
}

Result<Value> Api::training_jobs_of(const std::string& tuning_job) {
  Value items = Value::array();
  for (Value& job : MR_TRY(needs_.sagemaker.training_jobs_of(tuning_job, kMaxTuningJobs))) items.push(std::move(job));
  return Value::object({{"items", std::move(items)}});
}

Result<Value> Api::buckets() {
  Value out = Value::array();
  for (const auto& bucket : MR_TRY(needs_.s3.buckets())) {
    out.push(Value::object({{"name", bucket.name}, {"created", to_epoch_ms(bucket.created)}}));
  }
  return Value::object({{"buckets", std::move(out)}});
}

Result<Value> Api::folder(const std::string& bucket, const net::Request& request) {
  const std::string prefix = net::query_parameter(request, "prefix").value_or("");
  return folder_json(MR_TRY(needs_.s3.system_access()->folder(bucket, prefix, kMaxEntries)));
}

}  // namespace millrace::console
