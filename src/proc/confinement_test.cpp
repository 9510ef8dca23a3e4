// Each row of the table in docs/security.md is tried by a child in a sandbox: as root's child and as an ordinary
// user's.

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/strings.h"
#include "proc/child_user.h"
#include "proc/confinement_probe.h"
#include "proc/launcher.h"
#include "proc/machine_places.h"

namespace millrace::proc {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr uid_t kOrdinary = 59'474;  // nobody's number
constexpr char kSocketName[] = "millrace-confinement-test";

bool in_ci() {
  const char* ci = std::getenv("CI");
  return ci != nullptr && std::strcmp(ci, "true") == 0;
}

std::string joined(const auto& paths) {
  std::string out;
  for (const fs::path& path : paths) out += (out.empty() ? "" : ":") + path.native();
  return out;
}

class ConfinementTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/var/tmp/confinement-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    work_ = directory_ / "work";
    ASSERT_TRUE(make_directories(work_));
    ASSERT_TRUE(write_file(directory_ / "key", "s3cret"));
    const auto possible = sandbox_available(directory_ / "launcher");
    if (!possible && !in_ci()) GTEST_SKIP() << "NO SANDBOX ON THIS MACHINE: " << possible.error().message;
    ASSERT_TRUE(possible) << possible.error().message;
    auto opened = Launcher::open(directory_ / "launcher", fs::read_symlink("/proc/self/exe"),
                                 [this](const std::string& key, const ChildStatus& ended) {
                                   const std::lock_guard lock(mutex_);
                                   ended_[key] = ended;
                                   changed_.notify_all();
                                 });
    ASSERT_TRUE(opened) << opened.error().message;
    launcher_ = std::move(*opened);
  }
  void TearDown() override {
    if (launcher_) (void)launcher_->shutdown(Millis(0));
    fs::remove_all(directory_);
  }
  LaunchSpec probe(const std::string& key) {
    const ChildUser user = child_user().value_or(ChildUser{::geteuid(), ::getegid()});
    LaunchSpec spec;
    spec.key = key;
    spec.argv = {fs::read_symlink("/proc/self/exe"), "probe"};
    spec.environment = {{"PATH", "/usr/bin:/bin"},
                        {"PROBE_USER", std::to_string(user.user)},
                        {"PROBE_GROUP", std::to_string(user.group)},
                        {"PROBE_HIDDEN", directory_.native()},
                        {"PROBE_SEEN", "work"},
                        {"PROBE_WORK", work_.native()},
                        {"PROBE_HOMES", joined(homes())},
                        {"PROBE_SHOWN", joined(needed_programs())},
                        {"PROBE_SOCKET", kSocketName}};
    spec.working_directory = work_;
    spec.stdout_path = spec.stderr_path = directory_ / (key + ".log");
    spec.sandbox = Sandbox{{directory_}, {{Mount::Kind::writable, work_, work_.string(), 0, {}}}};
    return spec;
  }
  // The lines of the probe.
  std::map<std::string, std::string> run(const LaunchSpec& spec) {
    const auto launched = launcher_->launch(spec);
    EXPECT_TRUE(launched) << (launched ? "" : launched.error().message);
    std::unique_lock lock(mutex_);
    if (launched) {
      EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ended_.contains(spec.key); }));
    }
    const std::string text = read_file(directory_ / (spec.key + ".log"), 1 << 20).value_or("");
    std::map<std::string, std::string> lines;
    for (const auto line : split(text, '\n')) {
      const std::size_t colon = line.find(": ");
      if (colon != std::string_view::npos) lines[std::string(line.substr(0, colon))] = line.substr(colon + 2);
    }
    return lines;
  }

  fs::path directory_, work_;
  std::unique_ptr<Launcher> launcher_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, ChildStatus> ended_;
};

// An abstract socket that a child must not reach.
class AbstractListener {
 public:
  AbstractListener() : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, kSocketName, sizeof kSocketName - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + sizeof kSocketName);
    listening_ =
        ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(socket_.get(), 5) == 0;
  }
  explicit operator bool() const { return listening_; }

 private:
  Fd socket_;
  bool listening_ = false;
};

