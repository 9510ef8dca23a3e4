// The launcher role: one thread, one epoll loop over the server's connection, the children's ends and the clock.

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <fmt/core.h>

#include "base/log.h"
#include "proc/children.h"
#include "proc/launcher.h"
#include "proc/socket.h"
#include "proc/wire.h"

namespace millrace::proc {
namespace {

using Steady = std::chrono::steady_clock::time_point;
constexpr std::chrono::seconds kIdleEnd{60};        // no child, no server
constexpr Millis kTerminationGrace{5'000};          // after a SIGTERM to the launcher itself
constexpr std::size_t kStartsARound = 8;            // then the ends are looked at, and the server hears of both
constexpr std::size_t kMaxWaitingPeers = 8;         // connected, hello not yet said
constexpr std::size_t kMaxUnsentBytes = 64u << 20;  // a server that does not read is cut off

// What is ignored stays so in a child's program. Whoever starts a launcher (link.cpp) lets it ignore nothing, but for
// the signals that the C library keeps for itself and to which only the system call gives access.
void heed_signals_of_the_library() {
  constexpr int kFirst = 32;
  constexpr std::size_t kSetBytes = 8;
  for (int number = kFirst; number < SIGRTMIN; ++number) {
    std::array<std::uintptr_t, 8> action{};  // the kernel's struct sigaction: the handler comes first; SIG_DFL is zero
    if (::syscall(SYS_rt_sigaction, number, nullptr, action.data(), kSetBytes) != 0) continue;
    if (action[0] != reinterpret_cast<std::uintptr_t>(SIG_IGN)) continue;
    action = {};
    ::syscall(SYS_rt_sigaction, number, action.data(), nullptr, kSetBytes);
  }
}

struct Peer {
  std::uint64_t number = 0;
  Fd socket;
  std::string in, out;
  bool greeted = false, waits_to_write = false;
  bool gone = false;
};

class LauncherRole {
 public:
  LauncherRole(std::filesystem::path directory, Fd machine_mounts)
      : directory_(std::move(directory)), machine_mounts_(std::move(machine_mounts)) {}
  // False: another launcher has the directory.
  Result<bool> open();
  void run();

 private:
  void accept_peers();
  void read_from(Peer& peer);
  void handle(Peer& peer, Message message);
  void greet(Peer& peer, const Message& hello);
  void begin_shutdown(std::uint64_t reply_to, Millis grace);
  void reply(Peer& peer, std::uint64_t id, const Result<std::string>& payload);
  void send(Peer& peer, const Message& message);
  void flush(Peer& peer);
  void on_signal();
  void watch(int fd, std::uint32_t events) const;
  void drop_gone_peers();
  int wait_millis() const;
  bool may_end();
  Peer* server();

  const std::filesystem::path directory_;
  Fd machine_mounts_;
  SystemClock clock_;
  Fd lock_, directory_fd_, listener_, signals_, epoll_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::uint64_t last_peer_ = 0;
  Children children_{clock_, std::move(machine_mounts_), [this](const std::string& key, const ChildStatus& status) {
                       if (Peer* peer = server()) {
                         send(*peer, {MessageType::exited, 0, Packer().text(key).status(status).take()});
                       }
                     }};
  std::optional<Steady> idle_since_;
  bool ending_ = false;
  std::optional<std::uint64_t> shutdown_reply_;
};

Result<bool> LauncherRole::open() {
  ::umask(077);
  directory_fd_ = MR_TRY(open_directory(directory_));
  lock_ = Fd(::openat(directory_fd_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_) return fail(system_error("cannot open the launcher's lock in " + directory_.string(), errno));
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) return false;

  // Orphans of children come to us, so that no zombie is left to a container's first process.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  heed_signals_of_the_library();
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  ::sigaddset(&set, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!signals_ || !epoll_) return fail(system_error("cannot watch for children", errno));

  MR_TRY(children_.open(directory_));
  listener_ = MR_TRY(listen_in(directory_fd_));
  watch(signals_.get(), EPOLLIN);
  watch(listener_.get(), EPOLLIN);
  for (const int fd : children_.watch()) watch(fd, EPOLLIN | EPOLLONESHOT);
  return true;
}

void LauncherRole::watch(int fd, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

Peer* LauncherRole::server() {
  for (const auto& peer : peers_) {
    if (peer->greeted && !peer->gone) return peer.get();
  }
  return nullptr;
}

void LauncherRole::run() {
  std::array<epoll_event, 64> events;
  while (!may_end()) {
    const int wait = children_.anything_staged() ? 0 : wait_millis();
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait);
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const int fd = event.data.fd;
      if (fd == signals_.get()) {
        on_signal();
      } else if (fd == listener_.get()) {
        accept_peers();
      } else if (const auto peer =
                     std::find_if(peers_.begin(), peers_.end(), [&](const auto& p) { return p->socket.get() == fd; });
                 peer != peers_.end()) {
        if ((event.events & EPOLLOUT) != 0) flush(**peer);
        if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read_from(**peer);
      } else {
        children_.adopted_may_be_gone();
      }
    }
    children_.start_staged(kStartsARound);
    children_.tick();
    for (const auto& peer : peers_) {
      if (!peer->gone && !peer->out.empty()) flush(*peer);
    }
    drop_gone_peers();
  }
  ::unlinkat(directory_fd_.get(), kSocketName, 0);  // before the lock goes: nobody may connect to nothing
}

int LauncherRole::wait_millis() const {
  auto next = children_.next_tick();
  if (idle_since_ && (!next || *idle_since_ + kIdleEnd < *next)) next = *idle_since_ + kIdleEnd;
  if (!next) return -1;
  const auto left = std::chrono::duration_cast<Millis>(*next - std::chrono::steady_clock::now()).count() + 1;
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

bool LauncherRole::may_end() {
  if (ending_ && children_.running() == 0) {
    if (Peer* peer = server(); peer != nullptr && shutdown_reply_) {
      reply(*peer, *shutdown_reply_, std::string());
      flush(*peer);
      shutdown_reply_.reset();
    }
    return true;
  }
  if (server() != nullptr || children_.running() > 0) {
    idle_since_.reset();
    return false;
  }
  const auto now = std::chrono::steady_clock::now();
  if (!idle_since_) idle_since_ = now;
  return now - *idle_since_ >= kIdleEnd;
}

void LauncherRole::on_signal() {
  signalfd_siginfo info{};
  bool terminate = false;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) terminate |= info.ssi_signo == SIGTERM;
  children_.reap();
  if (terminate && !ending_) {
    ending_ = true;
    children_.start_staged();  // what was promised is started, and ends as the others do
    children_.stop_all(kTerminationGrace);
  }
}

void LauncherRole::accept_peers() {
  while (true) {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    if (peers_.size() >= kMaxWaitingPeers || !same_user(socket.get())) continue;
    watch(socket.get(), EPOLLIN);
    peers_.push_back(std::make_unique<Peer>());
    peers_.back()->number = ++last_peer_;
    peers_.back()->socket = std::move(socket);
  }
}

void LauncherRole::read_from(Peer& peer) {
  std::array<char, 64 * 1024> buffer;
  while (!peer.gone) {
    const ssize_t n = ::recv(peer.socket.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n <= 0) {
      peer.gone = true;
      break;
    }
    peer.in.append(buffer.data(), static_cast<std::size_t>(n));
    std::string_view rest = peer.in;
    while (!peer.gone) {
      auto message = take_frame(rest);
      if (!message) peer.gone = true;
      if (!message || !*message) break;
      handle(peer, std::move(**message));
    }
    peer.in.erase(0, peer.in.size() - rest.size());
  }
}

void LauncherRole::greet(Peer& peer, const Message& hello) {
  Unpacker said(hello.body);
  if (said.number() != kWireVersion) {
    reply(peer, hello.id,
          fail(Code::failed_precondition,
               "a launcher of another version of this program still runs in this data directory; its "
               "children must end first"));
    return;
  }
  // A killed server's connection may not have been looked at yet.
  for (const auto& other : peers_) {
    char byte = 0;
    if (other->greeted && ::recv(other->socket.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) other->gone = true;
  }
  if (server() != nullptr) {
    reply(peer, hello.id, fail(Code::failed_precondition, "another server uses this data directory"));
    return;
  }
  const std::uint64_t log_limit = said.number();
  if (said.ok()) children_.set_log_limit(log_limit);
  peer.greeted = true;
  reply(peer, hello.id, std::string());
}

void LauncherRole::handle(Peer& peer, Message message) {
  if (message.type != MessageType::launch) children_.start_staged();
  if (message.type == MessageType::hello) return greet(peer, message);
  if (!peer.greeted) {
    peer.gone = true;
    return;
  }
  Unpacker in(message.body);
  const std::uint64_t id = message.id;
  switch (message.type) {
    case MessageType::launch: {
      auto spec = unpack_spec(message.body);
      if (!spec) return reply(peer, id, fail(spec.error()));
      if (ending_) return reply(peer, id, fail(Code::unavailable, "the launcher is ending"));
      const auto answer = [this, number = peer.number, id](const Result<ChildStatus>& status) {
        for (const auto& asked : peers_) {  // unless it is gone
          if (asked->number == number)
            reply(*asked, id, status.map([](const ChildStatus& s) { return Packer().status(s).take(); }));
        }
      };
      if (auto known = children_.stage(std::move(*spec), answer)) answer(*known);
      return;
    }
    case MessageType::status: {
      Packer out;
      if (const auto status = children_.status(in.text()))
        out.number(1).status(*status);
      else
        out.number(0);
      return reply(peer, id, out.take());
    }
    case MessageType::stop: {
      const std::string key = in.text();
      children_.stop(key, Millis(static_cast<std::int64_t>(in.number())));
      return reply(peer, id, std::string());
    }
    case MessageType::forget:
      return reply(peer, id, children_.forget(in.text()).map([] { return std::string(); }));
    case MessageType::shutdown:
      ending_ = true;
      shutdown_reply_ = id;
      return children_.stop_all(Millis(static_cast<std::int64_t>(in.number())));
    default:
      peer.gone = true;
  }
}

void LauncherRole::reply(Peer& peer, std::uint64_t id, const Result<std::string>& payload) {
  send(peer, {MessageType::reply, id, pack_result(payload)});
}

void LauncherRole::send(Peer& peer, const Message& message) {
  append_frame(peer.out, message);  // sent at the end of the round, with what else there is
  if (peer.out.size() > kMaxUnsentBytes) peer.gone = true;
}

void LauncherRole::flush(Peer& peer) {
  std::size_t sent = 0;
  while (sent < peer.out.size()) {
    const ssize_t n =
        ::send(peer.socket.get(), peer.out.data() + sent, peer.out.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) peer.gone = true;
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  peer.out.erase(0, sent);
  if (peer.gone || peer.waits_to_write == !peer.out.empty()) return;
  peer.waits_to_write = !peer.out.empty();
  watch(peer.socket.get(), peer.waits_to_write ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void LauncherRole::drop_gone_peers() {
  std::erase_if(peers_, [](const auto& peer) { return peer->gone; });
}

}  // namespace

int launcher_main(const std::filesystem::path& directory) {
  // Before there are threads. What sandboxes have in common is mounted there once, and nobody else sees it.
  Fd machine_mounts(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!machine_mounts || !enter_own_mount_namespace()) machine_mounts.reset();
  LauncherRole role(directory, std::move(machine_mounts));
  const auto opened = role.open();
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    return 1;
  }
  if (*opened) role.run();
  return 0;
}

}  // namespace millrace::proc
