#include "app/cli/find.h"

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

constexpr std::size_t kUuid = 36;
constexpr std::string_view kAfterAnyId = "~";  // ids are of 0-9, a-f and dashes
constexpr std::size_t kShown = 5;              // of several that a prefix may mean
constexpr std::size_t kPage = 100;

// A list, its member in the answer, and what a person is to be told where nothing has the name.
struct Kind {
  std::string_view what, path, items;
  std::string_view see;
};
constexpr Kind kPipelines{"pipeline", "/pipelines", "pipelines",
                          "see `millrace pipelines`, or upload it with `millrace upload`"};
constexpr Kind kExperiments{"experiment", "/experiments", "experiments", "`millrace run --experiment` makes one"};
constexpr Kind kRecurring{"recurring run", "/recurringruns", "recurringRuns", "see `millrace recurring list`"};

Result<Value> first_named(ApiClient& client, const Kind& kind, std::string_view key, const std::string& name) {
  const Value named = MR_TRY(client.call("GET", fmt::format("{}?page_size=1&sort_by=created_at%20desc&filter={}",
                                                            kind.path, filter({{"EQUALS", key, name}}))));
  return named[kind.items].empty() ? Value() : named[kind.items].items()[0];
}

Result<Value> find(ApiClient& client, const Kind& kind, const std::string& name, std::vector<std::string_view> keys) {
  if (name.empty()) return fail(Code::invalid_argument, fmt::format("the name of the {} is empty", kind.what));
  for (const std::string_view key : keys) {
    Value found = MR_TRY(first_named(client, kind, key, name));
    if (!found.is_null()) return found;
  }
  auto found = client.call("GET", fmt::format("{}/{}", kind.path, percent_encode(name)));
  if (found || found.error().code != Code::not_found) return found;
  return fail(Code::not_found, fmt::format("there is no {} \"{}\"; {}", kind.what, name, kind.see));
}

Result<Value> find_run_by_prefix(ApiClient& client, const std::string& name) {
  const std::string prefix = to_lower(name);
  const std::string end = prefix + std::string(kAfterAnyId);
  const std::string range = filter({{"GREATER_THAN_EQUALS", "run_id", prefix}, {"LESS_THAN", "run_id", end}});
  const Value like =
      MR_TRY(client.call("GET", fmt::format("/runs?page_size={}&sort_by=run_id&filter={}", kShown + 1, range)));
  std::vector<std::string> ids;
  for (const Value& candidate : like["runs"].items()) ids.push_back(candidate["run_id"].string_or());
  if (ids.size() == 1) return client.run(ids[0]);
  if (ids.empty()) {
    return fail(Code::not_found,
                fmt::format("no run is called \"{}\" or has an id that starts so; see `millrace runs`", name));
  }
  const bool more = ids.size() > kShown;
  ids.resize(std::min(ids.size(), kShown));
  return fail(Code::failed_precondition, fmt::format("\"{}\" may be {} runs: {}{}; give more of the id", name,
                                                     like["total_size"].int_or(0), join(ids, ", "), more ? ", …" : ""));
}

}  // namespace

std::string filter(std::initializer_list<Predicate> predicates) {
  Value all = Value::array();
  for (const auto& [operation, key, value] : predicates) {
    // The API undoes escapes in a filter once more than HTTP does.
    all.push(Value::object(
        {{"operation", operation}, {"key", key}, {"string_value", replace_all(std::string(value), "%", "%25")}}));
  }
  return percent_encode(to_json(Value::object({{"predicates", std::move(all)}})));
}

Result<Value> list_all(ApiClient& client, const std::string& path, std::string_view items, std::size_t limit) {
  Value all = Value::array();
  std::string token;
  do {
    const Value page = MR_TRY(client.call(
        "GET", fmt::format("{}&page_size={}&page_token={}", path, std::min(kPage, limit - all.size()), token)));
    for (const Value& item : page[items].items()) all.push(item);
    token = percent_encode(page["next_page_token"].string_or());
  } while (!token.empty() && all.size() < limit);
  return all;
}

Result<Value> find_run(ApiClient& client, const std::string& name) {
  // Every id begins so: where there is one run only, it would be meant by a variable that is not set.
  if (name.empty()) return fail(Code::invalid_argument, "RUN is empty; name a run, or say latest");
  if (name == "latest") {
    const Value newest = MR_TRY(client.call("GET", "/runs?page_size=1&sort_by=created_at%20desc"));
    if (newest["runs"].empty()) return fail(Code::not_found, "there is no run yet; start one with `millrace run FILE`");
    return client.run(newest["runs"].items()[0]["run_id"].string_or());
  }
  if (name.size() == kUuid) {
    auto found = client.run(name);
    if (found || found.error().code != Code::not_found) return found;
  }
  const Value named = MR_TRY(client.call(
      "GET", "/runs?page_size=1&sort_by=created_at%20desc&filter=" + filter({{"EQUALS", "display_name", name}})));
  if (!named["runs"].empty()) return client.run(named["runs"].items()[0]["run_id"].string_or());
  return find_run_by_prefix(client, name);
}

Result<Value> find_pipeline(ApiClient& client, const std::string& name) {
  return find(client, kPipelines, name, {"name", "display_name"});
}

Result<Value> find_version(ApiClient& client, const Value& pipeline, const std::string& name) {
  const std::string path = fmt::format("/pipelines/{}/versions", percent_encode(pipeline["pipeline_id"].string_or()));
  const Kind kind{"version", path, "pipeline_versions", "see `millrace pipelines PIPELINE`"};
  if (!name.empty()) return find(client, kind, name, {"name", "display_name"});
  const Value newest = MR_TRY(client.call("GET", path + "?page_size=1&sort_by=created_at%20desc"));
  if (!newest["pipeline_versions"].empty()) return newest["pipeline_versions"].items()[0];
  return fail(Code::not_found, fmt::format("the pipeline {} has no version; add one with `millrace upload FILE "
                                           "--pipeline`",
                                           pipeline["display_name"].string_or()));
}

Result<Value> find_experiment(ApiClient& client, const std::string& name) {
  return find(client, kExperiments, name, {"display_name"});
}

Result<Value> find_recurring(ApiClient& client, const std::string& name) {
  return find(client, kRecurring, name, {"display_name"});
}

}  // namespace millrace::app