TEST_F(ConfinementTest, HoldsInEachRow) {
  const AbstractListener listener;
  ASSERT_TRUE(listener);
  const auto found = run(probe("rows"));
  for (const ProbeRow& row : probe_rows()) {
    ASSERT_TRUE(found.contains(row.name)) << row.name << " was not tried\n"
                                          << read_file(directory_ / "rows.log", 1 << 20).value_or("");
    EXPECT_EQ(found.at(row.name), "holds") << row.name;
  }
}

// As a child that makes namespaces of its own, it holds but for that.
TEST_F(ConfinementTest, HoldsForOneThatMayNest) {
  const AbstractListener listener;
  ASSERT_TRUE(listener);
  LaunchSpec spec = probe("nesting");
  spec.sandbox->may_nest = true;
  const auto found = run(spec);
  for (const ProbeRow& row : probe_rows()) {
    const std::string name = row.name;
    ASSERT_TRUE(found.contains(name)) << name;
    if (name == "namespaces" || name == "mounts") continue;
    EXPECT_EQ(found.at(name), "holds") << name;
  }
  EXPECT_THAT(found.at("namespaces"), HasSubstr("FAULT"));  // or this test shows nothing
}

TEST_F(ConfinementTest, SeparatesTheNetwork) {
  LaunchSpec spec = probe("network");
  spec.sandbox->network = false;
  spec.argv = {"/bin/sh", "-c", "cat /proc/net/dev | tail -n +3 | wc -l | sed 's/^/devices: /'"};
  EXPECT_EQ(run(spec)["devices"], "1");
}

TEST_F(ConfinementTest, LeavesABareChildWithoutNewPrivileges) {
  LaunchSpec spec = probe("bare");
  spec.sandbox.reset();
  spec.argv = {"/bin/sh", "-c", "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status | tr '\\t' ' '"};
  auto found = run(spec);
  EXPECT_EQ(found["NoNewPrivs"], "1");
  EXPECT_EQ(found["Seccomp"], "2");
  spec = probe("server");
  spec.sandbox.reset();
  spec.as_server = true;
  spec.argv = {"/bin/sh", "-c", "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status | tr '\\t' ' '"};
  found = run(spec);
  EXPECT_EQ(found["NoNewPrivs"], "0");
  EXPECT_EQ(found["Seccomp"], "0");
}

// The table and the rows that are tried say the same.
TEST(Confinement, IsDocumentedRowByRow) {
  const fs::path page = fs::path(__FILE__).parent_path() / "../../docs/security.md";
  const auto text = read_file(page, 1 << 20);
  if (!text && ::geteuid() != 0) GTEST_SKIP() << "this user cannot read " << page;
  ASSERT_TRUE(text) << text.error().message;
  for (const ProbeRow& row : probe_rows()) EXPECT_THAT(*text, HasSubstr(fmt::format("| `{}` |", row.name)));
}

// The same as a user who is not root, with a copy of this program that they can read.
TEST(Confinement, HoldsForAnOrdinaryUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "this is an ordinary user already";
  std::string name = "/var/tmp/ordinary-user-XXXXXX";
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  const fs::path directory = name, program = directory / "proc_test";
  fs::copy_file("/proc/self/exe", program);
  fs::permissions(program, fs::perms(0755));
  ASSERT_EQ(::chown(directory.c_str(), kOrdinary, kOrdinary), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool dropped = ::setgroups(0, nullptr) == 0 && ::setresgid(kOrdinary, kOrdinary, kOrdinary) == 0 &&
                         ::setresuid(kOrdinary, kOrdinary, kOrdinary) == 0;
    ::setenv("HOME", directory.c_str(), 1);
    ::setenv("TMPDIR", directory.c_str(), 1);
    if (dropped) ::execl(program.c_str(), "proc_test", "--gtest_filter=ConfinementTest.*:SandboxTest.*", nullptr);
    ::_exit(126);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
  fs::remove_all(directory);
}

}  // namespace
}  // namespace millrace::proc
