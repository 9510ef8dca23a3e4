// The HTTP server as a whole, over a socket pair: whatever a client sends, cut into pieces anywhere, through every kind
// of handler. The handlers run on the I/O thread, which is this one, so that a run is the same each time.
//
// An input: four bytes of choices, then what the client sends. In it 0x1f, a byte and a count give the byte 300 times
// the count, so that short inputs reach the limits in bytes.
//
// What has to hold: the connection ends when the client has ended; its answers are well-formed, at most one more than
// requests that a handler saw, and none is missing; a request's handler sees what RFC 9112 lets it see; nothing is
// kept; and where the bytes are cut makes no difference.

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "net/server_exchange.h"

namespace millrace::net {
namespace {

constexpr std::size_t kMostBytes = 300'000;  // of an expanded input
constexpr std::uint64_t kBodyLimit = 50'000;
constexpr unsigned kMostPieces = 40;
constexpr int kMostPolls = 100'000;

[[noreturn]] void broken(const char* what) {
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}
void require(bool holds, const char* what) {
  if (!holds) broken(what);
}

struct Choices {
  bool streamed = false;
  unsigned handler = 0;  // what it does with the body, and how it answers
  unsigned pieces = 0;   // of the cut
};

// What the handlers saw.
struct Seen {
  std::vector<std::string> requests;
  std::string text() const { return join(requests, "\n"); }
};

class Words final : public StreamBody {
 public:
  Next read(std::string& out) override {
    out = left_ > 0 ? "word" : "";
    return left_-- > 0 ? Next::more : Next::end;
  }

 private:
  int left_ = 3;
};

void check_request(const Request& request) {
  require(is_token(request.method), "the method is no token");
  require(!request.path.empty() && (request.path[0] == '/' || request.path == "*"), "the path is none");
  require(request.headers.all("host").size() <= 1, "there are two hosts");
  require(request.headers.fields().size() <= 256, "there are too many fields");
  for (const auto& [name, value] : request.headers.fields()) {
    require(is_token(name), "a field's name is no token");
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "a field's value has a line end");
  }
}

// A part of the body, all of it, or nothing.
std::string read_body(BodyReader& body, unsigned how) {
  std::string text;
  if (how % 3 == 0) return "unread";
  if (how % 3 == 1) {
    auto all = body.read_all(kBodyLimit / 2);
    return all ? std::move(*all) : "refused";
  }
  char buffer[7];
  for (int i = 0; i < 3; ++i) {
    const auto n = body.read(buffer);
    if (!n) return "failed";
    text.append(buffer, *n);
  }
  // How much one read gives depends on how the bytes came, and the least is one byte.
  return text.substr(0, 1);
}

Response answer(unsigned how) {
  Response response = Response::text(200, "hello");
  switch (how % 5) {
    case 0:
      break;
    case 1:
      response.stream = std::make_unique<Words>();
      break;
    case 2:
      response.later = [](const Completion& completion) { completion(Response::text(202, "later")); };
      break;
    case 3:
      response.later = [](const Completion&) {};
      break;
    default:
      response.status = 204;
  }
  return response;
}

// A server with one connection at a time.
class Machine {
 public:
  Machine() : core_(options(), [this](Request& request) { return handle(request); }) {}

  struct Outcome {
    Seen seen;
    std::string answers;
  };
  Outcome run(std::string_view sent, const Choices& choices, unsigned pieces) {
    choices_ = choices;
    outcome_ = {};
    int pair[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "no socket pair");
    const Fd client(pair[0]);
    ::fcntl(client.get(), F_SETFL, O_NONBLOCK);
    detail::Socket socket(core_.io.get_executor(), detail::Protocol(AF_UNIX, 0), pair[1]);
    detail::asio::co_spawn(core_.io.get_executor(),
                           detail::serve(std::make_shared<detail::Connection>(core_, std::move(socket))),
                           detail::asio::detached);
    if (choices.streamed) {
      // Its handlers wait for bytes, which nobody sends while they run on this thread: all are there before.
      (void)!::send(client.get(), sent.data(), sent.size(), MSG_NOSIGNAL);
    } else {
      const std::size_t piece = sent.size() / (pieces + 1) + 1;
      while (!sent.empty()) sent.remove_prefix(exchange(client.get(), sent.substr(0, piece)));
    }
    ::shutdown(client.get(), SHUT_WR);
    for (int i = 0; core_.open > 0; ++i) {
      require(i < kMostPolls, "the connection does not end");
      poll(client.get());
    }
    require(core_.buffered == 0 && core_.stream_count == 0 && core_.connections.empty(), "something is kept");
    return std::move(outcome_);
  }

