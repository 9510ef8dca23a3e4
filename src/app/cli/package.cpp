#include "app/cli/package.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/core.h>

#include "app/cli/slow.h"
#include "app/cli/text.h"
#include "base/file.h"
#include "base/strings.h"
#include "components/components.h"
#include "pipelines/api/package_file.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/submission_check.h"

namespace millrace::app {
namespace {

constexpr std::size_t kMaxFile = 32u << 20;  // as the API's
constexpr std::size_t kMaxFindings = 50;
constexpr std::size_t kMaxRounds = 200;
constexpr std::size_t kShownLine = 100;
constexpr std::string_view kNoPipeline = "this is not a KFP pipeline: ";

Finding finding_of(const Error& error) {
  Finding finding;
  std::string_view rest = error.message;
  // What is no YAML at all: the place stands behind this.
  if (const std::string whole = std::string(kNoPipeline) + "line "; rest.starts_with(whole))
    rest.remove_prefix(kNoPipeline.size());
  if (rest.starts_with("line ")) {
    const std::size_t end = rest.find_first_not_of("0123456789", 5);
    if (const auto line = parse_int(rest.substr(5, end - 5)); line && end != std::string_view::npos) {
      finding.line = static_cast<std::uint32_t>(*line);
      rest.remove_prefix(std::min(rest.find_first_not_of(",: ", end), rest.size()));
    }
  }
  const std::size_t colon = rest.find(": ");
  if (colon != std::string_view::npos && rest.substr(0, colon).find(' ') == std::string_view::npos) {
    finding.path = rest.substr(0, colon);
    rest.remove_prefix(colon + 2);
  }
  finding.what = rest;
  return finding;
}

// Takes out what `path` leads to, as deep as it leads, and notes its name. Names may have dots in them.
bool take_out(Value& document, std::string_view path, std::set<std::string>& gone) {
  Value *at = &document, *parent = nullptr;
  std::string name;
  std::size_t depth = 0;
  while (!path.empty()) {
    std::string longest;
    for (const auto& [key, member] : at->members()) {
      const bool fits =
          path.starts_with(key) && (path.size() == key.size() || path[key.size()] == '.' || path[key.size()] == '[');
      if (fits && key.size() >= longest.size() && !key.empty()) longest = key;
    }
    if (longest.empty()) break;
    parent = at;
    at = at->find(longest);
    path.remove_prefix(std::min(path.size(), longest.size() + 1));
    name = longest;
    ++depth;
  }
  // Without its root, or any of its other chapters, nothing that is left means what it did.
  const bool extra_chapter = depth == 1 && name != "root" && name != "components" && name != "deploymentSpec";
  if (parent == nullptr || (depth < 2 && !extra_chapter)) return false;
  gone.insert(name);
  return parent->erase(name);
}

bool follows_from(const Finding& finding, const std::set<std::string>& gone) {
  return std::any_of(gone.begin(), gone.end(), [&](const std::string& name) {
    return finding.what.find("\"" + name + "\"") != std::string::npos ||
           finding.what.find(" " + name) != std::string::npos || finding.path == name ||
           finding.path.ends_with("." + name);
  });
}

Result<std::string> compile(const std::filesystem::path& file) {
  const TempDir directory = MR_TRY(TempDir::make("millrace-compile"));
  const std::string output = (directory.path() / "pipeline.yaml").string(), log = (directory.path() / "log").string(),
                    source = file.string();
  const char* arguments[] = {"kfp", "dsl", "compile", "--py", source.c_str(), "--output", output.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  const int started = ::posix_spawnp(&child, "kfp", &actions, nullptr, const_cast<char**>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (started != 0) {
    return fail(
        Code::failed_precondition,
        fmt::format("{} is Python, and the SDK that compiles it is not here: install it with `pip install kfp`, "
                    "or compile the file elsewhere and give the .yaml",
                    source));
  }
  const int status = saying(fmt::format("compiling {} with your kfp", source), [child] {
    int ended = 0;
    while (::waitpid(child, &ended, 0) < 0 && errno == EINTR) {
    }
    return ended;
  });
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const auto text = read_file(log);
    return fail(Code::invalid_argument,
                fmt::format("`kfp dsl compile` refuses {}:\n{}", source, text ? trim(*text) : std::string_view()));
  }
  return read_file(output, kMaxFile);
}

}  // namespace

Finding place(Finding finding, const Value& document) {
  const Value* at = &document;
  for (const std::string_view name : split(finding.path, '.')) {
    const Value* member = at->find(name);
    if (member == nullptr) break;
    at = member;
  }
  finding.line = at->line;
  return finding;
}

std::vector<Finding> find_machine_problems(const PipelineFile& pipeline, const ServeOptions& server) {
  pipelines::Options options;
  options.images = server.images;
  options.containers = server.containers;
  options.node_labels = server.node_labels;
  pipelines::Hooks hooks;
  hooks.sandboxed = [] { return true; };  // whether the server's machine gives one, it says itself
  hooks.native_image = [](const std::string& image, const std::vector<std::string>& command_line) {
    return components::native_command("millrace", image, command_line);
  };
  const Status runs = pipelines::executors::check_submission(options, hooks, *pipeline.spec,
                                                             pipelines::executors::default_parameters(*pipeline.spec));
  if (runs) return {};
  const Value& document = pipeline.message.has("pipeline_spec") ? pipeline.message["pipeline_spec"] : pipeline.message;
  return {place(finding_of(runs.error()), document)};
}

std::vector<Finding> find_problems(const std::string& text) {
  auto package = pipelines::read_package(text);
  if (!package) return {finding_of(package.error())};
  std::vector<Finding> findings;
  std::set<std::string> gone;
  for (std::size_t round = 0; round < kMaxRounds && findings.size() < kMaxFindings; ++round) {
    const auto spec = pipelines::parse_pipeline_spec(package->spec, package->platform);
    if (spec) {
      const Status startable = pipelines::engine::check_input_artifacts(*spec);
      if (!startable && findings.empty()) findings.push_back(place(finding_of(startable.error()), package->spec));
      break;
    }
    Finding finding = finding_of(spec.error());
    const std::string path = finding.path;
    if (!follows_from(finding, gone)) findings.push_back(std::move(finding));
    if (!take_out(package->spec, path, gone) && !take_out(package->platform, path, gone)) break;
  }
  std::sort(findings.begin(), findings.end(),
            [](const Finding& a, const Finding& b) { return std::tie(a.line, a.path) < std::tie(b.line, b.path); });
  return findings;
}

Result<PipelineFile> open_pipeline(const std::filesystem::path& file) {
  PipelineFile pipeline;
  pipelines::api::UploadedFile upload{file.filename().string(), ""};
  pipeline.compiled = file.extension() == ".py";
  if (pipeline.compiled) {
    upload = {"pipeline.yaml", MR_TRY(compile(file))};
  } else {
    auto content = read_file(file, kMaxFile);
    if (!content) return fail(Code::invalid_argument, std::move(content.error().message));
    upload.content = std::move(*content);
  }
  pipeline.text = MR_TRY(pipelines::api::unpack(upload));
  pipeline.findings = find_problems(pipeline.text);
  if (!pipeline.findings.empty()) return pipeline;
  const pipelines::Package package = MR_TRY(pipelines::read_package(pipeline.text));
  pipeline.spec = MR_TRY(pipelines::parse_pipeline_spec(package.spec, package.platform));
  pipeline.message = MR_TRY(pipelines::api::read_pipeline({"pipeline.yaml", pipeline.text}));
  return pipeline;
}

std::string findings_text(const std::string& file, const PipelineFile& pipeline) {
  const auto lines = split(pipeline.text, '\n');
  std::string text;
  for (const Finding& finding : pipeline.findings) {
    text += file;
    if (finding.line > 0) text += fmt::format(":{}", finding.line);
    text += ": ";
    if (!finding.path.empty()) text += finding.path + ": ";
    text += finding.what + "\n";
    if (finding.line > 0 && finding.line <= lines.size())
      text += fmt::format("{:>6} │ {}\n", finding.line, cut(one_line(lines[finding.line - 1]), kShownLine));
  }
  if (pipeline.compiled && !text.empty())
    text += "The lines are those of the YAML that `kfp dsl compile` makes of it.\n";
  return text;
}

}  // namespace millrace::app
