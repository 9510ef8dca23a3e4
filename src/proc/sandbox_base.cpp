#include "proc/sandbox_base.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/core.h>

#include "base/file.h"
#include "proc/machine_places.h"

namespace millrace::proc {
namespace {

constexpr std::size_t kMaxEntries = 4'096;  // of a directory that is made anew

// Ours in every sandbox. /proc and /tmp are each child's own.
constexpr const char* kOwn[] = {"/proc", "/tmp", "/run", "/dev"};
// Of /run only what name resolution needs: its sockets lead to services that obey this user.
constexpr const char* kNameResolution = "/run/systemd/resolve";
// What container engines mask, and mounts that tell of the whole machine.
constexpr const char* kHiddenOfSys[] = {
    "/sys/firmware", "/sys/kernel/debug", "/sys/kernel/security",         "/sys/kernel/tracing",
    "/sys/fs/bpf",   "/sys/fs/pstore",    "/sys/devices/virtual/powercap"};
constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom", "tty"};
constexpr std::pair<const char*, const char*> kDeviceLinks[] = {{"fd", "/proc/self/fd"},
                                                                {"stdin", "/proc/self/fd/0"},
                                                                {"stdout", "/proc/self/fd/1"},
                                                                {"stderr", "/proc/self/fd/2"}};

}  // namespace

std::string clean_path(const std::string& path) {
  std::string out = std::filesystem::path(path).lexically_normal().native();
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

std::string parent_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_within(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory ||
         (path.starts_with(directory) && path.size() > directory.size() && path[directory.size()] == '/');
}

bool comes_before(const std::string& a, const std::string& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return (x == '/' ? 0 : static_cast<unsigned char>(x)) < (y == '/' ? 0 : static_cast<unsigned char>(y));
  });
}

std::string resolved_path(const std::string& path) {
  // Of what is there the kernel knows it, in three calls instead of some for each name on the way.
  if (const Fd there(::open(path.c_str(), O_PATH | O_CLOEXEC)); there) {
    char place[4096];
    const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", there.get()).c_str(), place, sizeof place);
    if (size > 0 && static_cast<std::size_t>(size) < sizeof place && place[0] == '/')
      return std::string(place, static_cast<std::size_t>(size));
  }
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
  return clean_path(error ? path : canonical.native());
}

std::string in_root(const std::string& path) { return path == "/" ? "." : path.substr(1); }

SandboxBase::SandboxBase(SandboxBaseKey key) : key_(std::move(key)) {
  top_level();
  for (const auto& home : homes()) hide(home);
  for (const char* path : kHiddenOfSys) hide(path);
  for (const auto& path : key_.hidden) hide(path);
  show(kNameResolution);
  for (const auto& path : key_.programs) show(path);
  for (const auto& path : key_.hidden) hide(path);  // what lies in a program's directory
  devices();
  for (const auto& path : key_.places) {
    place(path);
    ground_[path] = Ground::blank;
  }
  for (const auto& path : key_.file_places) {
    place(parent_path(path));
    if (!is_ours(parent_path(path))) adopt(parent_path(path));
    steps_.push_back({Step::Kind::file, in_root(path)});
    ground_[path] = Ground::ours;
  }
  std::sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) {
    if (a.target != b.target) return comes_before(a.target, b.target);
    return a.kind < b.kind;
  });
}

SandboxBase::~SandboxBase() {
  if (!prepared_.empty()) ::umount2(prepared_.c_str(), MNT_DETACH);
}

bool SandboxBase::is_ours(const std::string& path) const {
  const auto found = ground_.find(path);
  return found != ground_.end() && found->second != Ground::machine;
}

bool SandboxBase::shows_machine(const std::string& path) const {
  for (std::string at = path;; at = parent_path(at)) {
    if (const auto found = ground_.find(at); found != ground_.end())
      return found->second == Ground::machine || found->second == Ground::adopted;
  }
}

std::string SandboxBase::blank_above(const std::string& path) const {
  for (std::string at = parent_path(path); at != "/"; at = parent_path(at)) {
    const auto found = ground_.find(at);
    if (found == ground_.end()) continue;
    if (found->second == Ground::blank) return at;
    if (found->second != Ground::ours) return {};
  }
  return {};
}

