// The load of `./dev bench endpoint` and `./dev bench scripts` (bench/endpoint.py and bench/scripts.py start it):
// InvokeEndpoint, signed, or the same body without a signature to any HTTP server, over keep-alive connections from one
// thread. Each connection signs anew once a second.
//
//   endpoint_bench HOST:PORT PATH CONTENT_TYPE BODY_FILE CONNECTIONS SECONDS RATE [KEY SECRET]
// RATE: requests a second that are sent in all, whatever the answers do; 0: each connection sends when it is answered.
// Latency counts from when a request was due. Prints "name value" lines.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "aws/sigv4.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/time.h"

namespace millrace::sagemaker {
namespace {

using Steady = std::chrono::steady_clock;

int stop(const std::string& why) {
  fmt::print(stderr, "endpoint_bench: {}\n", why);
  return 1;
}

struct Load {
  std::string host, path, content_type, body;
  aws::Credentials credentials;  // without a key: unsigned
  sockaddr_in address{};
  int poll = -1;
};

class Connection {
 public:
  explicit Connection(const Load& load) : load_(load) { open(); }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `due`: when it should have been sent.
  void send(Steady::time_point due, Steady::time_point now) {
    if (closing_) {  // a server that closes after each answer is asked anew each time
      ::close(fd_);
      open();
      if (!good) return;
    }
    if (now - signed_at_ > std::chrono::seconds(1)) write_request(now);
    due_ = due;
    answer_.clear();
    good = ::send(fd_, text_.data(), text_.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text_.size());
  }

  // True when a whole answer is there.
  bool receive() {
    char bytes[8192];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return good = false;
    answer_.append(bytes, static_cast<std::size_t>(n));
    const std::size_t head = answer_.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    if (!answer_.starts_with("HTTP/1.1 200")) {
      fmt::print(stderr, "{}\n", answer_);
      return good = false;
    }
    const std::string lower = to_lower(std::string_view(answer_).substr(0, head + 2));
    closing_ = lower.find("\r\nconnection: close\r\n") != std::string::npos;
    const std::size_t length = lower.find("\r\ncontent-length:");
    if (length == std::string::npos) return good = false;
    return answer_.size() >= head + 4 + std::strtoul(lower.c_str() + length + 17, nullptr, 10);
  }

  double waited_us(Steady::time_point now) const {
    return std::chrono::duration<double, std::micro>(now - due_).count();
  }
  bool good = false;

 private:
  void write_request(Steady::time_point now) {
    signed_at_ = now;
    net::Headers headers;
    headers.set("Content-Type", load_.content_type);
    if (!load_.credentials.access_key_id.empty()) {
      aws::sigv4::sign("POST", "http://" + load_.host + load_.path, headers, load_.body, load_.credentials,
                       {"us-east-1", "sagemaker", SystemClock().now(), true});
    } else {
      headers.set("Host", load_.host);
    }
    text_ = fmt::format("POST {} HTTP/1.1\r\n", load_.path);
    for (const auto& [name, value] : headers.fields()) text_ += fmt::format("{}: {}\r\n", name, value);
    text_ += fmt::format("Content-Length: {}\r\n\r\n{}", load_.body.size(), load_.body);
  }

  void open() {
    closing_ = false;
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    good = ::connect(fd_, reinterpret_cast<const sockaddr*>(&load_.address), sizeof load_.address) == 0;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    ::epoll_ctl(load_.poll, EPOLL_CTL_ADD, fd_, &event);
  }

  const Load& load_;
  int fd_ = -1;
  bool closing_ = false;
  std::string text_, answer_;
  Steady::time_point signed_at_{}, due_{};
};

class Run {
 public:
  Run(const Load& load, std::size_t connections, double seconds, double rate) : load_(load), seconds_(seconds) {
    for (std::size_t i = 0; i < connections; ++i) all_.push_back(std::make_unique<Connection>(load));
    if (rate > 0) interval_ = std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(1 / rate));
  }

  int perform() {
    const auto start = Steady::now();
    warm_ = start + std::chrono::milliseconds(500);
    const auto end = warm_ + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds_));
    next_due_ = start;
    for (auto& connection : all_) {
      if (!connection->good) return stop("cannot connect to " + load_.host);
      free_.push_back(connection.get());
    }
    send_due(start);
    for (auto now = start; now < end; send_due(now)) {
      epoll_event events[64];
      const int ready = ::epoll_wait(load_.poll, events, 64, interval_.count() > 0 && !free_.empty() ? 0 : 2'000);
      if (ready < 0 || (ready == 0 && interval_.count() == 0)) return stop("the server is silent");
      now = Steady::now();
      for (int i = 0; i < ready; ++i) {
        if (!receive(*static_cast<Connection*>(events[i].data.ptr), now)) return stop("a request failed");
      }
    }
    return report();
  }

 private:
  bool receive(Connection& connection, Steady::time_point now) {
    if (connection.receive()) {
      if (now >= warm_) waited_.push_back(static_cast<float>(connection.waited_us(now)));
      free_.push_back(&connection);
    }
    return connection.good;
  }

  void send_due(Steady::time_point now) {
    while (!free_.empty() && (interval_.count() == 0 || next_due_ <= now)) {
      Connection* connection = free_.front();
      free_.pop_front();
      connection->send(interval_.count() == 0 ? now : next_due_, now);
      if (interval_.count() > 0) next_due_ += interval_;
    }
  }

  int report() {
    if (waited_.empty()) return stop("nothing was answered");
    std::sort(waited_.begin(), waited_.end());
    fmt::print("requests_per_second {:.0f}\np50_us {:.1f}\np99_us {:.1f}\n",
               static_cast<double>(waited_.size()) / seconds_, waited_[waited_.size() / 2],
               waited_[waited_.size() * 99 / 100]);
    return 0;
  }

  const Load& load_;
  const double seconds_;
  Steady::duration interval_{};  // between two requests; 0: as they are answered
  Steady::time_point warm_{}, next_due_{};
  std::vector<std::unique_ptr<Connection>> all_;
  std::deque<Connection*> free_;
  std::vector<float> waited_;
};

int load(const std::vector<std::string>& words) {
  Load load{words[0], words[1], words[2], {}, {}};
  if (words.size() == 9) load.credentials = {words[7], words[8], ""};
  const std::size_t colon = load.host.find(':');
  const auto port =
      parse_int(std::string_view(load.host).substr(colon == std::string::npos ? load.host.size() : colon + 1));
  load.address.sin_family = AF_INET;
  if (!port || ::inet_pton(AF_INET, load.host.substr(0, colon).c_str(), &load.address.sin_addr) != 1)
    return stop("the server is given as 127.0.0.1:PORT");
  load.address.sin_port = htons(static_cast<std::uint16_t>(*port));
  const auto body = read_file(words[3]);
  if (!body) return stop(body.error().message);
  load.body = *body;
  load.poll = ::epoll_create1(EPOLL_CLOEXEC);
  return Run(load, std::strtoul(words[4].c_str(), nullptr, 10), std::atof(words[5].c_str()),
             std::atof(words[6].c_str()))
      .perform();
}

}  // namespace
}  // namespace millrace::sagemaker

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 7 || words.size() == 9) return millrace::sagemaker::load(words);
  std::fprintf(stderr,
               "usage: endpoint_bench HOST:PORT PATH CONTENT_TYPE BODY_FILE CONNECTIONS SECONDS RATE [KEY SECRET]\n");
  return 2;
}
