#include "sagemaker/serving/sockets.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/untrusted_tree.h"
#include "proc/child_user.h"
#include "sagemaker/worker/worker.h"

namespace millrace::sagemaker {

namespace {

constexpr std::size_t kMaxOfAnImage = 128;

std::string path_of(const Fd& socket) { return fmt::format("/proc/self/fd/{}", socket.get()); }

}  // namespace

void ServerAddress::put_into(net::AsyncRequest& request) const {
  request.port = port_;
  if (port_ == 0) request.unix_socket = path_of(socket_);
}

void ServerAddress::put_ping_into(net::AsyncRequest& request) const {
  put_into(request);
  if (ping_socket_) request.unix_socket = path_of(ping_socket_);
}

std::size_t ServerAddress::invocations_at_a_time() const { return is_port() ? kMaxOfAnImage : worker::kMaxInvocations; }

std::filesystem::path Sockets::directory_of(std::string_view key) const {
  return root_ / sha256_hex(key).substr(0, 24);
}

Result<std::filesystem::path> Sockets::make_directory(std::string_view key) const {
  const auto directory = directory_of(key);
  MR_TRY(remove_tree(directory));
  // trusted-path: only the server writes to the root of these directories
  MR_TRY(make_directories(directory, 0700));
  MR_TRY(proc::give_to_child(directory));
  return directory;
}

Result<Fd> Sockets::hold(std::string_view key, std::string_view name) const {
  const auto tree = MR_TRY(UntrustedTree::open(directory_of(key)));
  // trusted-path: one name beneath a descriptor; O_PATH opens nothing, O_NOFOLLOW follows nothing
  Fd fd(::openat(tree.descriptor(), std::string(name).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail(system_error("cannot find a model server's socket", errno));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail(system_error("cannot look at a model server's socket", errno));
  if (!S_ISSOCK(info.st_mode)) {
    return fail(Code::failed_precondition,
                fmt::format("the model server has {} where its socket should be", file_kind_name(info.st_mode)));
  }
  return fd;
}

Result<ServerAddress> Sockets::find(std::string_view key) const {
  Fd socket = MR_TRY(hold(key, kSocketName));
  auto ping_socket = hold(key, kPingSocketName);
  return ServerAddress(std::move(socket), ping_socket ? std::move(*ping_socket) : Fd());
}

Status Sockets::remove(std::string_view key) const { return remove_tree(directory_of(key)); }

}  // namespace millrace::sagemaker
