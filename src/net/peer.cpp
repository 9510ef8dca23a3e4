#include "net/peer.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"

namespace millrace::net {
namespace {

// Not a member of Request: whoever needs it is rare, and asks on the handler's thread.
thread_local std::shared_ptr<Connected> handled;

constexpr std::size_t kMaxTable = 64u << 20;  // bytes of /proc/net/tcp

struct Endpoint {
  int family = 0;
  std::uint32_t address[4] = {};  // in network order; IPv4: the first
  std::uint16_t port = 0;         // in network order
  std::uint32_t scope = 0;
};

Result<Endpoint> endpoint(int descriptor, decltype(::getpeername) ask) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (ask(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return fail(system_error("the connection has ended", errno));
  Endpoint out;
  out.family = address.ss_family;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    std::memcpy(out.address, &v4.sin_addr, sizeof v4.sin_addr);
    out.port = v4.sin_port;
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    std::memcpy(out.address, &v6.sin6_addr, sizeof v6.sin6_addr);
    out.port = v6.sin6_port;
    out.scope = v6.sin6_scope_id;
  }
  return out;
}

// The socket whose own address is `own` and whose peer is `peer`. nullopt: there is none, or the kernel has no such
// service; the two look alike.
std::optional<PeerSocket> ask_kernel(const Endpoint& own, const Endpoint& peer) {
  const Fd link(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!link) return std::nullopt;
  struct {
    nlmsghdr head;
    inet_diag_req_v2 question;
  } request{};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.head.nlmsg_flags = NLM_F_REQUEST;
  inet_diag_req_v2& question = request.question;
  question.sdiag_family = static_cast<std::uint8_t>(own.family);
  question.sdiag_protocol = IPPROTO_TCP;
  question.idiag_states = ~0U;
  std::memcpy(question.id.idiag_src, own.address, sizeof own.address);
  std::memcpy(question.id.idiag_dst, peer.address, sizeof peer.address);
  question.id.idiag_sport = own.port;
  question.id.idiag_dport = peer.port;
  question.id.idiag_if = own.scope;
  question.id.idiag_cookie[0] = question.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (::send(link.get(), &request, sizeof request, 0) != static_cast<ssize_t>(sizeof request)) return std::nullopt;
  alignas(nlmsghdr) char answer[4096];
  const ssize_t size = ::recv(link.get(), answer, sizeof answer, 0);
  const auto* head = reinterpret_cast<const nlmsghdr*>(answer);
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(inet_diag_msg))) || head->nlmsg_type != SOCK_DIAG_BY_FAMILY)
    return std::nullopt;
  const auto* found = static_cast<const inet_diag_msg*>(NLMSG_DATA(head));
  return PeerSocket{found->idiag_uid, found->idiag_inode, 0};
}

bool is_mapped(const Endpoint& one) {
  return one.family == AF_INET6 && one.address[0] == 0 && one.address[1] == 0 && one.address[2] == htonl(0xFFFF);
}

std::string in_table(const Endpoint& one, bool short_form) {
  std::string text;
  for (int i = short_form && one.family == AF_INET6 ? 3 : 0; i < (one.family == AF_INET6 ? 4 : 1); ++i)
    text += fmt::format("{:08X}", one.address[i]);
  return fmt::format("{}:{:04X}", text, ntohs(one.port));
}

std::optional<PeerSocket> look_up(const char* table, const std::string& pair) {
  const auto text = read_file(table, kMaxTable);
  const std::size_t at = text ? text->find(pair) : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  // … local remote state queues timer retransmits user timeout inode
  std::vector<std::string_view> words;
  for (const std::string_view word : split(std::string_view(*text).substr(at, text->find('\n', at) - at), ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  constexpr std::size_t kUser = 6, kInode = 8;
  if (words.size() <= kInode) return std::nullopt;
  const auto user = parse_int(words[kUser]), inode = parse_int(words[kInode]);
  if (!user || !inode) return std::nullopt;
  return PeerSocket{static_cast<uid_t>(*user), static_cast<std::uint64_t>(*inode), 0};
}

std::optional<PeerSocket> read_tables(const Endpoint& own, const Endpoint& peer) {
  const bool mapped = is_mapped(own) && is_mapped(peer);
  if (own.family == AF_INET || mapped) {
    const std::string pair = fmt::format(" {} {} ", in_table(own, mapped), in_table(peer, mapped));
    if (auto found = look_up("/proc/net/tcp", pair)) return found;
  }
  Endpoint six[2] = {own, peer};
  for (Endpoint& one : six) {
    if (one.family != AF_INET) continue;
    one = {AF_INET6, {0, 0, htonl(0xFFFF), one.address[0]}, one.port, 0};
  }
  return look_up("/proc/net/tcp6", fmt::format(" {} {} ", in_table(six[0], false), in_table(six[1], false)));
}

}  // namespace

std::shared_ptr<Connected> handled_connection() { return handled; }
Handling::Handling(std::shared_ptr<Connected> connection) { handled = std::move(connection); }
Handling::~Handling() { handled.reset(); }

Result<std::optional<PeerSocket>> find_peer(int descriptor) {
  const Endpoint peer = MR_TRY(endpoint(descriptor, ::getpeername));
  if (peer.family == AF_UNIX) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
      return fail(system_error("the connection has no peer", errno));
    return std::optional<PeerSocket>({who.uid, 0, who.pid});
  }
  const Endpoint own = MR_TRY(endpoint(descriptor, ::getsockname));
  auto found = ask_kernel(peer, own);
  return found ? found : read_tables(peer, own);
}

bool is_from_loopback(int descriptor) {
  const auto peer = endpoint(descriptor, ::getpeername);
  if (!peer) return false;
  if (peer->family == AF_UNIX) return true;
  if (peer->family == AF_INET) return ntohl(peer->address[0]) >> 24 == 127;
  if (is_mapped(*peer)) return ntohl(peer->address[3]) >> 24 == 127;
  in6_addr address{};
  std::memcpy(&address, peer->address, sizeof address);
  return IN6_IS_ADDR_LOOPBACK(&address);
}

bool is_connected(int descriptor) { return endpoint(descriptor, ::getpeername).has_value(); }

}  // namespace millrace::net
