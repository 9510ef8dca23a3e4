#pragma once
// Unix sockets of the model servers. A socket's path may have 107 bytes only, and a data directory may lie deep: the
// model server gets a name relative to its working directory, we go through the open directory in /proc.

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace millrace::sagemaker {

class Sockets {
 public:
  // Makes the directory (0700).
  static Result<Sockets> open(const std::filesystem::path& directory);
  static std::string name_of(std::string_view key);                      // "3f2c…9a.sock"; the same for the same key
  std::string path_of(std::string_view key) const;                       // for connecting from this process
  const std::filesystem::path& directory() const { return directory_; }  // the model server's working directory
  void remove(std::string_view key) const;

 private:
  Sockets(std::filesystem::path directory, Fd fd) : directory_(std::move(directory)), fd_(std::move(fd)) {}
  std::filesystem::path directory_;
  Fd fd_;
};

}  // namespace millrace::sagemaker
