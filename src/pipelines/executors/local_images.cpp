#include "pipelines/executors/local_images.h"

#include <algorithm>
#include <system_error>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "pipelines/executors/dockerfile.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "kfp_config.ini", kDockerfile = "Dockerfile";
constexpr std::size_t kMaxDockerfileBytes = 1u << 20;

bool is_within(const fs::path& path, const fs::path& directory) {
  const auto [end, ignored] = std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return end == directory.end();
}

// Where the sandbox itself has something, or the machine has: that is not covered.
bool is_free(const fs::path& place) {
  for (const std::string_view taken : {"/tmp", "/dev", "/proc", "/sys", "/run", "/minio", "/s3", "/gcs"}) {
    if (is_within(place, taken)) return false;
  }
  std::error_code error;
  if (place == "/" || is_within(place, kWorkspacePath)) return false;
  if (!fs::exists(fs::symlink_status(place, error))) return true;
  return fs::is_directory(fs::symlink_status(place, error)) && fs::is_empty(place, error) && !error;
}

Status add_file(Hasher& hasher, const fs::path& file, std::string_view name, std::size_t& left) {
  auto bytes = read_file(file, left);
  if (!bytes) return fail(bytes.error());
  left -= bytes->size();
  hasher.update(fmt::format("file {} {}\n", bytes->size(), name));
  hasher.update(*bytes);
  return {};
}

// Every file and link below it, by name. What Python and git keep for themselves is not code.
Status add_tree(Hasher& hasher, const fs::path& directory, std::size_t& left) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(directory, error); !error && at != fs::recursive_directory_iterator();
       at.increment(error)) {
    const auto name = at->path().filename();
    if (name == "__pycache__" || name == ".git") {
      at.disable_recursion_pending();
      continue;
    }
    const auto kind = at->symlink_status(error).type();
    if (kind == fs::file_type::regular || kind == fs::file_type::symlink) paths.push_back(at->path());
    if (paths.size() > kMaxImageFiles)
      return fail(Code::resource_exhausted,
                  fmt::format("there are more than {} files in {}", kMaxImageFiles, directory.native()));
  }
  if (error) return fail(system_error(directory.native() + " cannot be read", error.value()));
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    const std::string name = path.lexically_relative(directory).native();
    if (fs::is_symlink(fs::symlink_status(path, error))) {
      hasher.update(fmt::format("link {} {}\n", name, fs::read_symlink(path, error).native()));
      continue;
    }
    const Status added = add_file(hasher, path, name, left);
    if (!added && added.error().code == Code::resource_exhausted)
      return fail(Code::resource_exhausted,
                  fmt::format("there are more than {} MiB in {}", kMaxImageBytes >> 20, directory.native()));
    MR_TRY(added);
  }
  return {};
}

// Of the files that the lines name (-r runtime-requirements.txt, a wheel): another one makes another environment.
Result<std::string> digest_of_named_files(const fs::path& directory, const std::vector<std::string>& lines) {
  Hasher hasher(Digest::sha256);
  std::size_t left = kMaxImageBytes;
  for (const std::string& line : lines) {
    for (std::string_view word : split(line, ' ')) {
      if (word.starts_with("--") && word.find('=') != std::string_view::npos) word.remove_prefix(word.find('=') + 1);
      if (word.starts_with("-r") && word.size() > 2) word.remove_prefix(2);
      if (word.empty() || word.front() == '-' || word.front() == '/') continue;
      const fs::path path = directory / word;
      std::error_code error;
      if (fs::is_regular_file(path, error)) MR_TRY(add_file(hasher, path, word, left));
      if (fs::is_directory(path, error)) MR_TRY(add_tree(hasher, path, left));
    }
  }
  return to_hex(hasher.finish());
}

