#pragma once
// The one way to the files that a child process wrote, or can still write to.
//
// A step, a job or a model server may put anything where the program will look: a symbolic link to the key file, a FIFO
// that blocks whoever opens it, a device, a sparse file of a terabyte, a million files, and it may exchange one for
// another while it is read. So nothing of it is opened by a path with the server's rights: a tree is opened once, at a
// directory that only the server could make, and everything below it is opened beneath that descriptor. No symbolic or
// magic link is followed on the way unless Links::within asks for it, and then only as far as it leads to a place in
// the same tree. Only regular files are read. Every operation has a limit.
//
// openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS resolves a path in one call; where the
// kernel lacks it (before 5.6) or a filter refuses it, each component is opened by itself with O_NOFOLLOW, which is as
// strict.
//
// Hard links need no rule of their own: link(2) fails across mounts, and all that a sandboxed child can write to is
// mounted by itself. Files are never written to in place: what the program writes is a new file, renamed to its name.
//
// Paths are relative, of components that are neither empty nor "..", separated by '/'; "." components are dropped. ""
// is the tree's own directory. An absolute path, "..", or a NUL is invalid_argument.
//
// Error codes: not_found (no such file or directory); failed_precondition (a link, or not a regular file or directory,
// or a file system boundary; the sentence names the path and what it is); resource_exhausted (a limit);
// permission_denied.

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace millrace {

enum class FileKind { regular, directory, symlink, other };  // other: FIFO, socket, device

struct FileInfo {
  FileKind kind = FileKind::regular;
  std::uint64_t size = 0;
  std::uint64_t blocks = 0;   // of 512 bytes, allocated; a sparse file has fewer than its size
  unsigned mode = 0;          // permission bits
  std::int64_t modified = 0;  // seconds since 1970
};

// What becomes of symbolic links below a tree's root.
enum class Links {
  refuse,  // failed_precondition
  within,  // followed where they lead to a place in the same tree; otherwise failed_precondition
};

class UntrustedTree {
 public:
  struct Limits {
    std::size_t entries = 1'000'000;               // files, directories and links of a walk, copy or listing
    std::uint64_t bytes = std::uint64_t{1} << 40;  // of the files of a walk or copy, as their sizes say
    unsigned depth = 100;                          // directories below each other
  };

  // `root`: a directory that the child cannot have replaced (its parent is not writable to it). The last component is
  // not followed if it is a link. `seen_as`: the path by which the child knows the directory ("/opt/ml"): with
  // Links::within an absolute link that begins with it leads to the same place in the tree.
  static Result<UntrustedTree> open(const std::filesystem::path& root, std::string seen_as = {});
  // The same, from a root that lies itself at an untrusted place of another tree.
  Result<UntrustedTree> open_tree(std::string_view path, Links links = Links::refuse) const;

  const std::filesystem::path& root() const { return root_; }  // for messages
  int descriptor() const { return directory_.get(); }          // O_PATH or O_RDONLY, of the root

  // --- what is there -------------------------------------------------------------------------------------------------
  // lstat of the last component: a link is reported as one (Links::refuse), or what it leads to (Links::within). Empty:
  // nothing is there. A link or file on the way is an error.
  Result<std::optional<FileInfo>> info(std::string_view path, Links links = Links::refuse) const;
  bool is_file(std::string_view path, Links links = Links::refuse) const;
  bool is_directory(std::string_view path, Links links = Links::refuse) const;

  // --- reading -------------------------------------------------------------------------------------------------------
  // A regular file, opened for reading with O_NONBLOCK | O_NOCTTY; never waits, whatever lies there.
  Result<Fd> open_file(std::string_view path, Links links = Links::refuse) const;
  // A directory, opened with O_RDONLY | O_DIRECTORY.
  Result<Fd> open_directory(std::string_view path, Links links = Links::refuse) const;
  // The whole file; resource_exhausted if it has more than `max_bytes`.
  Result<std::string> read(std::string_view path, std::size_t max_bytes, Links links = Links::refuse) const;
  // Its last bytes, at most `max_bytes`.
  Result<std::string> read_end(std::string_view path, std::size_t max_bytes, Links links = Links::refuse) const;

  // --- walking -------------------------------------------------------------------------------------------------------
  struct Entry {
    std::string path;  // relative to the root
    FileInfo info;     // of the entry itself; of what it leads to where the walk follows links
  };
  // Every entry below the directory `path`, each directory before what lies in it, in the order of their names. Without
  // Links::within, links are reported (kind symlink) and not followed; with it, a link to a regular file or directory
  // of the tree is reported as that and, if a directory, entered, and a link that leads out, nowhere, or to a directory
  // that it lies in is reported as kind symlink. An error of `visit` ends the walk. To read an entry use open_file with
  // the same `links`: what was walked may have been exchanged since, which open_file finds out.
  Status walk(std::string_view path, Links links, const Limits& limits,
              const std::function<Status(const Entry&)>& visit) const;
  // The names in one directory, sorted. `limits.entries` bounds it.
  Result<std::vector<Entry>> list(std::string_view path, const Limits& limits) const;

  // --- copying out ---------------------------------------------------------------------------------------------------
  // What a copy does with entries that are neither files nor directories (nor links that `links` lets it follow).
  enum class Others { refuse, skip };
  struct Copied {
    std::uint64_t bytes = 0;
    std::size_t files = 0;
    std::vector<std::string> skipped;  // paths, at most kMaxSkipped of them
  };
  static constexpr std::size_t kMaxSkipped = 100;
  // The file or directory `path` as the new file or directory `to_path` in `to` (another tree, or this one). The copy
  // is made beside its name and renamed when whole, replacing a file or removing a directory of that name. Modes:
  // 0600/0700, or 0700 for files that their owner may execute. Sparse files stay sparse where the file system can tell.
  // Not synced.
  Result<Copied> copy(std::string_view path, const UntrustedTree& to, std::string_view to_path, Links links,
                      Others others, const Limits& limits) const;

  // --- changing ------------------------------------------------------------------------------------------------------
  // Directories are made as needed (existing ones stay; a link or file on the way is an error).
  Status make_directories(std::string_view path, unsigned mode = 0700) const;
  // One below the root, by its name. False: there was something of that name.
  Result<bool> make_directory(const std::string& name, unsigned mode = 0700) const;
  // A new file is written beside its name and renamed to it, replacing a file or link (not a directory) of that name.
  // The directory above must exist.
  Status write(std::string_view path, std::string_view content, unsigned mode = 0600) const;
  // As `write`, from `fill`, which gets a descriptor that is open for reading and writing.
  Status write(std::string_view path, const std::function<Status(int fd)>& fill, unsigned mode = 0600) const;
  // Into the place of a file of that name; a directory there must be empty (rename(2)).
  Status rename(std::string_view from, const UntrustedTree& to, std::string_view to_path) const;
  // The entry and everything below it, never what a link leads to. Directories that their owner may not read are opened
  // up first. Any depth and number of entries with three descriptors. Nothing there: success. "" empties the tree
  // itself and keeps it.
  Status remove(std::string_view path) const;

 private:
  UntrustedTree(std::filesystem::path root, std::string seen_as, Fd directory);
  std::filesystem::path root_;
  std::string seen_as_;
  Fd directory_;
};

// remove() for a directory that lies in a trusted one: `place`'s parent is opened by its path, following links; its
// last component is not. Nothing there: success.
Status remove_tree(const std::filesystem::path& place);

// "a FIFO", "a symbolic link", for messages.
std::string_view file_kind_name(unsigned st_mode);

// false: resolve component by component, as on a kernel without openat2.
void use_openat2_for_tests(bool use);

}  // namespace millrace
