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

// Of the tree; false: there is more than the limits take.
bool add_texts(const UntrustedTree& tree, std::vector<std::string>& texts, std::vector<std::string>& archives) {
  std::size_t left = kMaxTexts;
  bool is_whole = true;
  const Status walked = tree.walk("", Links::refuse, kWalked, [&](const UntrustedTree::Entry& entry) -> Status {
    if (entry.info.kind != FileKind::regular) return {};
    if (entry.path.substr(entry.path.rfind('/') + 1) == kSourceArchive) archives.push_back(entry.path);
    if (!is_program(entry.path)) return {};
    auto text = tree.read(entry.path, std::min(left, kMaxText));
    is_whole &= text.has_value();
    if (!text) return {};
    left -= text->size();
    texts.push_back(std::move(*text));
    return {};
  });
  return is_whole && walked.has_value();
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
  if (!known) return std::nullopt;
  ProgramTexts found = program_texts(inputs);
  if (!found.is_whole) return frameworks::Wanted{*known, {}, variables};
  found.texts.push_back(join(command_line, " "));
  frameworks::Image needed = frameworks::needed_of(*known, found.texts, frameworks::machine_has_module);
  if (needed.packages.empty()) return std::nullopt;
  return frameworks::Wanted{std::move(needed), {}, variables};
}

ProgramTexts program_texts(const fs::path& folder) {
  ProgramTexts out;
  const auto tree = UntrustedTree::open(folder);
  if (!tree) return out;
  std::vector<std::string> archives, unused;
  out.is_whole = add_texts(*tree, out.texts, archives);
  for (const std::string& archive : archives) {
    const auto place = TempDir::make();
    const bool is_unpacked = place && unpack_archive(folder / archive, place->path() / "source", kPeeked).has_value();
    const auto source = is_unpacked ? UntrustedTree::open(place->path() / "source")
                                    : Result<UntrustedTree>(fail(Code::not_found, "not unpacked"));
    out.is_whole &= source.has_value() && add_texts(*source, out.texts, unused);
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
