// What an attempt is when a Python server runs its component (executors/python_server.h): a program of its own that has
// nothing but the C library and is linked statically, for it starts in less than a millisecond; an interpreter takes
// ten, and so does this program's own binary. It is part of that binary, which writes it out (embed_client.cmake).
//
// Arguments: the server's socket, where the run's artifacts are seen and where the attempt's go
// (or nothing), for how many milliseconds it may wait for the socket, and the plain command line:
//   sh -ec <the SDK's program> <the component's code> <arguments…>
//
// It sends three numbers of 32 bits (the version, how many arguments, how many variables) and strings, each with a zero
// byte at its end (the code, the working directory, the run's artifacts, the attempt's, the arguments, the variables),
// and before all that the size in 64 bits, with its standard output and error. A byte that comes later asks for
// SIGTERM. The answer is 'S' once the task was started, then 4 bytes, the wait status. Nothing was run as long as there
// is no answer.

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr std::uint32_t kVersion = 3;
constexpr int kSocket = 1, kRunArtifacts = 2, kArtifacts = 3, kPatience = 4, kPlain = 5;  // arguments
constexpr int kCode = kPlain + 3;
constexpr int kMaxVariables = 4'096;
constexpr timespec kPause{0, 1'000'000};

// For the handler.
volatile sig_atomic_t told = 0;
int connection = -1;

void ask_to_end(int /*signal*/) {
  const int error = errno;
  told = 1;
  (void)!::send(connection, "T", 1, MSG_NOSIGNAL);
  errno = error;
}

long milliseconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000 + now.tv_nsec / 1'000'000;
}

// A socket's address is short, the way to it may be long: by way of its directory's descriptor.
bool connect_to(const char* path, long patience) {
  const char* slash = std::strrchr(path, '/');
  char directory[PATH_MAX];
  if (slash == nullptr || static_cast<std::size_t>(slash - path) >= sizeof directory) return false;
  std::memcpy(directory, path, static_cast<std::size_t>(slash - path));
  directory[slash - path] = '\0';
  const int place = ::open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int length = std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d%s", place, slash);
  if (place < 0 || length >= static_cast<int>(sizeof address.sun_path)) return false;
  const long until = milliseconds_now() + patience;
  while (true) {
    connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0) return false;
    if (::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
    const bool may_come = errno == ENOENT || errno == ECONNREFUSED;
    ::close(connection);
    connection = -1;
    if (!may_come || milliseconds_now() >= until) return false;
    ::nanosleep(&kPause, nullptr);
  }
}

// What is sent, put together in one piece.
struct Message {
  char* bytes = nullptr;
  std::size_t size = 0, room = 0;

  bool add(const void* more, std::size_t length) {
    if (size + length > room) {
      const std::size_t wanted = (size + length) * 2;
      auto* moved = static_cast<char*>(std::realloc(bytes, wanted));
      if (moved == nullptr) return false;
      bytes = moved;
      room = wanted;
    }
    std::memcpy(bytes + size, more, length);
    size += length;
    return true;
  }
  bool add(const char* text) { return add(text, std::strlen(text) + 1); }
};

bool is_of(const char* variable, const char* name) {
  const std::size_t length = std::strlen(name);
  return std::strncmp(variable, name, length) == 0 && variable[length] == '=';
}

// As a shell leaves them.
bool add_variables(Message& message, const char* directory, std::uint32_t& count) {
  if (!message.add("PWD=", 4) || !message.add(directory)) return false;
  count = 1;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (is_of(*variable, "PWD")) continue;
    if (++count > kMaxVariables || !message.add(*variable)) return false;
  }
  return true;
}

bool put_together(Message& message, int count, char** arguments) {
  char directory[PATH_MAX];
  if (::getcwd(directory, sizeof directory) == nullptr) return false;
  const auto argument_count = static_cast<std::uint32_t>(count - kCode - 1);
  std::uint32_t numbers[3] = {kVersion, argument_count, 0};
  if (!message.add(numbers, sizeof numbers) || !message.add(arguments[kCode]) || !message.add(directory) ||
      !message.add(arguments[kRunArtifacts]) || !message.add(arguments[kArtifacts]))
    return false;
  for (int i = kCode + 1; i < count; ++i) {
    if (!message.add(arguments[i])) return false;
  }
  if (!add_variables(message, directory, numbers[2])) return false;
  std::memcpy(message.bytes, numbers, sizeof numbers);
  return true;
}

bool send_all(const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(connection, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

// The size goes with the descriptors of standard output and error.
bool send_size(std::uint64_t size) {
  const int descriptors[2] = {STDOUT_FILENO, STDERR_FILENO};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptors)] = {};
  iovec part{&size, sizeof size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(header), descriptors, sizeof descriptors);
  return ::sendmsg(connection, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof size);
}

// How many bytes of the answer came before its end.
std::size_t receive(char (&answer)[5]) {
  std::size_t size = 0;
  while (size < sizeof answer) {
    const ssize_t got = ::recv(connection, answer + size, sizeof answer - size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

std::size_t ask(int count, char** arguments, char (&answer)[5]) {
  Message message;
  if (!put_together(message, count, arguments)) return 0;
  if (!connect_to(arguments[kSocket], std::strtol(arguments[kPatience], nullptr, 10))) return 0;
  struct sigaction action{};
  action.sa_handler = ask_to_end;
  action.sa_flags = SA_RESTART;
  if (!send_size(message.size) || !send_all(message.bytes, message.size)) return 0;
  ::sigaction(SIGTERM, &action, nullptr);
  return receive(answer);
}

void say(const char* text) {
  (void)!::write(STDERR_FILENO, text, std::strlen(text));
  (void)!::write(STDERR_FILENO, "\n", 1);
}

int end_as(int status) {
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  const int number = WTERMSIG(status);
  if (number != SIGINT && number != SIGPIPE) say(::strsignal(number));  // a shell says the others
  return 128 + number;
}

}  // namespace

int main(int count, char** arguments) {
  if (count <= kCode) return 2;
  char answer[5] = {};
  const std::size_t size = ask(count, arguments, answer);
  if (size == 0) {
    if (told != 0) return 128 + SIGTERM;
    ::execvp(arguments[kPlain], arguments + kPlain);
    say(std::strerror(errno));
    return 127;
  }
  if (size < sizeof answer) {
    say("The Python server of this run ended before the task did.");
    return 1;
  }
  int status = 0;
  std::memcpy(&status, answer + 1, sizeof status);
  return end_as(status);
}
