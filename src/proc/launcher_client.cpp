// The server's side of the launcher: requests wait for their reply by id; one thread reads the connection, renews it
// when the launcher has died, and calls what waits for an answer or for a child's end.

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <deque>
#include <future>
#include <set>
#include <thread>
#include <unordered_map>

#include <fmt/core.h>

#include "base/log.h"
#include "base/mutex.h"
#include "base/thread_name.h"
#include "proc/launcher.h"
#include "proc/link.h"
#include "proc/machine_places.h"
#include "proc/open_launcher.h"
#include "proc/wire.h"

namespace millrace::proc {
namespace {

constexpr std::chrono::seconds kConnectPatience{12}, kReplyTimeout{60}, kShutdownSlack{10};
constexpr std::chrono::milliseconds kFirstRetry{50}, kLongestRetry{5'000};
constexpr int kLaunchAttempts = 3;
thread_local bool reads_here = false;                       // this is the thread that reads a launcher's answers
constexpr std::string_view kDisconnected = "Disconnected";  // Error::reason: nothing is known of the request's fate

class LauncherClient final : public Launcher {
 public:
  LauncherClient(std::filesystem::path directory, std::filesystem::path executable, ExitHandler on_exit,
                 std::uint64_t log_limit)
      : process_(std::move(directory), std::move(executable), log_limit), on_exit_(std::move(on_exit)) {}
  ~LauncherClient() override;

  Status connect();  // then the thread begins
  void launch_async(const LaunchSpec& spec, LaunchDone done) override;
  Result<std::optional<ChildStatus>> status(const std::string& key) override;
  Status stop(const std::string& key, Millis grace) override;
  Status forget(const std::string& key) override;
  Status shutdown(Millis grace) override;

 private:
  using Reply = std::function<void(Result<std::string>)>;  // on the reading thread

  // A launch that has not been answered. Sent again when the launcher died over it: the key makes that safe.
  struct Launch {
    std::string key, packed;
    LaunchDone done;
    int attempts = 0;
    std::chrono::steady_clock::time_point asked;
  };
  void send_launch(Launch launch) MR_REQUIRES(mutex_);
  void answered(Launch launch, Result<std::string> reply);
  void send_waiting_launches();
  void give_up_launches(std::chrono::steady_clock::time_point asked_before, const char* why);

  Result<std::string> call(MessageType type, std::string body, std::chrono::milliseconds timeout,
                           std::function<void(const std::string&)> on_reply = {});
  void send(std::uint64_t id, MessageType type, std::string body, Reply reply) MR_REQUIRES(mutex_);
  void read_replies();
  std::shared_ptr<Fd> socket();
  bool read_some(const Fd& socket, std::string& in);
  void dispatch(Message message);
  void lose_connection();
  bool reconnect();
  void ask_for_watched();
  void see(const std::string& key, const ChildStatus& status);
  void tell(const std::string& key, const ChildStatus& status, bool only_if_watched);

  LauncherProcess process_;
  const ExitHandler on_exit_;
  Mutex mutex_;
  CondVar changed_;
  // Shared with the threads that are just sending: the number of a closed descriptor must not be used again by them.
  std::shared_ptr<Fd> socket_ MR_GUARDED_BY(mutex_);
  Mutex sending_;  // one message after the other; taken without mutex_
  bool closing_ MR_GUARDED_BY(mutex_) = false, shut_down_ MR_GUARDED_BY(mutex_) = false;
  std::uint64_t next_id_ MR_GUARDED_BY(mutex_) = 2;  // 1 was hello
  std::unordered_map<std::uint64_t, Reply> waiting_ MR_GUARDED_BY(mutex_);
  std::deque<Launch> unsent_ MR_GUARDED_BY(mutex_);      // there is no connection
  std::set<std::string> watched_ MR_GUARDED_BY(mutex_);  // known to run: asked for again after a launcher's death
  std::thread reader_;
};

Status LauncherClient::connect() {
  auto socket = std::make_shared<Fd>(MR_TRY(process_.connect()));
  {
    const MutexLock lock(mutex_);
    socket_ = std::move(socket);
  }
  reader_ = std::thread([this] { read_replies(); });
  return {};
}

LauncherClient::~LauncherClient() {
  {
    const MutexLock lock(mutex_);
    closing_ = true;
    if (socket_) ::shutdown(socket_->get(), SHUT_RDWR);
  }
  changed_.notify_all();
  if (reader_.joinable()) reader_.join();
  give_up_launches(std::chrono::steady_clock::time_point::max(), "the launcher has been shut down");
}

// Gives the mutex up while it sends.
void LauncherClient::send(std::uint64_t id, MessageType type, std::string body, Reply reply) {
  std::string frame;
  append_frame(frame, {type, id, std::move(body)});
  waiting_.emplace(id, std::move(reply));
  const std::shared_ptr<Fd> socket = socket_;
  mutex_.unlock();
  {
    const MutexLock one(sending_);
    std::string_view rest = frame;
    while (!rest.empty()) {
      const ssize_t n = ::send(socket->get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        ::shutdown(socket->get(), SHUT_RDWR);  // the reader sees the end, and answers everyone who waits
        break;
      }
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  mutex_.lock();
}

Result<std::string> LauncherClient::call(MessageType type, std::string body, std::chrono::milliseconds timeout,
                                         std::function<void(const std::string&)> on_reply) {
  if (body.size() + 64 > kMaxMessageBytes) {
    return fail(Code::invalid_argument,
                fmt::format("arguments and environment are longer than {} bytes together", kMaxMessageBytes));
  }
  if (reads_here) return fail(Code::internal, "a request from within an exit handler would wait for itself");
  const MutexLock lock(mutex_);
  const auto connected_by = std::chrono::steady_clock::now() + kConnectPatience;
  while (!socket_ && !closing_ && !shut_down_ && std::chrono::steady_clock::now() < connected_by)
    changed_.wait_until(mutex_, connected_by);
  if (closing_ || (shut_down_ && type != MessageType::shutdown)) {
    return fail(Code::unavailable, "the launcher has been shut down");
  }
  if (!socket_) return fail(Code::unavailable, "the launcher is away");
  std::optional<Result<std::string>> answer;
  const std::uint64_t id = next_id_++;
  send(id, type, std::move(body), [this, &answer, on_reply = std::move(on_reply)](Result<std::string> result) {
    if (result && on_reply) on_reply(*result);
    const MutexLock guard(mutex_);
    answer = std::move(result);
    changed_.notify_all();
  });
  const auto answered_by = std::chrono::steady_clock::now() + timeout;
  while (!answer && std::chrono::steady_clock::now() < answered_by) changed_.wait_until(mutex_, answered_by);
  const bool being_answered = !answer && waiting_.erase(id) == 0;
  while (being_answered && !answer) changed_.wait(mutex_);
  if (answer) return std::move(*answer);
  return fail(Code::deadline_exceeded, "the launcher did not answer in time");
}

// What only the server knows of itself.
LaunchSpec completed(LaunchSpec spec) {
  if (!spec.as_server && !spec.user) spec.user = child_user();
  if (spec.sandbox && spec.sandbox->programs.empty()) spec.sandbox->programs = needed_programs();
  return spec;
}

void LauncherClient::launch_async(const LaunchSpec& spec, LaunchDone done) {
  Launch launch{spec.key, pack_spec(completed(spec)), std::move(done), 0, std::chrono::steady_clock::now()};
  if (launch.packed.size() + 64 > kMaxMessageBytes) {
    return launch.done(fail(Code::invalid_argument, fmt::format("arguments and environment are longer than {} bytes "
                                                                "together",
                                                                kMaxMessageBytes)));
  }
  MutexLock lock(mutex_);
  if (closing_ || shut_down_) {
    lock.unlock();
    return launch.done(fail(Code::unavailable, "the launcher has been shut down"));
  }
  if (socket_)
    send_launch(std::move(launch));
  else
    unsent_.push_back(std::move(launch));
}

// Gives the mutex up while it sends.
void LauncherClient::send_launch(Launch launch) {
  ++launch.attempts;
  auto kept = std::make_shared<Launch>(std::move(launch));
  send(next_id_++, MessageType::launch, kept->packed,
       [this, kept](Result<std::string> reply) { answered(std::move(*kept), std::move(reply)); });
}

// On the reading thread, so that the child is known before its exit is read.
void LauncherClient::answered(Launch launch, Result<std::string> reply) {
  if (reply) {
    const ChildStatus status = Unpacker(*reply).status();
    see(launch.key, status);
    return launch.done(status);
  }
  if (reply.error().reason == kDisconnected && launch.attempts < kLaunchAttempts) {
    const MutexLock lock(mutex_);
    if (!closing_ && !shut_down_) {
      unsent_.push_back(std::move(launch));
      return;
    }
  }
  launch.done(fail(reply.error()));
}

void LauncherClient::send_waiting_launches() {
  const MutexLock lock(mutex_);
  while (socket_ && !unsent_.empty()) {
    Launch launch = std::move(unsent_.front());
    unsent_.pop_front();
    send_launch(std::move(launch));
  }
}

void LauncherClient::give_up_launches(std::chrono::steady_clock::time_point asked_before, const char* why) {
  std::deque<Launch> lost;
  {
    const MutexLock lock(mutex_);
    while (!unsent_.empty() && unsent_.front().asked <= asked_before) {
      lost.push_back(std::move(unsent_.front()));
      unsent_.pop_front();
    }
  }
  for (const Launch& launch : lost) launch.done(fail(Code::unavailable, why));
}

Result<std::optional<ChildStatus>> LauncherClient::status(const std::string& key) {
  const auto parse = [](const std::string& payload) -> std::optional<ChildStatus> {
    Unpacker in(payload);
    return in.number() == 1 ? std::optional(in.status()) : std::nullopt;
  };
  const auto seen = [&](const std::string& payload) {
    if (const auto status = parse(payload)) see(key, *status);
  };
  return parse(MR_TRY(call(MessageType::status, Packer().text(key).take(), kReplyTimeout, seen)));
}

Status LauncherClient::stop(const std::string& key, Millis grace) {
  const auto count = static_cast<std::uint64_t>(std::max<Millis::rep>(grace.count(), 0));
  MR_TRY(call(MessageType::stop, Packer().text(key).number(count).take(), kReplyTimeout));
  return {};
}

Status LauncherClient::forget(const std::string& key) {
  MR_TRY(call(MessageType::forget, Packer().text(key).take(), kReplyTimeout));
  return {};
}

Status LauncherClient::shutdown(Millis grace) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(shut_down_, true)) return {};
  }
  const auto count = static_cast<std::uint64_t>(std::max<Millis::rep>(grace.count(), 0));
  const auto reply = call(MessageType::shutdown, Packer().number(count).take(), grace + kShutdownSlack);
  if (!reply) {
    // Not ended: the connection is wanted again, and shutdown() may be called again.
    const MutexLock lock(mutex_);
    shut_down_ = false;
    return fail(reply.error());
  }
  if (reader_.joinable()) reader_.join();  // the launcher closes the connection as it ends
  process_.wait_for_end();
  return {};
}

void LauncherClient::see(const std::string& key, const ChildStatus& status) {
  const MutexLock lock(mutex_);
  if (status.state == ChildStatus::State::running) watched_.insert(key);
}

void LauncherClient::tell(const std::string& key, const ChildStatus& status, bool only_if_watched) {
  {
    const MutexLock lock(mutex_);
    if (closing_ || (watched_.erase(key) == 0 && only_if_watched)) return;
  }
  if (on_exit_) on_exit_(key, status);
}

void LauncherClient::dispatch(Message message) {
  if (message.type == MessageType::exited) {
    Unpacker in(message.body);
    const std::string key = in.text();
    const ChildStatus status = in.status();
    if (in.ok()) tell(key, status, false);
    return;
  }
  Reply reply;
  {
    const MutexLock lock(mutex_);
    const auto found = waiting_.find(message.id);
    if (found == waiting_.end()) return;  // its caller has given up
    reply = std::move(found->second);
    waiting_.erase(found);
  }
  reply(unpack_result(message.body));
}

std::shared_ptr<Fd> LauncherClient::socket() {
  const MutexLock lock(mutex_);
  return socket_;
}

// False: the connection has ended.
bool LauncherClient::read_some(const Fd& socket, std::string& in) {
  std::array<char, 64 * 1024> buffer;
  const ssize_t n = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) return false;
  in.append(buffer.data(), static_cast<std::size_t>(n));
  std::string_view rest = in;
  while (true) {
    auto message = take_frame(rest);
    if (!message) return false;
    if (!*message) break;
    dispatch(std::move(**message));
  }
  in.erase(0, in.size() - rest.size());
  return true;
}

void LauncherClient::read_replies() {
  name_thread("launcher-client");
  reads_here = true;
  std::string in;
  while (true) {
    for (const auto connection = socket(); read_some(*connection, in);) {
    }
    in.clear();
    lose_connection();
    if (!reconnect())
      return give_up_launches(std::chrono::steady_clock::time_point::max(), "the launcher has been shut down");
    ask_for_watched();
    send_waiting_launches();
  }
}

void LauncherClient::lose_connection() {
  std::unordered_map<std::uint64_t, Reply> waiting;
  {
    const MutexLock lock(mutex_);
    socket_.reset();
    waiting.swap(waiting_);
  }
  for (auto& [id, reply] : waiting) {
    reply(fail(Code::unavailable, "the launcher went away", std::string(kDisconnected)));
  }
}

// False: there shall be no connection any more.
bool LauncherClient::reconnect() {
  auto wait = kFirstRetry;
  while (true) {
    {
      const MutexLock lock(mutex_);
      if (closing_ || shut_down_) return false;
    }
    auto socket = process_.connect();
    MutexLock lock(mutex_);
    if (socket) {
      socket_ = std::make_shared<Fd>(std::move(*socket));
      if (closing_) ::shutdown(socket_->get(), SHUT_RDWR);
      changed_.notify_all();
      return true;
    }
    log::warn("the launcher is away: {}", socket.error().message);
    lock.unlock();
    give_up_launches(std::chrono::steady_clock::now() - kConnectPatience, "the launcher is away");
    lock.lock();
    const auto again = std::chrono::steady_clock::now() + wait;
    while (!closing_ && !shut_down_ && std::chrono::steady_clock::now() < again) changed_.wait_until(mutex_, again);
    if (closing_ || shut_down_) return false;
    wait = std::min(wait * 2, kLongestRetry);
  }
}

// After a launcher's death: what ended meanwhile is reported now; what runs on will be reported by the new launcher.
void LauncherClient::ask_for_watched() {
  const MutexLock lock(mutex_);
  const std::set<std::string> keys = watched_;
  for (const auto& key : keys) {
    if (!socket_) return;
    send(next_id_++, MessageType::status, Packer().text(key).take(), [this, key](const Result<std::string>& payload) {
      if (!payload) return;
      Unpacker in(*payload);
      ChildStatus status;
      if (in.number() == 1)
        status = in.status();
      else
        status.state = ChildStatus::State::lost;
      if (status.state != ChildStatus::State::running) tell(key, status, true);
    });
  }
}

}  // namespace

Result<ChildStatus> Launcher::launch(const LaunchSpec& spec) {
  const auto answer = std::make_shared<std::promise<Result<ChildStatus>>>();
  auto future = answer->get_future();
  launch_async(spec, [answer](Result<ChildStatus> status) { answer->set_value(std::move(status)); });
  if (future.wait_for(kReplyTimeout) != std::future_status::ready)
    return fail(Code::deadline_exceeded, "the launcher did not answer in time");
  return future.get();
}

Result<std::unique_ptr<Launcher>> Launcher::open(const std::filesystem::path& directory,
                                                 const std::filesystem::path& executable, ExitHandler on_exit) {
  return open_launcher(directory, executable, std::move(on_exit), kDefaultChildLogLimit);
}

Result<std::unique_ptr<Launcher>> open_launcher(const std::filesystem::path& directory,
                                                const std::filesystem::path& executable, Launcher::ExitHandler on_exit,
                                                std::uint64_t log_limit) {
  auto client = std::make_unique<LauncherClient>(directory, executable, std::move(on_exit), log_limit);
  MR_TRY(client->connect());
  return client;
}

}  // namespace millrace::proc
