#include "sagemaker/serving/invoker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <map>
#include <thread>

#include "base/file.h"
#include "base/hash.h"
#include "sagemaker/signals_for_tests.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

void bind_to(int socket, const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.string().size(), sizeof address.sun_path);
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

// A model server that takes connections and answers each only when it is let to.
class Model {
 public:
  Model(fs::path path, Signals& signals) : path_(std::move(path)), signals_(signals) {
    listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    bind_to(listener_.get(), path_);
    EXPECT_EQ(::listen(listener_.get(), 256), 0);
    thread_ = std::thread([this] {
      while (true) {
        Fd peer(::accept(listener_.get(), nullptr, nullptr));
        if (!peer) return;
        take_request(peer);
        {
          const std::lock_guard lock(mutex_);
          peers_.push_back(std::move(peer));
        }
        signals_.raise();
      }
    });
  }
  ~Model() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::size_t connections() {
    const std::lock_guard lock(mutex_);
    return peers_.size() + answered_;
  }
  void answer_all(std::string_view text) {
    const std::lock_guard lock(mutex_);
    for (const auto& peer : peers_) (void)!::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL);
    answered_ += peers_.size();
    peers_.clear();
  }
  std::shared_ptr<const ServerAddress> socket() const {
    return std::make_shared<const ServerAddress>(Fd(::open(path_.c_str(), O_PATH | O_CLOEXEC)));
  }

 private:
  // All of it: what is answered before it has been sent may be cut off.
  static void take_request(const Fd& peer) {
    std::string request;
    char bytes[4096];
    while (!request.ends_with("\r\n\r\nbody")) {
      const ssize_t n = ::recv(peer.get(), bytes, sizeof bytes, 0);
      if (n <= 0) return;
      request.append(bytes, static_cast<std::size_t>(n));
    }
  }

  const fs::path path_;
  Signals& signals_;
  Fd listener_;
  std::mutex mutex_;
  std::vector<Fd> peers_;
  std::size_t answered_ = 0;
  std::thread thread_;
};

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class InvokerTest : public testing::Test {
 protected:
  TempDir dir_ = std::move(*TempDir::make());
  Signals signals_;
  SteadyClock steady_;
  Timers timers_{steady_, "test-timers"};
  const Execution execution_{steady_, timers_};
  net::AsyncClient client_;
  std::mutex mutex_;
  std::shared_ptr<const ServerAddress> socket_;
  std::string id_ = "id";                // of the variant's server, as the endpoint has it now
  std::map<std::string, int> outcomes_;  // status or reason → how many
  std::unique_ptr<Invoker> invoker_;

  void make(Invoker::Limits limits) {
    invoker_ = std::make_unique<Invoker>(
        Invoker::Needs{[this](const std::string&, const std::string& variant) -> Result<Route::Target> {
                         if (variant == "none") return fail(Code::invalid_argument, "no", "ValidationError");
                         const std::lock_guard lock(mutex_);
                         return Route::Target{"v", {{id_, "primary"}}};
                       },
                       [this](const std::string&) {
                         const std::lock_guard lock(mutex_);
                         return socket_;
                       },
                       [](const std::string&) {},
                       [this](net::AsyncRequest request, net::AsyncClient::Done done) {
                         client_.send(std::move(request), std::move(done));
                       },
                       execution_},
        limits);
  }
  void TearDown() override {
    timers_.stop();
    invoker_->stop();
    client_.stop();
  }
  void listen(std::shared_ptr<const ServerAddress> socket) {
    {
      const std::lock_guard lock(mutex_);
      socket_ = std::move(socket);
    }
    invoker_->pump("id");
  }
  void invoke(const std::string& variant = "", std::function<bool()> wanted = {}) {
    invoker_->invoke(
        {"e", variant, "", "", "", "body"},
        [this](Result<InvocationAnswer> answer) {
          {
            const std::lock_guard lock(mutex_);
            ++outcomes_[answer ? std::to_string(answer->status) : answer.error().reason];
          }
          signals_.raise();
        },
        std::move(wanted));
  }
  int count(const std::string& outcome) {
    const std::lock_guard lock(mutex_);
    return outcomes_[outcome];
  }
  template <class Condition>
  bool reached(const Condition& condition) {
    return signals_.reached(condition, std::chrono::seconds(10));
  }
};

