#include "pipelines/executors/local_images.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/dockerfile.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "kfp_config.ini", kDockerfile = "Dockerfile";
constexpr std::size_t kMaxDockerfileBytes = 1u << 20;
constexpr std::size_t kMaxWalked = 200'000;  // entries of a context, with those that are not code

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

Status add_file(Hasher& hasher, const UntrustedTree& tree, const std::string& path, std::string_view name,
                std::size_t& left) {
  auto bytes = tree.read(path, left, Links::within);
  if (!bytes) return fail(bytes.error());
  left -= bytes->size();
  hasher.update(fmt::format("file {} {}\n", bytes->size(), name));
  hasher.update(*bytes);
  return {};
}

// Where the link leads, as its text says.
std::string text_of_link(const UntrustedTree& tree, const std::string& path) {
  const auto above = tree.open_directory(parent_place(path));
  char text[4096];
  const std::string name = path.substr(path.rfind('/') + 1);
  // trusted-path: only the link's text, in a directory that no link leads to
  const ssize_t size = above ? ::readlinkat(above->get(), name.c_str(), text, sizeof text) : -1;
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

bool is_kept_for_tools(std::string_view path) {
  const std::string whole = fmt::format("/{}/", path);
  return whole.find("/__pycache__/") != std::string::npos || whole.find("/.git/") != std::string::npos;
}

// Every file and link below it, by name. What Python and git keep for themselves is not code.
Status add_tree(Hasher& hasher, const UntrustedTree& tree, const std::string& directory, std::size_t& left) {
  std::vector<std::pair<std::string, bool>> found;  // path, is it a link
  const UntrustedTree::Limits limits{kMaxWalked, ~std::uint64_t{0}, 100};
  MR_TRY(tree.walk(directory, Links::refuse, limits, [&](const UntrustedTree::Entry& entry) -> Status {
    const bool is_link = entry.info.kind == FileKind::symlink;
    if ((is_link || entry.info.kind == FileKind::regular) && !is_kept_for_tools(entry.path))
      found.emplace_back(entry.path, is_link);
    if (found.size() <= kMaxImageFiles) return {};
    return fail(Code::resource_exhausted,
                fmt::format("there are more than {} files in {}", kMaxImageFiles, tree.root().native()));
  }));
  std::sort(found.begin(), found.end());
  for (const auto& [path, is_link] : found) {
    const std::string name = directory.empty() ? path : path.substr(directory.size() + 1);
    if (is_link) {
      hasher.update(fmt::format("link {} {}\n", name, text_of_link(tree, path)));
      continue;
    }
    const Status added = add_file(hasher, tree, path, name, left);
    if (!added && added.error().code == Code::resource_exhausted)
      return fail(Code::resource_exhausted,
                  fmt::format("there are more than {} MiB in {}", kMaxImageBytes >> 20, tree.root().native()));
    MR_TRY(added);
  }
  return {};
}

// Of the files that the lines name (-r runtime-requirements.txt, a wheel): another one makes another environment.
Result<std::string> digest_of_named_files(const UntrustedTree& tree, const std::vector<std::string>& lines) {
  Hasher hasher(Digest::sha256);
  std::size_t left = kMaxImageBytes;
  for (const std::string& line : lines) {
    for (std::string_view word : split(line, ' ')) {
      if (word.starts_with("--") && word.find('=') != std::string_view::npos) word.remove_prefix(word.find('=') + 1);
      if (word.starts_with("-r") && word.size() > 2) word.remove_prefix(2);
      if (word.empty() || word.front() == '-' || word.front() == '/') continue;
      const std::string path = fs::path(word).lexically_normal().relative_path().native();
      const std::string inside = path == "." ? std::string() : path;
      if (tree.is_file(inside, Links::within)) MR_TRY(add_file(hasher, tree, inside, word, left));
      if (tree.is_directory(inside)) MR_TRY(add_tree(hasher, tree, inside, left));
    }
  }
  return to_hex(hasher.finish());
}

// The operator may have named it by a link.
Result<UntrustedTree> open_context(const fs::path& directory) {
  std::error_code error;
  const fs::path place = fs::canonical(directory, error);  // trusted-path: as the operator named it
  if (error) return fail(system_error(directory.native() + " cannot be read", error.value()));
  return UntrustedTree::open(place, directory.native());
}

Result<LocalImage> read_image(const std::string& name, const fs::path& directory) {
  const UntrustedTree tree = MR_TRY(open_context(directory));
  const auto text = tree.read(kDockerfile, kMaxDockerfileBytes, Links::within);
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
  image.packages.digest = MR_TRY(digest_of_named_files(tree, file.installs));
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
                "--image says which directory is used for an image that is not run, and with --executor container "
                "images are run: "
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
  return fail(
      Code::unimplemented,
      fmt::format("the component's code is in the image {0}, and no directory is used for it here: start the server "
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
  MR_TRY(add_tree(hasher, MR_TRY(open_context(found->second)), "", left));
  return to_hex(hasher.finish());
}

}  // namespace millrace::pipelines::executors
