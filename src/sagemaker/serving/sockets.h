#pragma once
// Where model servers listen: a container on a port of loopback, a process on a Unix socket. Each of these has a
// directory of its own, in which it may do as it likes: it listens there on kSocketName (and for /ping on
// kPingSocketName, if it likes), relative to its working directory, since a socket's path may have 107 bytes only and a
// data directory may lie deep. What lies at that name is held by a descriptor and looked at before anything connects to
// it, so that a link to another socket of the machine leads nowhere.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "net/async_client.h"

namespace millrace::sagemaker {

// Held for as long as something may connect to it.
class ServerAddress {
 public:
  // Both O_PATH. `ping_socket`: one for /ping alone; none: the same.
  explicit ServerAddress(Fd socket, Fd ping_socket = {})
      : socket_(std::move(socket)), ping_socket_(std::move(ping_socket)) {}
  explicit ServerAddress(std::uint16_t port) : port_(port) {}
  void put_into(net::AsyncRequest& request) const;
  void put_ping_into(net::AsyncRequest& request) const;
  bool is_port() const { return port_ != 0; }
  // How many invocations go to it at a time: fewer than our own servers have threads, so that /ping is answered;
  // another image may answer one by one or only when many have come, as it likes.
  std::size_t invocations_at_a_time() const;

 private:
  Fd socket_, ping_socket_;
  std::uint16_t port_ = 0;
};

class Sockets {
 public:
  static constexpr std::string_view kSocketName = "s", kPingSocketName = "ping";
  explicit Sockets(std::filesystem::path root) : root_(std::move(root)) {}

  // A new, empty directory for the model server of this key, which belongs to whoever children run as.
  Result<std::filesystem::path> make_directory(std::string_view key) const;
  // Errors: not_found (it does not listen yet), failed_precondition (no socket lies there).
  Result<ServerAddress> find(std::string_view key) const;
  Status remove(std::string_view key) const;

 private:
  Result<Fd> hold(std::string_view key, std::string_view name) const;
  std::filesystem::path directory_of(std::string_view key) const;
  std::filesystem::path root_;
};

}  // namespace millrace::sagemaker
