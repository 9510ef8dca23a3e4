#include "pipelines/executors/attempt_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/strings.h"
#include "proc/child_user.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kMaxNameBytes = 200;  // of a directory

// One directory however deep the task: of all that a start costs here, making directories costs most.
std::string name_of_attempt(const std::string& path, int attempt) {
  std::string name = replace_all(replace_all(replace_all(path, "%", "%25"), ".", "%2E"), "/", ".");
  if (name.size() > kMaxNameBytes) name = name.substr(0, kMaxNameBytes - 33) + '.' + sha256_hex(path).substr(0, 32);
  return fmt::format("{}.{}", name, attempt);
}

Result<UntrustedTree> open_or_make(const std::filesystem::path& directory) {
  auto tree = UntrustedTree::open(directory);
  if (tree || tree.error().code != Code::not_found) return tree;
  MR_TRY(make_directories(directory, 0755));  // trusted-path: of a run, above what its steps see
  return UntrustedTree::open(directory);
}

}  // namespace

std::filesystem::path run_directory(const Options& options, const std::string& run_id) {
  return options.directory / "runs" / run_id;
}

std::filesystem::path log_directory(const Options& options, const std::string& run_id) {
  return options.directory / "logs" / run_id;
}

std::filesystem::path attempt_directory(const Options& options, const std::string& run_id, const std::string& path,
                                        int attempt) {
  return run_directory(options, run_id) / name_of_attempt(path, attempt);
}

Result<UntrustedTree> open_attempt(const Options& options, const std::string& run_id, const std::string& path,
                                   int attempt) {
  const std::filesystem::path directory = attempt_directory(options, run_id, path, attempt);
  return UntrustedTree::open(directory, directory.native());
}

Result<UntrustedTree> make_attempt(const Options& options, const std::string& run_id, const std::string& path,
                                   int attempt, const std::vector<std::string>& directories) {
  const std::string name = name_of_attempt(path, attempt);
  const UntrustedTree of_run = MR_TRY(open_or_make(run_directory(options, run_id)));
  const bool is_new = MR_TRY(of_run.make_directory(name));
  UntrustedTree tree = MR_TRY(of_run.open_tree(name));
  for (const std::string& directory : directories) MR_TRY(tree.make_directories(directory, 0700));
  MR_TRY(is_new && directories.empty() ? proc::give_empty_to_child(tree.descriptor(), tree.root())
                                       : proc::give_to_child(tree.descriptor(), tree.root()));
  return tree;
}

std::filesystem::path log_path(const Options& options, const std::string& run_id, const std::string& path,
                               int attempt) {
  return log_directory(options, run_id) / (name_of_attempt(path, attempt) + ".log.txt");
}

Status make_log_directory(const Options& options, const std::string& run_id) {
  MR_TRY(open_or_make(log_directory(options, run_id)));
  return {};
}

Result<Fd> open_log(const Options& options, const std::string& run_id, const std::string& path, int attempt) {
  const std::filesystem::path place = log_path(options, run_id, path, attempt);
  const auto logs = UntrustedTree::open(place.parent_path());
  auto log = logs ? logs->open_file(place.filename().native()) : Result<Fd>(fail(logs.error()));
  if (log || log.error().code != Code::not_found) return log;
  // Before logs had a directory of their own.
  const auto attempt_files = open_attempt(options, run_id, path, attempt);
  return attempt_files ? attempt_files->open_file("log.txt") : std::move(log);
}

Status give_to_child(const UntrustedTree& tree, std::string_view path) {
  const auto user = proc::child_user();
  if (!user) return {};
  if (!path.empty() && tree.is_file(path)) {
    const Fd file = MR_TRY(tree.open_file(path));
    if (::fchown(file.get(), user->user, user->group) == 0) return {};
    return fail(system_error(fmt::format("{} cannot be given to the children's user", path), errno));
  }
  const UntrustedTree directory = MR_TRY(tree.open_tree(path));
  return proc::give_to_child(directory.descriptor(), directory.root());
}

Result<UntrustedTree> make_shared_directory(const std::filesystem::path& directory) {
  UntrustedTree tree = MR_TRY(open_or_make(directory));
  const auto user = proc::child_user();
  struct stat info{};
  // Also what a server made that ran its children as itself.
  if (user && (::fstat(tree.descriptor(), &info) != 0 || info.st_uid != user->user)) MR_TRY(give_to_child(tree, ""));
  return tree;
}

Status make_shared_part(const UntrustedTree& shared, std::string_view path) {
  std::string made;  // the topmost directory that was not there
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string_view above = path.substr(0, end);
    if (!above.empty() && !MR_TRY(shared.info(above))) {
      made = above;
      break;
    }
    if (end == std::string_view::npos) return {};
  }
  MR_TRY(shared.make_directories(path, 0700));
  return give_to_child(shared, made);
}

}  // namespace millrace::pipelines::executors