Result<LocalImage> read_image(const std::string& name, const fs::path& directory) {
  const auto text = read_file(directory / kDockerfile, kMaxDockerfileBytes);
  if (!text)
    return fail(text.error().code, fmt::format("the image {}: its Dockerfile, which says what it needs, cannot be "
                                               "read: {}",
                                               name, text.error().message));
  Dockerfile file = read_dockerfile(*text);
  LocalImage image;
  image.directory = directory;
  const bool usable = !file.working_directory.empty() && is_free(file.working_directory);
  image.working_directory = usable ? file.working_directory : directory.native();
  image.environment = std::move(file.environment);
  image.packages.digest = MR_TRY(digest_of_named_files(directory, file.installs));
  image.packages.installs = std::move(file.installs);
  image.left_out = std::move(file.left_out);
  return image;
}

bool is_dynamic(std::string_view image) { return image.find("{{$") != std::string_view::npos; }

Status check_directory(const Options& options, const std::string& name, const fs::path& directory) {
  const auto wrong = [&](std::string_view what) {
    return fail(Code::failed_precondition, fmt::format("--image {}={}: {}", name, directory.native(), what));
  };
  std::error_code error;
  if (!fs::is_directory(directory, error)) return wrong("there is no such directory");
  if (!fs::exists(directory / kConfig, error))
    return wrong(
        fmt::format("it has no {}; `kfp component build {} --no-build-image` makes it", kConfig, directory.native()));
  std::vector<fs::path> hidden = options.hidden;
  hidden.push_back(options.directory);
  for (const fs::path& one : hidden) {
    if (is_within(one, directory) || is_within(directory, one))
      return wrong(fmt::format("a step would see {} in it, which no step may see; keep the two apart", one.native()));
  }
  return {};
}

}  // namespace

Status check_images(const Options& options) {
  if (options.containers && !options.images.empty())
    return fail(Code::invalid_argument,
                "--image says what stands for an image that is not run, and with --executor container images are run: "
                "leave out one of them");
  for (const auto& [name, directory] : options.images) {
    MR_TRY(check_directory(options, name, directory));
    const LocalImage image = MR_TRY(read_image(name, directory));
    if (!image.left_out.empty())
      log::warn("the image {}: of its Dockerfile this machine has to bring itself: {}", name,
                join(image.left_out, "; "));
  }
  return {};
}

Result<std::optional<LocalImage>> find_image(const Options& options, const std::string& image) {
  const auto found = options.images.find(image);
  if (found == options.images.end()) return std::optional<LocalImage>();
  return std::optional<LocalImage>(MR_TRY(read_image(found->first, found->second)));
}

Status check_has_code(const Options& options, const Executor& executor, const std::string& image) {
  const auto names = [](const std::vector<std::string>& words, std::string_view what) {
    return std::find(words.begin(), words.end(), what) != words.end();
  };
  constexpr std::string_view kModule = "--component_module_path";
  if (!names(executor.command, "kfp.dsl.executor_main") || names(executor.command, kModule) ||
      names(executor.arguments, kModule))
    return {};
  if (options.images.contains(image) || (!options.images.empty() && is_dynamic(image))) return {};
  return fail(Code::unimplemented,
              fmt::format("the component's code is in the image {0}, and nothing stands for it here: start the server "
                          "with --image {0}=DIRECTORY, the one that `kfp component build` is given, or with --executor "
                          "container; or compile it without target_image",
                          image));
}

Result<std::string> code_digest(const Options& options, const RunContext& run, const engine::Node& node,
                                const Executor& executor) {
  if (options.images.empty()) return std::string();
  std::string image = executor.image;
  if (is_dynamic(image)) {
    const Value input =
        MR_TRY(executor_input(options, run, node, attempt_directory(options, run.run_id, node.path, node.attempt)));
    image = MR_TRY(substitute(image, placeholders(options, run, node, input)));
  }
  const auto found = options.images.find(image);
  if (found == options.images.end()) return std::string();
  Hasher hasher(Digest::sha256);
  std::size_t left = kMaxImageBytes;
  MR_TRY(add_tree(hasher, found->second, left));
  return to_hex(hasher.finish());
}

}  // namespace millrace::pipelines::executors
