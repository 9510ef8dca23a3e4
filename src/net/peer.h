#pragma once
// Who is at the other end of a connection, as far as this machine's kernel can say.
// Source: sock_diag(7), unix(7) (SO_PEERCRED), proc(5) (/proc/net/tcp).

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "base/result.h"

namespace millrace::net {

// A connection that requests come by, shared by them.
struct Connected {
  explicit Connected(int server_end) : descriptor(server_end) {}
  const int descriptor;  // the server's end; open for as long as a handler runs
  Mutex mutex;
  std::shared_ptr<const void> known MR_GUARDED_BY(mutex);  // what a handler keeps of it
};

// The connection whose request this thread is handling; null: none, as in a test.
std::shared_ptr<Connected> handled_connection();
// For as long as a handler runs.
class Handling {
 public:
  explicit Handling(std::shared_ptr<Connected> connection);
  ~Handling();
  Handling(const Handling&) = delete;
  Handling& operator=(const Handling&) = delete;
};

struct PeerSocket {
  uid_t user = 0;           // of the process that made the socket
  std::uint64_t inode = 0;  // of the socket; 0: no process holds it any more
  pid_t process = 0;        // a Unix socket's: who connected; else 0
};
// The client's socket; nullopt: it is not in this machine's network namespace. What is found belongs to this connection
// only while the connection stands: check is_connected() afterwards. Errors: the connection has no peer any more.
Result<std::optional<PeerSocket>> find_peer(int descriptor);
// Is the peer an address of the loopback interface?
bool is_from_loopback(int descriptor);
// false: the peer has reset the connection, and its addresses may be another's by now.
bool is_connected(int descriptor);

}  // namespace millrace::net