 private:
  static ServerOptions options() {
    ServerOptions options;
    options.handler_threads = 0;
    options.max_body_bytes = 1u << 20;
    options.max_buffered_bytes = 1u << 20;
    return options;
  }

  std::size_t exchange(int client, std::string_view piece) {
    const ssize_t n = ::send(client, piece.data(), piece.size(), MSG_NOSIGNAL);
    poll(client);
    if (n >= 0) return static_cast<std::size_t>(n);
    return errno == EAGAIN ? 0 : piece.size();  // the server has closed: the rest is not wanted
  }

  void poll(int client) {
    core_.options.request_plan = [this](const Request&) { return RequestPlan{kBodyLimit, choices_.streamed}; };
    core_.io.restart();
    core_.io.poll();
    for (ssize_t n = 0; (n = ::recv(client, received_.data(), received_.size(), 0)) > 0;)
      outcome_.answers.append(received_, 0, static_cast<std::size_t>(n));
  }

  Response handle(Request& request) {
    check_request(request);
    const unsigned how = choices_.handler + static_cast<unsigned>(outcome_.seen.requests.size());
    std::string body = read_body(*request.body, how);
    outcome_.seen.requests.push_back(request.method + " " + request.target + " " + body);
    if (how % 7 == 6) throw std::runtime_error("deliberate, from a fuzzer");
    return answer(how / 3);
  }

  Choices choices_;
  Outcome outcome_;
  std::string received_ = std::string(64 * 1024, '\0');  // kept, since a sanitizer makes a large local one expensive
  detail::Core core_;
};

// Takes one answer off `text`; its status, or 0 when `text` is cut short or no answer.
int take_answer(std::string_view& text, bool head_request) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos || !text.starts_with("HTTP/1.1 ")) return 0;
  const std::string head = to_lower(text.substr(0, end + 2));
  const int status = static_cast<int>(parse_int(text.substr(9, 3)).value_or(0));
  text.remove_prefix(end + 4);
  if (status / 100 == 1) return status;
  require(head.find("\r\nx-content-type-options: nosniff\r\n") != std::string::npos, "an answer may be sniffed");
  if (head_request || status == 204) return status;
  std::string_view rest = head;
  if (const auto at = rest.find("\r\ncontent-length: "); at != std::string_view::npos) {
    rest.remove_prefix(at + 18);
    const auto length = static_cast<std::size_t>(parse_int(rest.substr(0, rest.find('\r'))).value_or(0));
    if (length > text.size()) return 0;
    text.remove_prefix(length);
    return status;
  }
  if (rest.find("\r\ntransfer-encoding: chunked\r\n") == std::string_view::npos) {  // HTTP/1.0: to the end
    text = {};
    return status;
  }
  ChunkDecoder decoder;
  std::string data(text.size(), '\0');
  text.remove_prefix(decoder.decode(text, data).consumed);
  return decoder.done() ? status : 0;
}

void check_answers(const Machine::Outcome& outcome) {
  std::string_view text = outcome.answers;
  std::size_t count = 0;
  while (!text.empty()) {
    const bool head = count < outcome.seen.requests.size() && outcome.seen.requests[count].starts_with("HEAD ");
    const int status = take_answer(text, head);
    require(status >= 100, "an answer is not well-formed");
    if (status >= 200) ++count;
  }
  require(count >= outcome.seen.requests.size(), "an answer is missing");
  require(count <= outcome.seen.requests.size() + 1, "there are more answers than requests");
}

std::string expand(std::string_view input) {
  std::string text;
  for (std::size_t i = 0; i < input.size() && text.size() < kMostBytes; ++i) {
    if (input[i] == '\x1f' && i + 2 < input.size()) {
      text.append(300u * static_cast<unsigned char>(input[i + 2]), input[i + 1]);
      i += 2;
    } else {
      text += input[i];
    }
  }
  return text;
}

void run(std::string_view input) {
  static Machine machine;
  if (input.size() < 4) return;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input[i]); };
  const Choices choices{(byte(0) & 1) != 0, byte(1), byte(2) % kMostPieces};
  const std::string sent = expand(input.substr(4));
  // The first byte of TLS is answered by closing, which a whole and a cut input see at different times.
  if (!sent.empty() && static_cast<std::uint8_t>(sent[0]) == detail::kTlsHandshake) return;
  const Machine::Outcome whole = machine.run(sent, choices, 0);
  check_answers(whole);
  if (choices.streamed) return;  // cannot be cut
  const Machine::Outcome cut = machine.run(sent, choices, choices.pieces);
  check_answers(cut);
  require(whole.seen.text() == cut.seen.text(), "where the bytes are cut makes a difference");
}

}  // namespace
}  // namespace millrace::net

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  millrace::log::set_level(millrace::log::Level::off);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  millrace::net::run(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
