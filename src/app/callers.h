#pragma once
// Is it a person who makes a request, or a child of this server's, and of which run?
//
// The pipeline API and the console ask for no signature, as upstream's do not, and a child shares the machine's
// network. So a child is recognised by its end of the connection: the kernel names the user that made the socket, and
// /proc the processes that hold it. A child whose processes have a user of their own is known by that alone, and while
// all have, nobody of another user is looked at. Otherwise
// a connection is a person's only where a process holds it that is no child's, and no child's process does: a socket
// that nobody holds may be on its way from one child to another. Where no child runs, nobody need be asked.
//
// A child in a container is no descendant of this server's; it shows the token in its environment (task_token.h), which
// is also found in the environment of its processes. Who presents the operator's token (prune/operator_api.h) has read
// the server's key and so is a person: `millrace lab`, whose requests come from the server's own process.

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/live_children.h"
#include "base/result.h"
#include "net/http.h"
#include "net/peer.h"
#include "pipelines/caller.h"
#include "pipelines/pipelines.h"
#include "proc/socket_holders.h"

namespace millrace::app {

// What is known of a connection's client. Pure, so that a table can test what follows from it.
struct PeerFacts {
  bool any_child = true;    // a child runs, or did a moment ago
  bool as_own_user = true;  // such a one as this process's own user
  bool containers = false;  // some children have users that are not known here
  bool from_loopback = false;
  bool found = true;                               // the client's socket is on this machine
  uid_t user = 0;                                  // whose socket it is
  uid_t own_user = 0;                              // this process's
  bool own_process = false;                        // this process holds it, or nobody any more
  std::optional<uid_t> child_user = std::nullopt;  // children's own
};
// unsure: it is to be found out which processes hold the socket.
enum class PeerKind { person, child, unsure };
PeerKind kind_of(const PeerFacts& facts);
// What the processes that hold it make of one that is not sure.
PeerKind kind_by_holders(std::size_t children, std::size_t others);

class Callers {
 public:
  struct Needs {
    LiveChildren& children;
    pipelines::Pipelines& pipelines;
    std::string encryption_key;
    std::filesystem::path launcher;         // its directory
    std::function<bool()> containers = {};  // one runs, or did a moment ago
    std::optional<uid_t> child_user = std::nullopt;
  };
  explicit Callers(Needs needs);

  // Errors: unauthenticated for a task's token that is not good (any more); permission_denied for another run's.
  Result<pipelines::Caller> of(const net::Request& request);

 private:
  struct Client {
    bool is_child = false;
    std::string key = {};  // the child's launch key; empty: not known
  };
  Client client_of(net::Connected& connection);
  Client look(int descriptor);
  Client look_at_holders(const net::PeerSocket& socket, bool is_child);
  std::vector<pid_t> holders_of(const net::PeerSocket& socket, bool is_child);
  std::optional<Client> child_of(pid_t process, bool is_child);

  Needs needs_;
  std::string operator_token_;
  proc::SocketHolders all_, of_children_;
};

}  // namespace millrace::app
