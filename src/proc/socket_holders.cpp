#include "proc/socket_holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"

namespace millrace::proc {
namespace {

constexpr std::size_t kMaxText = 256u << 10;  // of a command line or an environment

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

bool is_number(const char* name) { return *name >= '0' && *name <= '9'; }

// The inodes of the sockets among the descriptors of a process.
void sockets_of(const char* process, const std::function<void(std::uint64_t inode)>& found) {
  constexpr std::string_view kSocket = "socket:[";
  const Directory descriptors(::opendir(fmt::format("/proc/{}/fd", process).c_str()));
  if (!descriptors) return;
  const int place = ::dirfd(descriptors.get());
  std::size_t seen = 0;
  while (const dirent* entry = ::readdir(descriptors.get())) {
    if (!is_number(entry->d_name)) continue;
    if (++seen > kMaxDescriptorsSeen) return;
    char target[64];
    const ssize_t size = ::readlinkat(place, entry->d_name, target, sizeof target);
    const std::string_view text(target, size > 0 ? static_cast<std::size_t>(size) : 0);
    if (!text.starts_with(kSocket) || !text.ends_with(']')) continue;
    const auto inode = parse_int(text.substr(kSocket.size(), text.size() - kSocket.size() - 1));
    if (inode && *inode > 0) found(static_cast<std::uint64_t>(*inode));
  }
}

std::string namespace_of(const std::string& process) {
  char target[64];
  const ssize_t size = ::readlink(fmt::format("/proc/{}/ns/pid", process).c_str(), target, sizeof target);
  return size > 0 ? std::string(target, static_cast<std::size_t>(size)) : std::string();
}

pid_t parent_of(pid_t process) {
  const auto text = read_file(fmt::format("/proc/{}/stat", process), 4096);
  // pid (name) state parent …; the name may hold anything.
  const std::size_t end = text ? text->rfind(')') : std::string::npos;
  if (end == std::string::npos || end + 4 > text->size()) return 0;
  const std::string_view rest = std::string_view(*text).substr(end + 4);
  return static_cast<pid_t>(parse_int(rest.substr(0, rest.find(' '))).value_or(0));
}

}  // namespace

SocketHolders::Table SocketHolders::look(std::optional<uid_t> user) {
  Table table;
  const Directory processes(::opendir("/proc"));
  if (!processes) return table;
  const std::string own = std::to_string(::getpid());
  while (const dirent* entry = ::readdir(processes.get())) {
    if (!is_number(entry->d_name) || own == entry->d_name) continue;
    struct stat facts{};
    if (user && (::fstatat(::dirfd(processes.get()), entry->d_name, &facts, 0) != 0 || facts.st_uid != *user)) continue;
    const auto process = static_cast<pid_t>(parse_int(entry->d_name).value_or(0));
    sockets_of(entry->d_name, [&](std::uint64_t inode) {
      auto& holders = table[inode];
      if (holders.empty() || holders.back() != process) holders.push_back(process);
    });
  }
  return table;
}

std::vector<pid_t> SocketHolders::of(std::uint64_t inode) {
  if (inode == 0) return {};
  MutexLock lock(mutex_);
  // The one under way may have passed the process by already.
  const std::uint64_t next = begun_ + 1;
  while (ended_ < next) {
    if (begun_ != ended_) {
      changed_.wait(mutex_);
      continue;
    }
    ++begun_;
    lock.unlock();
    auto table = std::make_shared<const Table>(look(user_));
    lock.lock();
    seen_ = std::move(table);
    ended_ = begun_;
    changed_.notify_all();
  }
  const auto found = seen_->find(inode);
  return found == seen_->end() ? std::vector<pid_t>() : found->second;
}

std::vector<pid_t> with_ancestors(pid_t process) {
  std::vector<pid_t> out;
  for (pid_t at = process; at > 0 && out.size() < kMaxAncestors; at = parent_of(at)) out.push_back(at);
  return out;
}

std::vector<std::string> command_line_of(pid_t process) {
  std::vector<std::string> words;
  const auto text = read_file(fmt::format("/proc/{}/cmdline", process), kMaxText);
  if (!text || text->empty()) return words;
  for (const std::string_view word : split(*text, '\0')) words.emplace_back(word);
  if (words.back().empty()) words.pop_back();
  return words;
}

std::string variable_of(pid_t process, std::string_view name) {
  const auto text = read_file(fmt::format("/proc/{}/environ", process), kMaxText);
  if (!text) return {};
  for (const std::string_view entry : split(*text, '\0')) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return std::string(entry.substr(name.size() + 1));
  }
  return {};
}

bool is_in_other_namespace(pid_t process) {
  static const std::string own = namespace_of("self");
  const std::string its = namespace_of(std::to_string(process));
  return !its.empty() && its != own;
}

}  // namespace millrace::proc
