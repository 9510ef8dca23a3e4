#include "sagemaker/jobs/program_environment.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "sagemaker/frameworks/needs.h"
#include "sagemaker/jobs/container.h"
#include "sagemaker/jobs/model_archive.h"
#include "sagemaker/jobs/sandbox.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSourceArchive = "sourcedir.tar.gz", kNames = "bin";
constexpr std::size_t kMaxText = 1u << 20, kMaxTexts = 16u << 20;  // of a file, of all
constexpr UntrustedTree::Limits kWalked{20'000, ~std::uint64_t{0}, 50};
constexpr UnpackLimits kPeeked{64u << 20, 10'000, 50};

bool is_program(std::string_view path) { return path.ends_with(".py") || path.ends_with(".sh"); }

bool is_python(std::string_view command) {
  const std::string_view name = command.substr(command.rfind('/') + 1);
  return name == "python" || name.starts_with("python3");
}

// A file of requirements, or a shell file that installs something else than such a file has: the SDK's own drivers name
// theirs whether it is there or not.
bool installs_packages(std::string_view name, std::string_view text) {
  if (name.ends_with(".txt")) return name.find("requirements") != std::string_view::npos;
  if (!name.ends_with(".sh")) return false;
  const auto lines = split(text, '\n');
  return std::ranges::any_of(lines, [](std::string_view line) {
    const bool is_pip =
        line.find("pip install ") != std::string_view::npos || line.find("pip3 install ") != std::string_view::npos;
    return (is_pip && line.find(" -r ") == std::string_view::npos) ||
           line.find("install_requirements.py ") != std::string_view::npos;
  });
}

// Of the tree, and its archives.
void add_texts(const UntrustedTree& tree, ProgramTexts& out, std::vector<std::string>& archives) {
  std::size_t left = kMaxTexts;
  const Status walked = tree.walk("", Links::refuse, kWalked, [&](const UntrustedTree::Entry& entry) -> Status {
    if (entry.info.kind != FileKind::regular) return {};
    const std::string name = entry.path.substr(entry.path.rfind('/') + 1);
    if (name == kSourceArchive) archives.push_back(entry.path);
    out.installs |= installs_packages(name, {});
    if (!is_program(name)) return {};
    auto text = tree.read(entry.path, std::min(left, kMaxText));
    out.is_whole &= text.has_value();
    if (!text) return {};
    left -= text->size();
    out.installs |= installs_packages(name, *text);
    out.texts.push_back(std::move(*text));
    return {};
  });
  out.is_whole &= walked.has_value();
}

std::vector<std::string> notes_of(const std::string& image, const frameworks::Kept& kept) {
  std::vector<std::string> notes{fmt::format("[millrace] The image {} is a Python environment here.", image)};
  for (const std::string& note : kept.notes) notes.push_back("[millrace] " + note);
  return notes;
}

Status add_python_name(const fs::path& directory, work::Workload& workload) {
  const fs::path python = find_command("python3", kProgramPath);
  if (python.empty() || !find_command("python", kProgramPath).empty()) return {};
  const fs::path names = directory / kNames;
  MR_TRY(make_directories(names, 0755));  // trusted-path: nothing of the job has run yet
  // trusted-path: in a directory that was made just now
  if (::symlink(python.c_str(), (names / "python").c_str()) != 0 && errno != EEXIST)
    return fail(system_error("the job's directory cannot be made", errno));
  for (auto& [name, value] : workload.environment) {
    if (name == "PATH") value = fmt::format("{}:{}", value, names.native());
  }
  if (workload.sandbox)
    workload.sandbox->mounts.push_back({work::Mount::Kind::read_only, names, names.native(), 0, {}});
  return {};
}

}  // namespace

Status check_image(const std::string& image) {
  const std::string reason = frameworks::why_not_python(image);
  if (reason.empty()) return {};
  return fail(Code::invalid_argument,
              fmt::format("The image {} cannot run here without podman or docker that has it: {}.", image, reason));
}

frameworks::Wanted wanted_for_script(const std::string& image, const fs::path& source,
                                     const work::Variables& variables) {
  frameworks::Wanted wanted{frameworks::image_of(image).value_or(frameworks::plain_python()), {}, variables};
  // trusted-path: the server unpacked it, without links, and nothing of the job has run yet
  const auto requirements = read_file(source / "requirements.txt", frameworks::kMaxRequirements);
  if (requirements && frameworks::can_be_kept(*requirements)) wanted.requirements = *requirements;
  return wanted;
}

std::optional<frameworks::Wanted> wanted_for_entrypoint(const std::string& image, const fs::path& inputs,
                                                        const std::vector<std::string>& command_line,
                                                        const work::Variables& variables) {
  const auto known = frameworks::image_of(image);
  ProgramTexts found = program_texts(inputs);
  if (!known) {
    return found.installs ? std::optional(frameworks::Wanted{frameworks::plain_python(), {}, variables}) : std::nullopt;
  }
  if (!found.is_whole) return frameworks::Wanted{*known, {}, variables};
  found.texts.push_back(join(command_line, " "));
  // What it installs goes into an environment, where nothing of this machine's Python is.
  const auto has_module = [&found](std::string_view module) {
    return !found.installs && frameworks::machine_has_module(module);
  };
  frameworks::Image needed = frameworks::needed_of(*known, found.texts, has_module);
  if (needed.packages.empty() && !found.installs) return std::nullopt;
  return frameworks::Wanted{std::move(needed), {}, variables};
}

ProgramTexts program_texts(const fs::path& folder) {
  ProgramTexts out;
  const auto tree = UntrustedTree::open(folder);
  if (!tree) return out;
  std::vector<std::string> archives, unused;
  add_texts(*tree, out, archives);
  for (const std::string& archive : archives) {
    const auto place = TempDir::make();
    const bool is_unpacked = place && unpack_archive(folder / archive, place->path() / "source", kPeeked).has_value();
    const auto source = is_unpacked ? UntrustedTree::open(place->path() / "source")
                                    : Result<UntrustedTree>(fail(Code::not_found, "not unpacked"));
    if (source) add_texts(*source, out, unused);
    out.is_whole &= source.has_value();
  }
  return out;
}

Result<std::vector<std::string>> command_in(const std::optional<frameworks::Kept>& kept, const std::string& image,
                                            const Value& entrypoint, const Value& arguments, const fs::path& ml) {
  std::vector<std::string> command = words_of(entrypoint);
  const bool is_environments =
      kept && !command.empty() &&
      (is_python(command[0]) || command[0] == "pip" || command[0] == "pip3" ||
       (command[0].find('/') == std::string::npos &&
        !find_command((kept->environment.directory / "bin" / command[0]).string(), {}).empty()));
  if (!is_environments) return MR_TRY(program_of(image, entrypoint, arguments, ml)).command;
  if (is_python(command[0])) command[0] = "python3";
  for (std::string& word : words_of(arguments)) command.push_back(std::move(word));
  return command;
}

Status enter_python(frameworks::Environments& environments, const std::string& image,
                    const std::optional<frameworks::Kept>& kept, const fs::path& directory, Prepared& prepared) {
  if (!kept) return add_python_name(directory, prepared.workload);
  prepared.notes = notes_of(image, *kept);
  return environments.enter(*kept, directory, prepared.workload);
}

Status place_source(const fs::path& archive, const fs::path& code, const Checkpoint& checkpoint) {
  auto unpacked = unpack_archive(archive, code, {}, checkpoint);
  if (unpacked || unpacked.error().code == Code::cancelled || unpacked.error().code == Code::aborted) return unpacked;
  return fail(unpacked.error().code,
              "The archive of sagemaker_submit_directory cannot be unpacked: " + unpacked.error().message);
}

}  // namespace millrace::sagemaker
