#pragma once
// Names of files for what a task has named: a task, an output or a file in an artifact may be called anything. Pure.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::app {

inline constexpr std::size_t kMaxFileName = 100;    // bytes; a longer name ends in a digest of it
inline constexpr std::size_t kMaxFilePath = 1'500;  // bytes of all names together; deeper ones are put further up

// One component: no separator, no control, no hidden file, no option of a command; never empty, "." or "..".
std::string safe_file_name(std::string_view name);

// Gives each name in a directory a file name that no other one has: the same one again for the same name.
class FileNames {
 public:
  // A path below the root; `directory` is one that this gave, or "".
  std::string path(const std::string& directory, const std::string& name);
  void reserve(const std::string& path) { taken_.insert(path); }  // nothing is called so

 private:
  std::map<std::pair<std::string, std::string>, std::string> given_;
  std::set<std::string> taken_;
};

}  // namespace millrace::app
