#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "aws/gateway.h"
#include "blob/blob_store.h"
#include "net/server.h"
#include "sagemaker/test_server.h"
#include "work/process_backend.h"

namespace millrace::sagemaker {
namespace {

constexpr const char* kKey = "0123456789abcdef0123456789abcdef";
constexpr std::chrono::seconds kPatience{30};
constexpr int kIdleMs = 1'000;  // a server that writes nothing for so long has nothing to write
constexpr const char* kTrust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";

template <class T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().reason << ": " << result.error().message;
    throw std::runtime_error(result.error().message);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Says when something was written.
class SayingDatabase final : public db::Database {
 public:
  SayingDatabase(std::unique_ptr<db::Database> inner, std::function<void()> say)
      : inner_(std::move(inner)), say_(std::move(say)) {}
  Status migrate(std::string_view component, std::span<const db::Migration> migrations) override {
    return inner_->migrate(component, migrations);
  }
  Status write(const Work& work) override {
    const Status done = inner_->write(work);
    say_();
    return done;
  }
  void write_async(Work work, std::function<void(Status)> done) override {
    inner_->write_async(std::move(work), [this, done = std::move(done)](Status status) {
      if (done) done(std::move(status));
      say_();
    });
  }
  Status read(const Work& work) override { return inner_->read(work); }

 private:
  const std::unique_ptr<db::Database> inner_;
  const std::function<void()> say_;
};

}  // namespace

struct TestServer::Running {
  SystemClock clock;
  std::unique_ptr<db::Database> database;
  std::unique_ptr<blob::BlobStore> blobs;
  std::unique_ptr<iam::Iam> iam;
  std::unique_ptr<s3::S3> s3;
  std::unique_ptr<logs::Logs> logs;
  std::unique_ptr<aws::Gateway> gateway;
  std::unique_ptr<net::Server> net;
  std::unique_ptr<proc::Launcher> launcher;
  std::unique_ptr<work::ProcessBackend> backend;
  std::unique_ptr<SageMaker> sagemaker;
  std::atomic<bool> open{false};
  std::string endpoint;
  std::map<std::string, std::unique_ptr<aws::Client>> clients;

