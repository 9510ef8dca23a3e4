#include "pipelines/v1/tags.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::pipelines::v1 {
namespace {

using Kind = Tag::Kind;

struct Plain {
  std::string_view tag;
  Kind kind;
};
constexpr Plain kPlain[] = {{"workflow.name", Kind::workflow_name},
                            {"workflow.uid", Kind::workflow_uid},
                            {"workflow.namespace", Kind::workflow_namespace},
                            {"workflow.creationTimestamp", Kind::workflow_created},
                            {"workflow.creationTimestamp.RFC3339", Kind::workflow_created},
                            {"workflow.serviceAccountName", Kind::workflow_account},
                            {"workflow.status", Kind::workflow_status},
                            // What KFP's API server writes on every workflow.
                            {"workflow.annotations.pipelines.kubeflow.org/run_name", Kind::workflow_title},
                            {"workflow.labels.pipeline/runid", Kind::workflow_uid},
                            {"pod.name", Kind::pod_name},
                            {"item", Kind::item}};
// What begins like one of Argo's; the rest is no tag.
constexpr std::string_view kNamespaces[] = {"inputs.",  "outputs.", "tasks.",    "workflow.",    "item.", "pod.",
                                            "retries.", "steps.",   "lastRetry", "cronworkflow", "node.", "="};

tl::unexpected<Error> unknown(std::string_view body) {
  return fail(Code::unimplemented, fmt::format("{{{{{}}}}} has no meaning here", body));
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// A name ends up between quotes in a placeholder.
bool usable(std::string_view name) { return !name.empty() && name.find_first_of("'{}\n") == std::string_view::npos; }

// nullopt: none of Argo's.
Result<std::optional<Tag>> read_tag(std::string_view body) {
  for (const Plain& plain : kPlain) {
    if (body == plain.tag) return Tag{plain.kind, {}, {}};
  }
  const auto is_known = [&](std::string_view prefix) { return body.starts_with(prefix); };
  if (std::none_of(std::begin(kNamespaces), std::end(kNamespaces), is_known) && body != "retries") return std::nullopt;
  std::string_view rest = body;
  Tag tag;
  if (take(rest, "item.")) {
    tag.kind = Kind::item;
  } else if (take(rest, "inputs.parameters.")) {
    tag.kind = Kind::input_parameter;
  } else if (take(rest, "inputs.artifacts.")) {
    tag.kind = rest.ends_with(".path") ? Kind::input_path : Kind::input_artifact;
  } else if (take(rest, "outputs.parameters.") || take(rest, "outputs.artifacts.")) {
    if (!rest.ends_with(".path")) return unknown(body);
    tag.kind = Kind::output_path;
  } else if (take(rest, "workflow.parameters.")) {
    tag.kind = Kind::workflow_parameter;
  } else if (take(rest, "tasks.")) {
    const std::size_t end = rest.find('.');
    if (end == std::string_view::npos) return unknown(body);
    tag.task = rest.substr(0, end);
    rest.remove_prefix(end);
    if (take(rest, ".outputs.parameters."))
      tag.kind = Kind::task_parameter;
    else if (take(rest, ".outputs.artifacts."))
      tag.kind = Kind::task_artifact;
    else
      return unknown(body);
  } else {
    return unknown(body);
  }
  if (tag.kind == Kind::input_path || tag.kind == Kind::output_path) rest.remove_suffix(sizeof(".path") - 1);
  if (!usable(rest)) return unknown(body);
  tag.name = rest;
  return tag;
}

}  // namespace

bool is_of_the_run(Kind kind) {
  return kind == Kind::workflow_name || kind == Kind::workflow_title || kind == Kind::workflow_uid ||
         kind == Kind::workflow_namespace || kind == Kind::workflow_created || kind == Kind::workflow_account ||
         kind == Kind::pod_name;
}

Result<Text> read_text(std::string_view text) {
  Text out;
  std::string plain;
  while (!text.empty()) {
    const std::size_t start = text.find("{{");
    const std::size_t end = start == std::string_view::npos ? start : text.find("}}", start);
    if (end == std::string_view::npos) break;
    const std::string_view body = text.substr(start + 2, end - start - 2);
    auto tag = MR_TRY(read_tag(trim(body)));
    if (!tag) {
      // Another one may begin within.
      plain += text.substr(0, start + 2);
      text.remove_prefix(start + 2);
      continue;
    }
    plain += text.substr(0, start);
    if (!plain.empty()) out.push_back({Kind::text, std::move(plain), {}});
    plain.clear();
    out.push_back(std::move(*tag));
    text.remove_prefix(end + 2);
  }
  plain += text;
  if (!plain.empty()) out.push_back({Kind::text, std::move(plain), {}});
  return out;
}

bool is_one_tag(const Text& text) { return text.size() == 1 && text.front().kind != Kind::text; }

bool has_tags(const Text& text) {
  return std::any_of(text.begin(), text.end(), [](const Tag& tag) { return tag.kind != Kind::text; });
}

}  // namespace millrace::pipelines::v1
