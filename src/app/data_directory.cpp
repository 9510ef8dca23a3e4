#include "app/data_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/core.h>

#include "base/file.h"
#include "base/log.h"

namespace millrace::app {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kOthers = 077;
// What a server makes at the top of a data directory.
constexpr std::array kTopLevel = {"lock",
                                  "key",
                                  "millrace.db",
                                  "millrace.db-wal",
                                  "millrace.db-shm",
                                  "blobs",
                                  "launcher",
                                  "pipelines",
                                  "sagemaker",
                                  "tls",
                                  "bin",
                                  "kubeconfig",
                                  "server.json",
                                  "sagemaker.yaml",
                                  "reserve",
                                  "sample-data.pkl.gz",
                                  "lost+found",
                                  "millrace.db-journal"};

template <class Predicate>
bool any_entry(const fs::path& directory, Predicate predicate) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (predicate(it->path())) return true;
  }
  return false;
}

bool has_entries(const fs::path& directory) {
  return any_entry(directory, [](const fs::path&) { return true; });
}

bool holds_objects(const DataLayout& layout) {
  return any_entry(layout.blobs(),
                   [](const fs::path& shard) { return shard.filename() != "tmp" && has_entries(shard); });
}

bool holds_runs(const DataLayout& layout) { return has_entries(layout.pipelines() / "runs"); }

bool holds_jobs(const DataLayout& layout) {
  return any_entry(layout.sagemaker(),
                   [](const fs::path& kind) { return kind.filename() != "sockets" && has_entries(kind); });
}

std::string what_is_there(const DataLayout& layout) {
  if (holds_objects(layout)) return "objects in " + layout.blobs().string();
  if (holds_runs(layout)) return "files of runs in " + layout.pipelines().string();
  return "files of jobs or endpoints in " + layout.sagemaker().string();
}

// Only what is this user's own, and never through a link.
Status make_private(const fs::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0) return {};  // not there, or not ours: opening it for use says why
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return {};
  if (info.st_uid != ::geteuid() || (info.st_mode & kOthers) == 0) return {};
  if (::fchmod(file.get(), info.st_mode & ~kOthers & 07777) != 0)
    return fail(system_error("cannot make " + path.string() + " private", errno));
  return {};
}

bool is_all_ours(const fs::path& root) {
  return !any_entry(root, [](const fs::path& entry) {
    return std::find(kTopLevel.begin(), kTopLevel.end(), entry.filename()) == kTopLevel.end();
  });
}

}  // namespace

bool holds_data(const DataLayout& layout) { return holds_objects(layout) || holds_runs(layout) || holds_jobs(layout); }

Status check_complete(const DataLayout& layout) {
  std::error_code error;
  const auto size = fs::file_size(layout.database(), error);
  const bool has_database = !error && size > 0;
  if (!has_database && holds_data(layout)) {
    return fail(Code::failed_precondition,
                fmt::format("the database {} is {}, but there are {}; restore it from a backup, or, to begin anew, "
                            "choose another directory with --data-dir or move this one away",
                            layout.database().string(), error ? "missing" : "empty", what_is_there(layout)));
  }
  const fs::path journal = layout.launcher() / "journal";
  if (has_database && !fs::exists(journal, error) && (holds_runs(layout) || holds_jobs(layout))) {
    return fail(
        Code::failed_precondition,
        fmt::format("the launcher's journal {} is missing, which says what has been started, so that nothing is "
                    "started twice; restore it, or, once no process of a run or job is left, make an empty "
                    "one: (umask 077; mkdir -p {}; : > {})",
                    journal.string(), layout.launcher().string(), journal.string()));
  }
  return {};
}

Status make_private(const DataLayout& layout) {
  if (is_all_ours(layout.root)) MR_TRY(make_private(layout.root));
  for (const fs::path& path : {layout.lock(), layout.database(), layout.server_file(), layout.kubeconfig(),
                               layout.blobs(), layout.blobs() / "tmp", layout.launcher(), layout.pipelines(),
                               layout.sagemaker(), layout.tls(), layout.bin(), layout.bin() / "aws"})
    MR_TRY(make_private(path));
  for (const char* suffix : {"-wal", "-shm", "-journal"})
    MR_TRY(make_private(fs::path(layout.database().string() + suffix)));
  for (const char* name : {"ca.crt", "server.crt", "server.key"}) MR_TRY(make_private(layout.tls() / name));
  for (const char* name : {"journal", "lock", "launcher.log", "root"}) MR_TRY(make_private(layout.launcher() / name));
  return {};
}

}  // namespace millrace::app
