#include "kube/delete_options.h"

#include <fmt/core.h>

#include "kube/request.h"

namespace millrace::kube {

Result<DeleteOptions> delete_options(net::Request& request) {
  DeleteOptions options;
  Value sent = Value::object();
  const std::string text = MR_TRY(read_body(request));
  if (!text.empty()) sent = MR_TRY(parse_object(request, text));
  // A body takes the place of the query.
  Value dry = sent.at("dryRun");
  if (const auto query = net::query_parameter(request, "dryRun"); text.empty() && query && !query->empty())
    dry = Value::array({*query});
  FieldErrors errors;
  for (const Value& word : dry.items()) {
    if (word.string_or() == "All") continue;
    errors.unsupported("dryRun", dry, {"All"});
    break;
  }
  std::string policy = sent.at("propagationPolicy").string_or();
  if (text.empty()) policy = net::query_parameter(request, "propagationPolicy").value_or("");
  if (!policy.empty() && policy != "Foreground" && policy != "Background" && policy != "Orphan")
    errors.unsupported("propagationPolicy", policy, {"Foreground", "Background", "Orphan", "nil"});
  MR_TRY(errors.status("DeleteOptions.meta.k8s.io", ""));
  options.dry_run = !dry.empty();
  options.uid = sent.at("preconditions").at("uid").string_or();
  options.resource_version = sent.at("preconditions").at("resourceVersion").string_or();
  return options;
}

Status check_preconditions(const Kind& kind, const Value& present, const DeleteOptions& options) {
  struct Precondition {
    const char* word;
    const char* field;
    const std::string& wanted;
    const char* happened;
  };
  const Value& metadata = present.at("metadata");
  for (const auto& [word, field, wanted, happened] :
       {Precondition{"UID", "uid", options.uid, "deleted and then recreated"},
        Precondition{"ResourceVersion", "resourceVersion", options.resource_version, "modified"}}) {
    const std::string actual = metadata.at(field).string_or();
    if (wanted.empty() || wanted == actual) continue;
    return fail(conflict(
        kind.full_kind(), metadata.at("name").string_or(),
        fmt::format(
            "the {0} in the precondition ({1}) does not match the {0} in record ({2}). The object might have been "
            "{3}",
            word, wanted, actual, happened)));
  }
  return {};
}

}  // namespace millrace::kube
