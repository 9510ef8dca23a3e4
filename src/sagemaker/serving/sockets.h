#pragma once
// Unix sockets of the model servers. Each has a directory of its own, in which it may do as it likes: it listens there
// on kSocketName, relative to its working directory, since a socket's path may have 107 bytes only and a data directory
// may lie deep. What lies at that name is held by a descriptor and looked at before anything connects to it, so that a
// link to another socket of the machine leads nowhere.

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace millrace::sagemaker {

class HeldSocket {
 public:
  explicit HeldSocket(Fd fd) : fd_(std::move(fd)) {}
  std::string path() const;  // for connecting from this process, as long as this is held

 private:
  Fd fd_;  // O_PATH
};

class Sockets {
 public:
  static constexpr std::string_view kSocketName = "s";
  explicit Sockets(std::filesystem::path root) : root_(std::move(root)) {}

  // A new, empty directory for the model server of this key, which belongs to whoever children run as.
  Result<std::filesystem::path> make_directory(std::string_view key) const;
  // Errors: not_found (it does not listen yet), failed_precondition (no socket lies there).
  Result<HeldSocket> find(std::string_view key) const;
  Status remove(std::string_view key) const;

 private:
  std::filesystem::path directory_of(std::string_view key) const;
  std::filesystem::path root_;
};

}  // namespace millrace::sagemaker
