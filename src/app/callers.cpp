#include "app/callers.h"

#include <unistd.h>

#include <algorithm>

#include "app/prune/operator_api.h"
#include "app/task_token.h"
#include "base/hash.h"
#include "base/log.h"
#include "net/own_sockets.h"

namespace millrace::app {
namespace {

constexpr std::string_view kBearer = "Bearer ";
// Users that container engines give to containers begin here (subuid(5)); people and services are below.
constexpr uid_t kFirstSubordinateUser = 65'536;

bool is_launcher(pid_t process, const std::filesystem::path& directory) {
  const auto words = proc::command_line_of(process);
  return words.size() == 3 && words[1] == "launcher" && words[2] == directory.native();
}

bool is_held_here(const net::PeerSocket& socket) {
  if (socket.process != 0) return socket.process == ::getpid();
  return socket.inode == 0 || net::is_own_socket(socket.inode);
}

}  // namespace

PeerKind kind_of(const PeerFacts& facts) {
  if (facts.found && facts.child_user && facts.user == *facts.child_user) return PeerKind::child;
  if (!facts.any_child) return PeerKind::person;
  // A loopback address whose socket cannot be found was somebody's here.
  if (!facts.found) return facts.from_loopback ? PeerKind::child : PeerKind::person;
  // What this server itself asks for, somebody else asked it for.
  if (facts.own_process && facts.user == facts.own_user) return PeerKind::child;
  if (facts.containers && (facts.user == facts.own_user || facts.user == 0 || facts.user >= kFirstSubordinateUser))
    return PeerKind::unsure;
  return facts.as_own_user && facts.user == facts.own_user ? PeerKind::unsure : PeerKind::person;
}

PeerKind kind_by_holders(std::size_t children, std::size_t others) {
  return children == 0 && others > 0 ? PeerKind::person : PeerKind::child;
}

Callers::Callers(Needs needs)
    : needs_(std::move(needs)),
      operator_token_(OperatorApi::token_of(needs_.encryption_key)),
      of_children_(needs_.child_user) {}

Result<pipelines::Caller> Callers::of(const net::Request& request) {
  std::string of_token;  // the run that a token names
  std::string_view given = request.headers.get("authorization");
  if (given.starts_with(kBearer) && equal_constant_time(given.substr(kBearer.size()), operator_token_))
    return pipelines::Caller();
  if (given.starts_with(kBearer) && is_task_token(given.substr(kBearer.size()))) {
    const auto key = read_task_token(needs_.encryption_key, given.substr(kBearer.size()));
    if (!key || !needs_.children.runs(*key))
      return fail(Code::unauthenticated, "the task's token is not good: it ends with the attempt that it was made for");
    of_token = needs_.pipelines.run_of_child(*key);
  }
  const auto connection = net::handled_connection();
  const Client client = connection ? client_of(*connection) : Client();
  if (!client.is_child) return of_token.empty() ? pipelines::Caller() : pipelines::Caller::of_run(of_token);
  if (client.key.empty()) return pipelines::Caller::of_run(of_token);
  const std::string run = needs_.children.runs(client.key) ? needs_.pipelines.run_of_child(client.key) : std::string();
  if (!of_token.empty() && of_token != run)
    return fail(Code::permission_denied, "the token belongs to a task of another run");
  return pipelines::Caller::of_run(run);
}

Callers::Client Callers::client_of(net::Connected& connection) {
  {
    const MutexLock lock(connection.mutex);
    if (connection.known) return *static_cast<const Client*>(connection.known.get());
  }
  if (!needs_.child_user && !needs_.children.any()) return {};
  Client client = look(connection.descriptor);
  // Its addresses may be another's by now.
  if (!net::is_connected(connection.descriptor)) return {true};
  if (client.is_child && client.key.empty()) return client;  // it may be known a moment later
  const MutexLock lock(connection.mutex);
  connection.known = std::make_shared<const Client>(client);
  return client;
}

Callers::Client Callers::look(int descriptor) {
  const auto socket = net::find_peer(descriptor);
  if (!socket) return {true};
  PeerFacts facts;
  facts.any_child = needs_.children.any();
  facts.as_own_user = needs_.children.any_as_own_user();
  facts.containers = needs_.containers && needs_.containers();
  facts.from_loopback = net::is_from_loopback(descriptor);
  facts.found = socket->has_value();
  facts.user = facts.found ? (*socket)->user : 0;
  facts.own_user = ::geteuid();
  facts.own_process = facts.found && is_held_here(**socket);
  facts.child_user = needs_.child_user;
  const PeerKind kind = kind_of(facts);
  if (kind == PeerKind::person) return {};
  return facts.found && !facts.own_process ? look_at_holders(**socket, kind == PeerKind::child) : Client{true};
}

// `is_child`: that is certain already, and only its run is asked for.
Callers::Client Callers::look_at_holders(const net::PeerSocket& socket, bool is_child) {
  const std::vector<pid_t> holders = holders_of(socket, is_child);
  std::vector<Client> children;
  for (const pid_t holder : holders) {
    if (auto child = child_of(holder, is_child)) children.push_back(std::move(*child));
  }
  if (kind_by_holders(children.size(), holders.size() - children.size()) == PeerKind::person) return {};
  // Held by children of several runs it is nobody's.
  Client client{true, children.empty() ? std::string() : children.front().key};
  const bool same =
      std::all_of(children.begin(), children.end(), [&](const Client& one) { return one.key == client.key; });
  return same ? client : Client{true};
}

std::vector<pid_t> Callers::holders_of(const net::PeerSocket& socket, bool is_child) {
  if (socket.process != 0) return {socket.process};
  return (is_child ? of_children_ : all_).of(socket.inode);
}

// nullopt: the process is no child's.
std::optional<Callers::Client> Callers::child_of(pid_t process, bool is_child) {
  const auto line = proc::with_ancestors(process);
  std::string key = needs_.children.key_of(line);
  if (!key.empty()) return Client{true, std::move(key)};
  const auto launcher =
      std::find_if(line.begin(), line.end(), [&](pid_t one) { return is_launcher(one, needs_.launcher); });
  std::string token;
  for (auto one = line.begin(); one != launcher && token.empty(); ++one)
    token = proc::variable_of(*one, kTaskTokenVariable);
  const bool contained = needs_.containers && needs_.containers() && proc::is_in_other_namespace(process);
  if (!is_child && launcher == line.end() && !contained && token.empty()) return std::nullopt;
  const auto named = read_task_token(needs_.encryption_key, token);
  return Client{true, named && needs_.children.runs(*named) ? *named : std::string()};
}

}  // namespace millrace::app