  // `say`: see TestServer::signals().
  Running(const std::filesystem::path& root, const std::function<void()>& say) {
    database = std::make_unique<SayingDatabase>(must(db::Database::open((root / "db").string())), say);
    blobs = must(blob::open_directory_store(root / "blobs"));
    iam = must(iam::Iam::open(*database, clock, {"123456789012", kKey}));
    s3 = must(s3::S3::open(*database, *blobs, clock, "123456789012", "us-east-1"));
    logs = must(logs::Logs::open(*database, clock, "123456789012", "us-east-1"));
    iam->set_resource_policy("s3", s3->resource_policy());
    gateway = std::make_unique<aws::Gateway>(aws::GatewayOptions{}, *iam, *iam, clock);
    net::ServerOptions options;
    options.handler_threads = 4;
    net = must(net::Server::start(options, [this](net::Request& request) { return gateway->handle(request); }));
    endpoint = "http://127.0.0.1:" + std::to_string(net->port());
    must(make_directories(root / "launcher", 0700));
    const auto self = std::filesystem::read_symlink("/proc/self/exe");
    launcher = must(proc::Launcher::open(root / "launcher", self, [this, say](const auto& key, const auto& status) {
      if (open) backend->ended(key, status);
      say();
    }));
    backend = std::make_unique<work::ProcessBackend>(*launcher, root / "sandbox");
    Options mine;
    mine.account = "123456789012";
    mine.region = "us-east-1";
    mine.directory = root / "sagemaker";
    mine.executable = self;
    mine.endpoint_url = endpoint;
    mine.hidden = {root};
    sagemaker = must(SageMaker::open({*database, clock, *iam, *s3, *logs, *backend, *gateway}, mine));
    for (aws::Service service : {iam->iam_service(), iam->sts_service(), s3->service(), logs->service(),
                                 sagemaker->control_service(), sagemaker->runtime_service()}) {
      gateway->add(std::move(service));
    }
    sagemaker->on_change([say](const auto&, const auto&) { say(); });
    open = true;
    must(sagemaker->resume());
  }
  ~Running() {
    net->stop(Millis(1'000));
    open = false;
    sagemaker->stop();
    net.reset();
    launcher.reset();
  }
};

TestServer::TestServer() : dir_(must(TempDir::make())) { start(); }
TestServer::~TestServer() {
  if (running_ && running_->launcher) {
    running_->open = false;
    running_->sagemaker->stop();
    (void)running_->launcher->shutdown(Millis(500));
  }
}
void TestServer::start() {
  running_ = std::make_unique<Running>(dir_.path(), [this] { signals_.raise(); });
}
void TestServer::crash() { running_.reset(); }
bool TestServer::has_sandboxes() { return running_->backend->confines().has_value(); }
SageMaker& TestServer::service() { return *running_->sagemaker; }

void TestServer::serve_and_kill(std::size_t writes) {
  int said[2];
  ASSERT_EQ(::pipe2(said, O_CLOEXEC), 0);
  const Fd read(said[0]);
  Fd write(said[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, write.get(), STDOUT_FILENO);
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  std::string role = "server", directory = dir_.path().string();
  char* argv[] = {const_cast<char*>(self.c_str()), role.data(), directory.data(), nullptr};
  pid_t pid = 0;
  ASSERT_EQ(::posix_spawn(&pid, self.c_str(), &actions, nullptr, argv, environ), 0);
  ::posix_spawn_file_actions_destroy(&actions);
  write = Fd();
  for (pollfd wait{read.get(), POLLIN, 0}; writes > 0; --writes) {
    char one = 0;
    if (::poll(&wait, 1, kIdleMs) <= 0 || ::read(read.get(), &one, 1) != 1) break;
  }
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it ended before it was killed";
}

int serve_until_killed(const std::filesystem::path& directory) {
  // A byte on standard output for each write.
  const auto running = std::make_shared<TestServer::Running>(directory, [] { (void)!::write(STDOUT_FILENO, ".", 1); });
  while (true) ::pause();
}

bool TestServer::wait_gone(const std::filesystem::path& path) {
  const Fd watch(::inotify_init1(IN_CLOEXEC));
  if (::inotify_add_watch(watch.get(), path.parent_path().c_str(), IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR) < 0)
    return !std::filesystem::exists(path);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (std::filesystem::exists(path)) {
    const auto left = std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now());
    pollfd wait{watch.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) break;
    char events[4096];
    (void)!::read(watch.get(), events, sizeof events);
  }
  return !std::filesystem::exists(path);
}

Result<Value> TestServer::call(const std::string& service, const std::string& operation, const Value& input) {
  auto& client = running_->clients[service];
  if (!client) {
    aws::ClientOptions options;
    options.service = service;
    options.region = "us-east-1";
    options.endpoint = running_->endpoint;
    options.max_attempts = 1;
    client = std::make_unique<aws::Client>(options, aws::static_credentials(must(running_->iam->administrator())));
  }
  return client->call(operation, input);
}

Value TestServer::wait(const std::string& describe, const Value& input, const std::string& status_member,
                       const std::vector<std::string>& statuses) {
  Value last;
  const bool is_there = signals_.reached([&] {
    last = must(sagemaker(describe, input));
    return std::ranges::find(statuses, last[status_member].string_or()) != statuses.end();
  });
  if (!is_there) ADD_FAILURE() << describe << " stays " << last[status_member].string_or();
  return last;
}

Value TestServer::wait_job(const std::string& kind, const std::string& name) {
  return wait("Describe" + kind, Value::object({{kind + "Name", name}}), kind + "Status",
              {"Completed", "Failed", "Stopped"});
}

void TestServer::make_bucket(const std::string& name) { must(running_->s3->ensure_bucket(name, "")); }
void TestServer::put(const std::string& bucket, const std::string& key, const std::string& bytes) {
  must(running_->s3->system_access()->put(bucket, key, bytes, "binary/octet-stream"));
}
Result<std::string> TestServer::get(const std::string& bucket, const std::string& key) {
  return running_->s3->system_access()->read(bucket, key, 64u << 20);
}
std::vector<std::string> TestServer::keys(const std::string& bucket) {
  std::vector<std::string> found;
  for (const auto& object : must(running_->s3->system_access()->list(bucket, ""))) found.push_back(object.key);
  return found;
}

std::vector<std::string> TestServer::log_lines(const std::string& group, const std::string& stream_prefix) {
  std::vector<std::string> lines;
  const auto streams = running_->logs->streams(group, stream_prefix);
  if (!streams && streams.error().code == Code::not_found) return lines;  // nothing was written yet
  for (const auto& stream : must(streams)) {
    for (const auto& event : must(running_->logs->read(group, stream, 0, 10'000))) lines.push_back(event.message);
  }
  return lines;
}

std::string TestServer::make_role(const std::string& name, const std::string& policy) {
  const Value role =
      must(call("iam", "CreateRole", Value::object({{"RoleName", name}, {"AssumeRolePolicyDocument", kTrust}})));
  must(call("iam", "PutRolePolicy",
            Value::object({{"RoleName", name}, {"PolicyName", "it"}, {"PolicyDocument", policy}})));
  return role["Role"]["Arn"].string_or();
}

}  // namespace millrace::sagemaker