TEST_F(InvokerTest, AServerThatAnUpdateExchangesIsAskedForNothingMore) {
  make({});
  auto old = std::make_unique<Model>(dir_.path() / "old", signals_);
  listen(old->socket());
  invoke();
  ASSERT_TRUE(reached([&] { return old->connections() == 1; }));
  Model next(dir_.path() / "next", signals_);
  {
    const std::lock_guard lock(mutex_);
    id_ = "next";
    socket_ = next.socket();
  }
  old->answer_all("");  // its connections close without an answer
  EXPECT_TRUE(reached([&] {
    next.answer_all(kOk);
    return count("200") == 1;
  }));
  // Only an update makes it ask again.
  invoke();
  EXPECT_TRUE(reached([&] {
    next.answer_all("");
    return count("ServiceUnavailable") == 1;
  }));
}

TEST_F(InvokerTest, SoManyAreUnderWayAndTheRestWait) {
  make({.under_way = 3, .waiting = 5});
  Model model(dir_.path() / "s", signals_);
  listen(model.socket());
  for (int i = 0; i < 10; ++i) invoke();
  EXPECT_EQ(count("ServiceUnavailable"), 2);  // 3 under way, 5 waiting
  ASSERT_TRUE(reached([&] { return model.connections() == 3; }));
  EXPECT_TRUE(reached([&] {
    model.answer_all(kOk);
    return count("200") == 8;
  }));
  invoke("none");
  EXPECT_EQ(count("ValidationError"), 1);
}

TEST_F(InvokerTest, AModelThatNeverAnswersTimesOutForThoseWhoWaitToo) {
  make({.under_way = 2, .timeout = Millis(300)});
  Model model(dir_.path() / "s", signals_);
  listen(model.socket());
  for (int i = 0; i < 5; ++i) invoke();
  EXPECT_TRUE(reached([&] { return count("500") == 5; }));
}

TEST_F(InvokerTest, GarbageAndLargeAnswersAreTheModelsFault) {
  make({.answer_bytes = 100});
  Model model(dir_.path() / "s", signals_);
  listen(model.socket());
  const auto answered = [&](std::string text, const std::string& outcome) {
    const int before = count(outcome);
    invoke();
    return reached([&] {
      model.answer_all(text);
      return count(outcome) == before + 1;
    });
  };
  EXPECT_TRUE(answered("hello\r\n\r\n", "502"));
  EXPECT_TRUE(answered("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'), "500"));
  EXPECT_TRUE(answered("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "ServiceUnavailable"));
  EXPECT_TRUE(answered(std::string(kOk), "200"));
}

TEST_F(InvokerTest, OneWaitsForAServerThatIsStarted) {
  make({.start_patience = Millis(60'000)});
  {
    const Model gone(dir_.path() / "old", signals_);  // its socket stays, and nobody listens
    listen(gone.socket());
  }
  invoke();
  Model model(dir_.path() / "s", signals_);
  listen(model.socket());
  EXPECT_TRUE(reached([&] {
    model.answer_all(kOk);
    return count("200") == 1;
  }));
}

TEST_F(InvokerTest, NobodyWaitsForeverForAServer) {
  make({.start_patience = Millis(100)});
  invoke();
  EXPECT_TRUE(reached([&] { return count("ServiceUnavailable") == 1; }));
}

TEST_F(InvokerTest, ACallerThatHasGoneMakesRoom) {
  std::atomic<bool> wanted{true};
  make({});
  invoke("", [&] { return wanted.load(); });
  wanted = false;
  EXPECT_TRUE(reached([&] { return count("ServiceUnavailable") == 1; }));
}

TEST(Sockets, OnlyASocketIsConnectedTo) {
  const auto dir = std::move(*TempDir::make());
  const Sockets sockets(dir.path() / "sockets");
  EXPECT_EQ(sockets.find("k").error().code, Code::not_found);
  const auto made = sockets.make_directory("k");
  ASSERT_TRUE(made);
  const fs::path place = *made / Sockets::kSocketName;
  EXPECT_EQ(sockets.find("k").error().code, Code::not_found);
  const Fd other(::socket(AF_UNIX, SOCK_STREAM, 0));
  bind_to(other.get(), dir.path() / "other");
  fs::create_symlink(dir.path() / "other", place);  // another service's socket
  EXPECT_EQ(sockets.find("k").error().code, Code::failed_precondition);
  fs::remove(place);
  ASSERT_EQ(::mkfifo(place.c_str(), 0600), 0);
  EXPECT_EQ(sockets.find("k").error().code, Code::failed_precondition);
  fs::remove(place);
  const Fd own(::socket(AF_UNIX, SOCK_STREAM, 0));
  bind_to(own.get(), place);
  EXPECT_TRUE(sockets.find("k"));
  EXPECT_FALSE(sockets.find("another"));
  ASSERT_TRUE(sockets.remove("k"));
  EXPECT_FALSE(fs::exists(*made));
  EXPECT_TRUE(sockets.remove("k"));
}

}  // namespace
}  // namespace millrace::sagemaker
