#include "sagemaker/frameworks/environments.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "base/value.h"
#include "proc/child_user.h"
#include "sagemaker/frameworks/install_program.h"

namespace millrace::sagemaker::frameworks {
namespace {

constexpr std::string_view kKeys = "sagemaker-environment/";
constexpr std::string_view kForm = "1";  // of an environment: another one makes them all anew
constexpr std::size_t kMaxNotes = 16u << 10, kMaxNoteLines = 20;

std::string interpreter_of(const Image& image) {
  if (!image.python.empty()) {
    std::string own = work::program_on_path(kProgramPath, "python" + image.python);
    if (!own.empty()) return own;
  }
  std::string any = work::program_on_path(kProgramPath, "python3");
  return any.empty() ? "python3" : any;
}

// Written by the child that made the environment.
std::vector<std::string> notes_of(const work::KeptEnvironment& environment) {
  std::vector<std::string> lines;
  const auto tree = UntrustedTree::open(environment.directory);
  const auto text = tree ? tree->read(std::string(kNotesFile), kMaxNotes) : Result<std::string>(fail(tree.error()));
  if (!text || !is_valid_utf8(*text)) return lines;
  for (const std::string_view line : split(*text, '\n')) {
    if (!line.empty() && lines.size() < kMaxNoteLines) lines.emplace_back(line);
  }
  return lines;
}

// A line of requirements.txt that names something of the index.
bool is_of_index(std::string_view line) {
  if (line.front() == '-') {
    constexpr std::string_view kOptions[] = {
        "--index-url",   "-i",          "--extra-index-url", "--pre", "--prefer-binary",
        "--only-binary", "--no-binary", "--trusted-host"};
    const std::string_view option = line.substr(0, line.find_first_of(" ="));
    return std::find(std::begin(kOptions), std::end(kOptions), option) != std::end(kOptions);
  }
  if (line.front() == '.' || line.front() == '/' || line.find("file:") != std::string_view::npos) return false;
  const std::string_view name = line.substr(0, line.find_first_of(" ;@#=<>~!["));
  return name.find('/') == std::string_view::npos && !name.ends_with(".whl") && !name.ends_with(".gz") &&
         !name.ends_with(".zip");
}

}  // namespace

bool can_be_kept(std::string_view requirements) {
  if (requirements.size() > kMaxRequirements || !is_valid_utf8(requirements) ||
      requirements.find('\0') != std::string_view::npos || requirements.find("\\\n") != std::string_view::npos)
    return false;
  for (std::string_view line : split(requirements, '\n')) {
    line = trim(line);
    if (!line.empty() && line.front() != '#' && !is_of_index(line)) return false;
  }
  return true;
}

std::string title_of(const Image& image) {
  if (image.framework == "python") return image.python.empty() ? "Python" : "Python " + image.python;
  return image.version.empty() ? image.framework : fmt::format("{} {}", image.framework, image.version);
}

work::PythonRecipe recipe_of(const Wanted& wanted) {
  work::PythonRecipe recipe;
  recipe.interpreter = interpreter_of(wanted.image);
  recipe.script = fmt::format("exec python3 -c \"${}\"", kProgramVariable);
  recipe.after = ":";
  const std::string install = to_json(Value::object({{"packages", Value::texts(wanted.image.packages)},
                                                     {"optional", Value::texts(wanted.image.optional_packages)},
                                                     {"requirements", wanted.requirements}}));
  std::string all = fmt::format("{}\n{}\n{}\n{}", kForm, recipe.interpreter, install_program(), install);
  recipe.variables.emplace_back(kInstallVariable, install);
  recipe.variables.emplace_back(kProgramVariable, install_program());
  for (const auto& variable : wanted.variables) {
    if (!work::is_for_pip(variable.first)) continue;
    recipe.variables.push_back(variable);
    all += fmt::format("\n{}={}", variable.first, variable.second);
  }
  recipe.name = sha256_hex(all).substr(0, 32);
  return recipe;
}

Error why_not_made(const Image& image, const Error& error) {
  const std::string_view said = error.message;
  const auto after = [&](std::string_view word) {
    const std::size_t at = said.rfind(word);
    return at == std::string_view::npos ? std::string() : std::string(said.substr(at + word.size()));
  };
  if (const std::string sign = after(kUnreachable); !sign.empty())
    return Error(
        Code::unavailable,
        fmt::format("The Python package index cannot be reached ({}), and the packages of {} are not kept here "
                    "yet.",
                    sign, title_of(image)));
  if (const std::string pip = after(kRequirements); !pip.empty())
    return Error(Code::failed_precondition,
                 fmt::format("InstallRequirementsError:\nExitCode 1\nErrorMessage \"ERROR: {}\"\nCommand \"python3 -m "
                             "pip install -r requirements.txt\"",
                             pip));
  if (const std::string why = after(kPackages); !why.empty())
    return Error(Code::failed_precondition,
                 fmt::format("The packages of {} cannot be installed: {}.", title_of(image), why));
  return Error(error.code, fmt::format("The Python environment of {} cannot be made: {}.", title_of(image), said));
}

Environments::Environments(Needs needs, std::filesystem::path directory, std::vector<std::filesystem::path> hidden)
    : backend_(needs.backend),
      directory_(std::move(directory)),
      places_{directory_, std::string(kKeys), std::move(hidden)},
      builds_(needs.backend, needs.clock, places_, needs.timers),
      queue_(needs.queue([](const std::string&) {})),
      ends_(needs.backend.on_end(std::string(kKeys), [this](const std::string& key, const work::WorkStatus& status) {
        // On the backend's thread, which is not to wait.
        queue_->post(key, [this, key, status] {
          builds_.ended(key, status);
          if (const Status forgotten = backend_.forget(key); !forgotten)
            log::warn("{}: {}", key, forgotten.error().message);
        });
      })) {}

Environments::~Environments() { stop(); }

void Environments::stop() {
  ends_.reset();
  queue_->stop();
}

void Environments::begin(bool idle) { builds_.begin(idle); }

std::optional<Kept> Environments::find(const Wanted& wanted) const {
  auto environment = work::find_environment(directory_, recipe_of(wanted).name);
  if (!environment) return std::nullopt;
  Kept kept{std::move(*environment), {}};
  kept.notes = notes_of(kept.environment);
  return kept;
}

void Environments::make(const Wanted& wanted, bool sandboxed, Done done) {
  const work::PythonRecipe recipe = recipe_of(wanted);
  work::Workload needed;
  needed.environment = {{"PATH", std::string(kProgramPath)}, {"LANG", "C.UTF-8"}};
  if (sandboxed) needed.sandbox.emplace();
  auto build = work::build_environment(places_, recipe, needed);
  if (!build) return done(fail(build.error()), "");
  builds_.make(std::move(*build), {},
               [image = wanted.image, done = std::move(done)](const Status& made, const std::string& said) {
                 made ? done({}, "") : done(fail(why_not_made(image, made.error())), said);
               });
}

Status Environments::enter(const Kept& kept, const std::filesystem::path& directory, work::Workload& workload) const {
  MR_TRY(work::enter_environment(kept.environment, directory, workload));
  if (!workload.sandbox) return {};
  const std::filesystem::path layer = work::layer_in(directory);
  workload.sandbox->mounts.push_back({work::Mount::Kind::writable, layer, layer.native(), 0, {}});
  return {};
}

}  // namespace millrace::sagemaker::frameworks
