#include "app/operate/backup.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "db/backup.h"

namespace millrace::app {
namespace {

namespace fs = std::filesystem;

constexpr int kChanged = 1;  // tar's exit code for files that changed or went while they were read
constexpr std::time_t kClockStep = 2;
constexpr std::size_t kMaxTime = 32;  // digits

// Below the data directory. What lies in launcher/ is of running processes.
constexpr std::array kLeftOut = {"./lock",
                                 "./millrace.db*",
                                 "./launcher",
                                 "./bin",
                                 "./server.json",
                                 "./kubeconfig",
                                 "./reserve",
                                 "./pipelines/python",
                                 "./pipelines/python-builds",
                                 "./sagemaker/sockets",
                                 "./sagemaker/python",
                                 "./sagemaker/python-builds"};

Result<pid_t> start(const std::vector<std::string>& command, int input, int output) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return fail(system_error("cannot start tar", errno));
  if (child > 0) return child;
  if (input >= 0) ::dup2(input, STDIN_FILENO);
  if (output >= 0) ::dup2(output, STDOUT_FILENO);
  ::execvp(words[0], words.data());
  ::_exit(127);
}

int exit_code_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// What changed since then (0: everything). tar opens directory by directory and follows no link, whatever a step puts
// in its way meanwhile, and does not open what is no file.
Status copy_files(const fs::path& from, const fs::path& to, std::time_t since) {
  std::vector<std::string> pack = {"tar", "--create", "--sparse", "--warning=none", "--directory", from.string()};
  for (const char* name : kLeftOut) pack.push_back(fmt::format("--exclude={}", name));
  if (since > 0) pack.push_back(fmt::format("--newer=@{}", since));
  pack.push_back(".");
  const std::vector<std::string> unpack = {"tar", "--extract", "--preserve-permissions", "--directory", to.string()};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("cannot make a pipe", errno));
  Fd reads(ends[0]), writes(ends[1]);
  const pid_t packer = MR_TRY(start(pack, -1, writes.get()));
  writes.reset();
  const auto unpacker = start(unpack, reads.get(), -1);
  reads.reset();
  const int packed = exit_code_of(packer);
  const int unpacked = unpacker ? exit_code_of(*unpacker) : 127;
  if (packed == 127 || unpacked == 127)
    return fail(Code::failed_precondition, "tar is not installed, and a backup needs it");
  if (packed > kChanged || unpacked != 0)
    return fail(Code::internal,
                fmt::format("the files of {} could not all be copied to {}", from.string(), to.string()));
  return {};
}

// Of the copy nothing has been started: what ran in the original at that moment begins again.
Status write_empty_journal(const DataLayout& to) {
  MR_TRY(make_directories(to.launcher(), 0700));
  return write_file(to.launcher() / "journal", "", 0600);
}

Status fill(const DataLayout& from, const DataLayout& to) {
  const std::time_t began = std::time(nullptr) - kClockStep;
  MR_TRY(copy_files(from.root, to.root, 0));
  MR_TRY(db::copy_database(from.database().string(), to.database().string()));
  MR_TRY(write_empty_journal(to));
  MR_TRY(copy_files(from.root, to.root, began));
  // By the original's clock, and later than all that the database speaks of.
  return write_file(to.copied(), std::to_string(to_epoch_ms(SystemClock().now())), 0600);
}

}  // namespace

Status back_up(const DataLayout& from, const fs::path& to) {
  std::error_code error;
  if (!fs::exists(from.database(), error))
    return fail(Code::not_found, fmt::format("there is no database in {}", from.root.string()));
  if (fs::exists(to, error)) return fail(Code::already_exists, fmt::format("{} is there already", to.string()));
  fs::path partial = to;
  partial += ".partial";
  if (!fs::create_directory(partial, error)) {
    return fail(Code::already_exists,
                error
                    ? fmt::format("cannot make {}: {}", partial.string(), error.message())
                    : fmt::format("{} is there already, from a backup that did not end; remove it", partial.string()));
  }
  fs::permissions(partial, fs::perms::owner_all, error);
  Status filled = fill(from, DataLayout(partial));
  if (filled) {
    fs::rename(partial, to, error);
    if (error) filled = fail(system_error("cannot rename " + partial.string(), error.value()));
  }
  if (!filled) fs::remove_all(partial, error);
  return filled;
}

Result<std::optional<Time>> time_of_copy(const DataLayout& layout) {
  std::error_code error;
  if (!fs::exists(layout.copied(), error)) return std::nullopt;
  // trusted-path: at the top of the data directory, where the server's user alone writes
  const std::string text = MR_TRY(read_file(layout.copied(), kMaxTime));
  if (const auto at = parse_int(text)) return from_epoch_ms(*at);
  return fail(Code::failed_precondition,
              fmt::format("{} holds no time: restore the backup again", layout.copied().string()));
}

}  // namespace millrace::app
