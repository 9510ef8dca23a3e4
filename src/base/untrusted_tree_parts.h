#pragma once
// What the files of UntrustedTree share: ways from a path to a descriptor, listings, sentences. Private to
// untrusted_tree*.cpp: what is found here is an open descriptor beneath a tree, whose limits the caller sees to.

#include <dirent.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/untrusted_tree.h"

namespace millrace::untrusted {

constexpr std::size_t kMaxComponents = 256;  // of a path, links resolved: each may cost a descriptor

using Components = std::vector<std::string>;
// Errors: invalid_argument, of a path that is none; see untrusted_tree.h.
Result<Components> components_of(std::string_view path);
std::string joined(const Components& components);

struct Place {
  std::string directory, name;
};
// A path's last component apart. Errors: invalid_argument, also for the tree's own directory.
Result<Place> split(std::string_view path);

// The error number of a call on `path` below `root`, in words.
Error error_at(const std::filesystem::path& root, std::string_view path, int error);

FileInfo info_of(const struct stat& info);

// An O_PATH descriptor of `path` below `directory`. `link_itself`: of the last component even if it is a link.
Result<Fd> find(const std::filesystem::path& root, const std::string& seen_as, int directory, std::string_view path,
                Links links, bool link_itself);
// The directory that an O_PATH descriptor is of, to be listed. Errors: failed_precondition: it is none.
Result<Fd> open_to_list(const std::filesystem::path& root, std::string_view path, const Fd& place);

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Listing = std::unique_ptr<DIR, CloseDirectory>;
Listing list_of(Fd directory);
inline bool is_dots(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}
// Sorted. Errors: resource_exhausted beyond `most` names, or kMaxNameBytes of them.
Result<std::vector<std::string>> names_in(const std::filesystem::path& place, Fd directory, std::size_t most);

}  // namespace millrace::untrusted
