// Removal, whatever the depth, the number and the permissions of what lies there.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/core.h>

#include "base/ids.h"
#include "base/remove_tree.h"
#include "base/untrusted_tree_parts.h"

namespace millrace {

namespace {

constexpr std::size_t kMaxRemoved = 100'000'000;  // entries of one removal: a child that adds more is not waited for

// A directory to be emptied, whatever its permissions are.
Fd open_to_empty(int above, const char* name) {
  const Fd place(::openat(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!place) return Fd();
  struct stat info{};
  if (::fstat(place.get(), &info) == 0 && (info.st_mode & S_IRWXU) != S_IRWXU)
    (void)::chmod(fmt::format("/proc/self/fd/{}", place.get()).c_str(), 0700);
  return Fd(::openat(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// Removes everything in one directory. What is deeper than one level is moved up first, so that no depth costs
// descriptors or stack.
class Emptying {
 public:
  Emptying(int top, const std::filesystem::path& place, const std::atomic<bool>* stop)
      : top_(top), place_(place), stop_(stop), prefix_(".rm-" + random_hex(8)) {}

  Status run() {
    const untrusted::Listing listing = untrusted::list_of(Fd(::openat(top_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!listing) return fail(system_error("cannot list " + place_.string(), errno));
    while (true) {
      std::size_t found = 0;
      ::rewinddir(listing.get());
      while (const struct dirent* entry = ::readdir(listing.get())) {
        if (untrusted::is_dots(entry->d_name)) continue;
        ++found;
        MR_TRY(remove(entry->d_name));
      }
      if (found == 0) return {};
    }
  }

 private:
  // ENOENT is success: somebody else removed it.
  static bool unlink(int directory, const char* name) {
    if (::unlinkat(directory, name, 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) return false;
    const int error = errno;
    if (::unlinkat(directory, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (errno == ENOTDIR) errno = error;
    return false;
  }

  Status remove(const char* name) {
    MR_TRY(count_one());
    if (unlink(top_, name)) return {};
    if (errno != ENOTEMPTY && errno != EEXIST)
      return fail(system_error("cannot remove " + (place_ / name).string(), errno));
    MR_TRY(flatten(name));
    if (!unlink(top_, name) && errno != ENOTEMPTY && errno != EEXIST)
      return fail(system_error("cannot remove " + (place_ / name).string(), errno));
    return {};
  }

  Status count_one() {
    if (stop_ != nullptr && *stop_)
      return fail(Code::cancelled, fmt::format("the removal of {} was ended", place_.string()));
    if (++removed_ > kMaxRemoved)
      return fail(Code::resource_exhausted, fmt::format("{} has too many entries to remove", place_.string()));
    return {};
  }

  Status flatten(const char* name) {
    Fd directory = open_to_empty(top_, name);
    const int below = directory.get();
    const untrusted::Listing listing = directory ? untrusted::list_of(std::move(directory)) : untrusted::Listing();
    if (!listing) return fail(system_error("cannot list " + (place_ / name).string(), errno));
    while (const struct dirent* entry = ::readdir(listing.get())) {
      if (untrusted::is_dots(entry->d_name)) continue;
      MR_TRY(count_one());
      if (unlink(below, entry->d_name)) continue;
      if (errno != ENOTEMPTY && errno != EEXIST)
        return fail(system_error("cannot remove " + (place_ / name / entry->d_name).string(), errno));
      (void)open_to_empty(below, entry->d_name);  // a directory may be moved by who may write to it
      const std::string moved = fmt::format("{}-{}", prefix_, ++moved_);
      if (::renameat(below, entry->d_name, top_, moved.c_str()) != 0 && errno != ENOENT)
        return fail(system_error("cannot remove " + (place_ / name / entry->d_name).string(), errno));
    }
    return {};
  }

  const int top_;
  const std::filesystem::path& place_;
  const std::atomic<bool>* const stop_;  // null: it goes on to the end
  const std::string prefix_;
  std::size_t removed_ = 0, moved_ = 0;
};

Status remove_entry(int above, const std::string& name, const std::filesystem::path& place,
                    const std::atomic<bool>* stop = nullptr) {
  if (::unlinkat(above, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return fail(system_error("cannot remove " + place.string(), errno));
  if (::unlinkat(above, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  if (errno != ENOTEMPTY && errno != EEXIST) return fail(system_error("cannot remove " + place.string(), errno));
  const Fd top = open_to_empty(above, name.c_str());
  if (!top) return fail(system_error("cannot open " + place.string(), errno));
  MR_TRY(Emptying(top.get(), place, stop).run());
  if (::unlinkat(above, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    return fail(system_error("cannot remove " + place.string(), errno));
  return {};
}

Status remove_place(const std::filesystem::path& place, const std::atomic<bool>* stop) {
  const std::filesystem::path name = place.filename();
  if (name.empty() || name == "." || name == "..")
    return fail(Code::invalid_argument, fmt::format("{} names no entry of a directory", place.string()));
  const std::filesystem::path directory = place.has_parent_path() ? place.parent_path() : std::filesystem::path(".");
  const Fd above(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!above && (errno == ENOENT || errno == ENOTDIR)) return {};
  if (!above) return fail(system_error("cannot open " + directory.string(), errno));
  return remove_entry(above.get(), name.native(), place, stop);
}

}  // namespace

Status UntrustedTree::remove(std::string_view path) const {
  if (MR_TRY(untrusted::components_of(path)).empty()) {
    const Fd top = open_to_empty(directory_.get(), ".");
    if (!top) return fail(untrusted::error_at(root_, "", errno));
    return Emptying(top.get(), root_, nullptr).run();
  }
  const untrusted::Place place = MR_TRY(untrusted::split(path));
  const auto above = untrusted::find(root_, seen_as_, directory_.get(), place.directory, Links::refuse, false);
  if (!above && above.error().code == Code::not_found) return {};
  if (!above) return fail(above.error());
  return remove_entry(above->get(), place.name, root_ / path);
}

Status remove_tree(const std::filesystem::path& place) { return remove_place(place, nullptr); }
Status remove_tree(const std::filesystem::path& place, const std::atomic<bool>& stop) {
  return remove_place(place, &stop);
}

}  // namespace millrace