bool SandboxBase::has_directory(const std::string& path) const {
  if (is_ours(path)) return true;
  struct stat info{};
  return shows_machine(path) && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool SandboxBase::has_file(const std::string& path) const {
  if (is_ours(path)) return true;
  struct stat info{};
  return shows_machine(path) && ::stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

std::string SandboxBase::missing_for(const std::string& path) const {
  std::string missing = path;
  for (std::string above = parent_path(path); above != "/" && !has_directory(above); above = parent_path(above))
    missing = above;
  return missing;
}

void SandboxBase::make_directory(const std::string& path) { steps_.push_back({Step::Kind::directory, in_root(path)}); }

void SandboxBase::top_level() {
  ground_["/"] = Ground::adopted;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/", error)) {
    const std::string path = entry.path().native();
    if (entry.is_symlink(error)) {
      const auto link = std::filesystem::read_symlink(entry.path(), error);
      if (!error) steps_.push_back({Step::Kind::symlink, in_root(path), link.native()});
      continue;
    }
    if (!entry.is_directory(error)) continue;
    make_directory(path);
    if (std::ranges::find(kOwn, path) == std::end(kOwn)) steps_.push_back({Step::Kind::bind, in_root(path), path});
  }
  for (const char* own : kOwn) ground_[own] = Ground::ours;
  ground_["/run"] = Ground::blank;
}

// A directory of the machine becomes one in memory with the same entries, so that others can be made in it.
void SandboxBase::adopt(const std::string& directory) {
  ground_[directory] = Ground::adopted;
  steps_.push_back({Step::Kind::memory, in_root(directory), "mode=755"});
  std::error_code error;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string path = entry.path().native();
    if (++count > kMaxEntries) break;
    const bool covered = ground_.contains(path);
    if (entry.is_symlink(error)) {
      const auto target = std::filesystem::read_symlink(entry.path(), error);
      if (!error && !covered) steps_.push_back({Step::Kind::symlink, in_root(path), target.native()});
      continue;
    }
    const bool is_directory = entry.is_directory(error);
    if (!is_directory && !entry.is_regular_file(error)) continue;
    steps_.push_back({is_directory ? Step::Kind::directory : Step::Kind::file, in_root(path)});
    if (!covered) steps_.push_back({Step::Kind::bind, in_root(path), path});
  }
}

// Makes the directory `target` of the new root, and those above it.
void SandboxBase::place(const std::string& target) {
  if (has_directory(target)) return;
  const std::string above = parent_path(target);
  place(above);
  ground_[target] = Ground::ours;
  if (!is_ours(above)) adopt(above);
  make_directory(target);
}

void SandboxBase::hide(const std::string& path) {
  struct stat info{};
  if (path == "/" || ::lstat(path.c_str(), &info) != 0) return;
  if (const auto found = ground_.find(path); found != ground_.end() && found->second == Ground::blank) return;
  for (const char* own : kOwn) {
    if (is_within(path, own)) return;  // nothing of the machine's is there
  }
  const bool seen = shows_machine(path);
  if (S_ISDIR(info.st_mode)) {
    // In what is hidden already it is one of its own: a child that is given a part of it has it anew.
    if (!seen) place(path);
    steps_.push_back({Step::Kind::memory, in_root(path), "mode=755"});
    ground_[path] = Ground::blank;
  } else if (seen) {
    steps_.push_back({Step::Kind::blank, in_root(path)});
    ground_[path] = Ground::ours;
  }
}

void SandboxBase::show(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || shows_machine(path) || is_within(path, "/tmp")) return;
  const bool is_directory = S_ISDIR(info.st_mode);
  if (!is_directory && !S_ISREG(info.st_mode)) return;
  place(parent_path(path));
  steps_.push_back({is_directory ? Step::Kind::directory : Step::Kind::file, in_root(path)});
  steps_.push_back({Step::Kind::bind, in_root(path), path});
  ground_[path] = Ground::machine;
  shown_.push_back(path);
}

void SandboxBase::devices() {
  devices_.push_back({Step::Kind::devices, "dev", "mode=755"});
  for (const char* name : kDevices)
    devices_.push_back({Step::Kind::node, fmt::format("dev/{}", name), fmt::format("/dev/{}", name)});
  for (const auto& [name, target] : kDeviceLinks)
    devices_.push_back({Step::Kind::symlink, fmt::format("dev/{}", name), target});
  devices_.push_back({Step::Kind::directory, "dev/shm"});
  ground_["/dev/shm"] = Ground::ours;
}

const char* SandboxBase::lay_out(const char* root, bool is_root) const noexcept {
  if (::mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") != 0)
    return "cannot mount a directory in memory";
  if (::chdir(root) != 0) return "cannot enter the sandbox";
  const StepContext context{is_root};
  for (const Step& step : steps_) {
    if (const char* failed = perform(step, context)) return failed;
  }
  // What is mounted on the machine from now on is not seen: it would not be read-only.
  if (::mount(nullptr, ".", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "cannot separate the sandbox's mounts";
  if (!restrict_mount(".", Access::read_only, true)) return "cannot make the sandbox read-only";
  for (const Step& step : devices_) {
    if (const char* failed = perform(step, context)) return failed;
  }
  if (!restrict_mount("dev", Access::read_only_with_devices, false)) return "cannot make the sandbox read-only";
  return nullptr;
}

}  // namespace millrace::proc
