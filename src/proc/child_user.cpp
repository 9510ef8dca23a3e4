#include "proc/child_user.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"

namespace millrace::proc {
namespace {

constexpr std::size_t kPasswordEntryBytes = 64 * 1024;
constexpr std::int64_t kMaxNumber = 0xffff'fffe;  // -1 means "as it is" to chown(2)

std::optional<ChildUser>& chosen() {
  static std::optional<ChildUser> user;
  return user;
}

std::optional<ChildUser> user_named(const std::string& name) {
  std::string buffer(kPasswordEntryBytes, '\0');
  struct passwd entry{};
  struct passwd* found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return ChildUser{entry.pw_uid, entry.pw_gid};
}

std::optional<ChildUser> user_numbered(const std::string& text) {
  const std::size_t colon = text.find(':');
  const auto user = parse_int(std::string_view(text).substr(0, colon));
  const auto group = colon == std::string::npos ? user : parse_int(std::string_view(text).substr(colon + 1));
  if (!user || !group || *user < 0 || *group < 0 || *user > kMaxNumber || *group > kMaxNumber) return std::nullopt;
  return ChildUser{static_cast<uid_t>(*user), static_cast<gid_t>(*group)};
}

// `name` in `directory`, which is given away already: what is in it may be changed by its new owner meanwhile.
Status give(int directory, const char* name, const ChildUser& to, const std::filesystem::path& path, std::size_t depth);

Status give_entries(Fd directory, const ChildUser& to, const std::filesystem::path& path, std::size_t depth) {
  if (depth > kMaxGivenDepth)
    return fail(Code::invalid_argument,
                fmt::format("{} is more than {} directories deep", path.native(), kMaxGivenDepth));
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(directory.get()), ::closedir);
  if (!listing) return fail(system_error(path.native(), errno));
  const int number = directory.release();
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    MR_TRY(give(number, entry->d_name, to, path / name, depth + 1));
  }
  return {};
}

Status give_one(int held, const struct stat& info, const ChildUser& to, const std::filesystem::path& path) {
  const bool theirs = info.st_uid == to.user && info.st_gid == to.group;
  if (theirs || ::fchownat(held, "", to.user, to.group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0) return {};
  return fail(system_error(path.native() + " cannot be given to the children's user", errno));
}

Status give_held(int held, const struct stat& info, const ChildUser& to, const std::filesystem::path& path,
                 std::size_t depth) {
  MR_TRY(give_one(held, info, to, path));
  if (!S_ISDIR(info.st_mode)) return {};
  Fd inside(::openat(held, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!inside) return fail(system_error(path.native(), errno));
  return give_entries(std::move(inside), to, path, depth);
}

Status give(int directory, const char* name, const ChildUser& to, const std::filesystem::path& path,
            std::size_t depth) {
  const Fd held(::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info{};
  if (!held || ::fstat(held.get(), &info) != 0) {
    if (errno == ENOENT && depth > 0) return {};  // removed meanwhile
    return fail(system_error(path.native(), errno));
  }
  const bool is_file = S_ISREG(info.st_mode) && info.st_nlink == 1;
  if (!is_file && !S_ISDIR(info.st_mode) && !S_ISLNK(info.st_mode)) return {};
  return give_held(held.get(), info, to, path, depth);
}

}  // namespace

std::optional<ChildUser> child_user() {
  if (::geteuid() != 0) return std::nullopt;
  if (chosen()) return chosen();
  static const ChildUser usual =
      user_named(std::string(kChildUserName)).value_or(ChildUser{kChildUserNumber, kChildUserNumber});
  return usual;
}

Status choose_child_user(const std::string& text) {
  if (::geteuid() != 0)
    return fail(Code::invalid_argument, "only a server that is root can run its children as another user");
  auto user = user_numbered(text);
  if (!user) user = user_named(text);
  if (!user) return fail(Code::invalid_argument, fmt::format("there is no user \"{}\" to run children as", text));
  if (user->user == 0 || user->group == 0)
    return fail(Code::invalid_argument, fmt::format("children cannot run as \"{}\": that is root", text));
  chosen() = user;
  return {};
}

Status give_to_child(const std::filesystem::path& path) {
  const auto to = child_user();
  if (!to) return {};
  return give(AT_FDCWD, path.c_str(), *to, path, 0);
}

Status give_to_child(int directory, const std::filesystem::path& path) {
  const auto to = child_user();
  if (!to) return {};
  struct stat info{};
  if (::fstat(directory, &info) != 0) return fail(system_error(path.native(), errno));
  return give_held(directory, info, *to, path, 0);
}

Status give_empty_to_child(int directory, const std::filesystem::path& path) {
  const auto to = child_user();
  return to ? give_one(directory, {}, *to, path) : Status();
}

}  // namespace millrace::proc
