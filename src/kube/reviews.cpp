#include "kube/reviews.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "base/strings.h"
#include "kube/request.h"
#include "kube/schema.h"

namespace millrace::kube {
namespace {

bool has_resource(const std::vector<Resource*>& resources, const Value& asked) {
  return std::ranges::any_of(resources, [&](const Resource* resource) {
    const Kind& kind = resource->kind();
    return kind.plural == asked.at("resource").string_or() && kind.group == asked.at("group").string_or();
  });
}

// Of subresources the log of pods is served, and the status of custom resources.
bool allowed(const std::vector<Resource*>& resources, const Value& asked) {
  const std::string verb = asked.at("verb").string_or(), plural = asked.at("resource").string_or();
  if (verb == "*" || plural == "*") return true;
  const std::string subresource = asked.at("subresource").string_or();
  if (subresource == "log") return plural == "pods" && (verb == "get" || verb == "list");
  return std::ranges::any_of(resources, [&](const Resource* resource) {
    const Kind& kind = resource->kind();
    if (!subresource.empty() && !(kind.is_custom && subresource == "status")) return false;
    return kind.plural == plural && kind.group == asked.at("group").string_or() && kind.allows(verb);
  });
}

Value access_status(const std::vector<Resource*>& resources, const Value& spec) {
  const Value& asked = spec.at("resourceAttributes");
  const bool yes = asked.is_null() || allowed(resources, asked);
  Value status = Value::object({{"allowed", yes}});
  if (!yes) {
    status.set("reason", has_resource(resources, asked) ? "this verb is not served for this resource here"
                                                        : "this resource is not served here");
  }
  return status;
}

Value rules_status(const std::vector<Resource*>& resources) {
  Value rules = Value::array();
  for (const Resource* resource : resources) {
    const Kind& kind = resource->kind();
    rules.push(Value::object({{"verbs", Value::texts(kind.verbs)},
                              {"apiGroups", Value::array({kind.group})},
                              {"resources", Value::array({kind.plural})}}));
  }
  rules.push(Value::object({{"verbs", Value::array({"get"})},
                            {"apiGroups", Value::array({""})},
                            {"resources", Value::array({"pods/log"})}}));
  return Value::object(
      {{"resourceRules", std::move(rules)},
       {"nonResourceRules",
        Value::array({Value::object({{"verbs", Value::array({"get"})}, {"nonResourceURLs", Value::array({"*"})}})})},
       {"incomplete", false}});
}

Value user_status() {
  return Value::object(
      {{"userInfo",
        Value::object({{"username", kUser}, {"groups", Value::array({"system:masters", "system:authenticated"})}})}});
}

}  // namespace

const std::vector<ReviewKind>& review_kinds() {
  static const std::vector<ReviewKind> kinds = {
      {"authentication.k8s.io", "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview"},
      {"authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectaccessreview", "SelfSubjectAccessReview"},
      {"authorization.k8s.io", "selfsubjectrulesreviews", "selfsubjectrulesreview", "SelfSubjectRulesReview"},
  };
  return kinds;
}

Result<net::Response> review(const ReviewKind& review, const std::vector<Resource*>& resources, net::Request& request) {
  const std::string text = MR_TRY(read_body(request));
  Value asked = MR_TRY(parse_object(request, text));
  const std::string group = std::string(review.group), kind = std::string(review.kind);
  const std::string schema = fmt::format("io.k8s.api.{}.v1.{}", group.substr(0, group.find('.')), kind);
  if (auto check = check_fields(schema, asked); !check) {
    return fail(bad_request(
        fmt::format("{} in version \"v1\" cannot be handled as a {}: {}", kind, kind, check.error().message)));
  }
  const Value& spec = asked.at("spec");
  FieldErrors errors;
  if (kind == "SelfSubjectAccessReview") {
    const bool resource = !spec.at("resourceAttributes").is_null(), path = !spec.at("nonResourceAttributes").is_null();
    if (resource == path) {
      errors.invalid(resource ? "spec.resourceAttributes" : "spec", spec.at("nonResourceAttributes"),
                     resource ? "cannot be specified in combination with resourceAttributes"
                              : "exactly one of nonResourceAttributes or resourceAttributes must be specified");
    }
  }
  MR_TRY(errors.status(kind + "." + group, ""));
  Value status = kind == "SelfSubjectAccessReview"  ? access_status(resources, spec)
                 : kind == "SelfSubjectRulesReview" ? rules_status(resources)
                                                    : user_status();
  Value answered = Value::object({{"kind", kind}, {"apiVersion", group + "/v1"}, {"metadata", Value::object()}});
  if (kind != "SelfSubjectReview") answered.set("spec", spec.is_null() ? Value::object() : spec);
  return answer(201, answered.set("status", std::move(status)));
}

Status check_impersonation(const net::Request& request) {
  const std::string user(request.headers.get("Impersonate-User"));
  const bool more = std::ranges::any_of(request.headers.fields(), [](const auto& field) {
    const std::string name = to_lower(field.first);
    return name.starts_with("impersonate-") && name != "impersonate-user";
  });
  if (user.empty() && more) return fail(bad_request("requested groups or more of a user, without impersonating one"));
  if (user.empty() || (user == kUser && !more)) return {};
  return fail(forbidden("users", user,
                        fmt::format("User \"{}\" cannot impersonate resource \"users\" in API group \"\" at the "
                                    "cluster scope: every request is made as the token's own user here",
                                    kUser)));
}

}  // namespace millrace::kube
