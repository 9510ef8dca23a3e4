#include "kube/list.h"

#include <algorithm>
#include <limits>
#include <optional>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"
#include "kube/status.h"
#include "kube/table.h"

namespace millrace::kube {
namespace {

// Where a page ended; as the API server encodes it.
struct Continue {
  std::int64_t version = 0;
  std::string start;  // the first key of the next page
};

std::string key_of(const Value& object) {
  const Value& metadata = object.at("metadata");
  return metadata.at("namespace").string_or() + "/" + metadata.at("name").string_or();
}

std::string encode(const Continue& token) {
  return to_base64url(to_json(Value::object({{"v", "meta.k8s.io/v1"}, {"rv", token.version}, {"start", token.start}})));
}

Result<Continue> decode(std::string text) {
  const auto bad = [](std::string_view why) {
    return fail(bad_request(fmt::format("invalid continue token: continue key is not valid: {}", why)));
  };
  text = replace_all(replace_all(std::move(text), "-", "+"), "_", "/");
  text.resize((text.size() + 3) / 4 * 4, '=');
  const auto json = from_base64(text);
  if (!json) return bad("illegal base64 data");
  const auto token = parse_json(*json);
  if (!token || token->at("v").string_or() != "meta.k8s.io/v1" || !token->at("rv").is_integer() ||
      token->at("start").string_or().empty())
    return bad("it was not given out by this server");
  return Continue{token->at("rv").as_int(), token->at("start").as_string()};
}

Error expired_page(const Continue& token) {
  return Error(Code::failed_precondition,
               fmt::format("The provided continue parameter is too old to display a consistent list result. You can "
                           "start a new list without the continue parameter (version {} is no longer known).",
                           token.version),
               "Expired");
}

// Undoes what came after `version`.
Status roll_back(Resource& resource, const std::string& name_space, std::int64_t version, Snapshot& snapshot) {
  if (version >= snapshot.version) return {};
  const auto part = MR_TRY(resource.changes(version, std::numeric_limits<std::size_t>::max()));
  for (auto at = part.changes.rbegin(); at != part.changes.rend(); ++at) {
    const Change& change = **at;
    const bool other = change.resource != resource.kind().resource() ||
                       (!name_space.empty() && change.name_space != name_space) || change.version > snapshot.version;
    if (other) continue;
    const std::string key = key_of(change.object.is_null() ? change.before : change.object);
    std::erase_if(snapshot.objects, [&](const Value& object) { return key_of(object) == key; });
    if (!change.before.is_null()) snapshot.objects.push_back(change.before);
  }
  std::ranges::sort(snapshot.objects, {}, key_of);
  snapshot.version = version;
  return {};
}

Status check_options(const net::Request& request, const std::string& version, const std::string& page) {
  const std::string match = net::query_parameter(request, "resourceVersionMatch").value_or("");
  FieldErrors errors;
  const auto refuse = [&](const char* why) { errors.forbidden("resourceVersionMatch", why); };
  if (!match.empty()) {
    if (version.empty()) refuse("resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (!page.empty()) refuse("resourceVersionMatch is forbidden when continue is provided");
    if (match != "Exact" && match != "NotOlderThan")
      errors.unsupported("resourceVersionMatch", match, {"Exact", "NotOlderThan", ""});
    if (match == "Exact" && version == "0")
      refuse("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  }
  if (net::query_parameter(request, "sendInitialEvents"))
    errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
  return errors.status("ListOptions.meta.k8s.io", "");
}

Error too_new(std::int64_t wanted, std::int64_t latest) {
  Value details = Value::object({{"causes", Value::array({Value::object({{"reason", "ResourceVersionTooLarge"},
                                                                         {"message", "Too large resource version"}})})},
                                 {"retryAfterSeconds", 1}});
  return refusal(Code::deadline_exceeded, "Timeout",
                 fmt::format("Timeout: Too large resource version: {}, current: {}", wanted, latest), details);
}

// The objects at the version that the request asks for, from where its page begins.
Result<Snapshot> wanted_snapshot(Resource& resource, const std::string& name_space, const net::Request& request,
                                 std::string& start) {
  const std::string page = net::query_parameter(request, "continue").value_or("");
  const std::string version_text = net::query_parameter(request, "resourceVersion").value_or("");
  MR_TRY(check_options(request, version_text, page));
  const std::int64_t version = MR_TRY(version_of(request));
  std::optional<Continue> token;
  if (!page.empty()) token = MR_TRY(decode(page));
  Snapshot snapshot = MR_TRY(resource.list(name_space));
  if (version > snapshot.version) return fail(too_new(version, snapshot.version));
  if (token) {
    if (!roll_back(resource, name_space, token->version, snapshot)) return fail(expired_page(*token));
    start = token->start;
  } else if (net::query_parameter(request, "resourceVersionMatch").value_or("") == "Exact") {
    MR_TRY(roll_back(resource, name_space, version, snapshot));
  }
  return snapshot;
}

}  // namespace

Result<Selector> selector_of(const Kind& kind, const net::Request& request) {
  std::vector<std::string> fields = {"metadata.name", "metadata.namespace"};
  fields.insert(fields.end(), kind.selectable_fields.begin(), kind.selectable_fields.end());
  return Selector::parse(net::query_parameter(request, "labelSelector").value_or(""),
                         net::query_parameter(request, "fieldSelector").value_or(""), fields);
}

Result<std::int64_t> version_of(const net::Request& request) {
  const std::string text = net::query_parameter(request, "resourceVersion").value_or("");
  if (text.empty()) return 0;
  const auto version = parse_int(text);
  if (version && *version >= 0) return *version;
  return fail(bad_request(fmt::format(
      "invalid resource version: resourceVersion: Invalid value: \"{}\": strconv.ParseUint: parsing \"{}\": "
      "invalid syntax",
      text, text)));
}

Result<net::Response> list(Resource& resource, const std::string& name_space, const net::Request& request, Time now) {
  const Selector selector = MR_TRY(selector_of(resource.kind(), request));
  const Form form = MR_TRY(form_of(request));
  const auto limit = parse_int(net::query_parameter(request, "limit").value_or("0")).value_or(0);
  std::string start;
  Snapshot snapshot = MR_TRY(wanted_snapshot(resource, name_space, request, start));
  std::erase_if(snapshot.objects,
                [&](const Value& object) { return key_of(object) < start || !selector.matches(object); });
  Value metadata = Value::object({{"resourceVersion", std::to_string(snapshot.version)}});
  if (limit > 0 && snapshot.objects.size() > static_cast<std::size_t>(limit)) {
    const auto taken = static_cast<std::size_t>(limit);
    metadata.set("continue", encode({snapshot.version, key_of(snapshot.objects[taken])}));
    if (selector.matches_all()) metadata.set("remainingItemCount", snapshot.objects.size() - taken);
    snapshot.objects.resize(taken);
  }
  if (form.shows_objects()) {
    for (Value& object : snapshot.objects) resource.fill_in(object);
  }
  return object(200, list_as(form, resource.kind(), std::move(snapshot.objects), metadata, now));
}

}  // namespace millrace::kube
