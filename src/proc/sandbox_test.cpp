#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "proc/launcher.h"

namespace millrace::proc {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    // Not below /tmp, which a sandbox has one of its own of.
    std::string name = "/var/tmp/sandbox-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    fs::permissions(directory_, fs::perms(0755));  // as far as it is not hidden, children's user may look into it
    work_ = directory_ / "work";
    ASSERT_TRUE(make_directories(work_));
    const auto status = sandbox_available(directory_ / "launcher");
    ASSERT_TRUE(status) << status.error().message;
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
  LaunchSpec shell(const std::string& key, const std::string& script) {
    LaunchSpec spec;
    spec.key = key;
    spec.argv = {"/bin/sh", "-c", script};
    spec.environment = {{"PATH", "/usr/bin:/bin"}};
    spec.working_directory = work_;
    spec.stdout_path = spec.stderr_path = directory_ / (key + ".log");
    spec.sandbox = Sandbox{{directory_}, {{Mount::Kind::writable, work_, work_.string(), 0, {}}}};
    return spec;
  }
  ChildStatus run(const LaunchSpec& spec) {
    const auto launched = launcher_->launch(spec);
    EXPECT_TRUE(launched) << (launched ? "" : launched.error().message);
    return launched ? wait_for(spec.key) : ChildStatus();
  }
  ChildStatus wait_for(const std::string& key) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return ended_.contains(key); })) << key;
    return ended_[key];
  }
  std::string output(const std::string& key) { return read_file(directory_ / (key + ".log"), 1 << 20).value_or(""); }

  fs::path directory_, work_;
  std::unique_ptr<Launcher> launcher_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, ChildStatus> ended_;
};

TEST_F(SandboxTest, IsGivenWhatLiesDeepInWhatIsHidden) {
  const fs::path deep = directory_ / "runs" / "r" / "1";
  ASSERT_TRUE(make_directories(deep));
  LaunchSpec spec = shell("a", fmt::format("echo done > {}/out; ls {}", deep.string(), directory_.string()));
  spec.sandbox->mounts.push_back({Mount::Kind::writable, deep, deep.string(), 0, {}});
  EXPECT_EQ(run(spec).exit_code, 0) << output("a");
  EXPECT_EQ(read_file(deep / "out").value_or(""), "done\n");
  EXPECT_EQ(output("a"), "runs\nwork\n");
}

// As where the data directory lies in a directory that is closed to others.
TEST_F(SandboxTest, LeadsThroughWhatIsClosedToTheChildsUser) {
  const fs::path closed = directory_ / "closed", data = closed / "data", deep = data / "runs" / "1";
  ASSERT_TRUE(make_directories(deep));
  ASSERT_TRUE(write_file(closed / "secret", "s3cret"));
  fs::permissions(closed, fs::perms(0700));
  LaunchSpec spec =
      shell("closed", fmt::format("mkdir -p {0} && echo done > {0}/out; ls {1}/..", deep.string(), data.string()));
  spec.working_directory = deep;
  spec.sandbox = Sandbox{{data}, {{Mount::Kind::writable, deep, deep.string(), 0, {}}}};
  EXPECT_EQ(run(spec).exit_code, 0) << output("closed");
  EXPECT_EQ(read_file(deep / "out").value_or(""), "done\n");
  EXPECT_EQ(output("closed"), ::geteuid() == 0 ? "data\n" : "data\nsecret\n");
}

// The machine need not have the working directory: a mount is one.
TEST_F(SandboxTest, WorksInAMount) {
  const fs::path context = directory_ / "context";
  ASSERT_TRUE(make_directories(context));
  ASSERT_TRUE(write_file(context / "said", "beside it"));
  ASSERT_TRUE(write_file(context / "program", "#!/bin/sh\npwd; cat said\n", 0755));
  for (const char* place : {"/no/such/place", "/usr/local/src/no-such-place"}) {
    LaunchSpec spec = shell(fs::path(place).filename(), "");
    spec.argv = {"./program"};
    spec.working_directory = place;
    spec.sandbox->mounts.push_back({Mount::Kind::read_only, context, place, 0, {}});
    EXPECT_EQ(run(spec).exit_code, 0);
    EXPECT_EQ(output(spec.key), fmt::format("{}\nbeside it", place));
  }
  LaunchSpec elsewhere = shell("elsewhere", "pwd");
  elsewhere.working_directory = "/no/such/place";
  EXPECT_THAT(launcher_->launch(elsewhere).error().message, HasSubstr("/no/such/place does not exist"));
}

TEST_F(SandboxTest, SeesOnlyWhatItIsGiven) {
  ASSERT_TRUE(write_file(directory_ / "secret", "s3cret"));
  const auto status = run(shell("a", fmt::format(R"sh(
    cat {0}/secret 2>/dev/null && echo "the secret is seen"
    (touch /usr/x || touch /etc/x) 2>/dev/null && echo "the machine can be written to"
    echo kept > {0}/work/kept && echo x > /tmp/x && echo x > /dev/shm/x && echo writable
    echo "processes $(ls /proc | grep -c '^[0-9]')"
    mount -t tmpfs none /mnt 2>/dev/null && echo "it can mount"
    ls / | tr '\n' ' '
  )sh",
                                                 directory_.string())));
  EXPECT_EQ(status.exit_code, 0) << output("a");
  EXPECT_THAT(output("a"), HasSubstr("writable"));
  for (const char* bad : {"is seen", "can be written", "can mount"}) EXPECT_THAT(output("a"), Not(HasSubstr(bad)));
  EXPECT_THAT(output("a"), testing::ContainsRegex("processes [1-5]\n"));
  EXPECT_EQ(read_file(work_ / "kept", 100).value_or(""), "kept\n");
}

TEST_F(SandboxTest, MountsAnywhere) {
  const fs::path store = directory_ / "store";
  ASSERT_TRUE(make_directories(store / "bucket"));
  ASSERT_TRUE(write_file(store / "bucket" / "key", "stored"));
  LaunchSpec spec = shell("b", R"sh(
    cat /minio/bucket/key; echo; (echo no > /minio/bucket/new) 2>/dev/null || echo "read only"
    cat /etc/deep/er/token; echo; ls /etc/passwd
    echo x > /volumes/a/b/file && cat /volumes/a/b/file
    df -k /memory/two | tail -1 | awk '{print $2}'; (echo no > /etc/deep/er/new) 2>/dev/null || echo "sealed"
    cat /tmp/in/key /tmp/of/program; (echo no > /tmp/of/program) 2>/dev/null || echo "read only"; ls /tmp/of
  )sh");
  spec.sandbox->mounts.push_back({Mount::Kind::read_only, store, "/minio", 0, {}});
  spec.sandbox->mounts.push_back({Mount::Kind::files, {}, "/etc/deep/er", 0, {{"token", "t0ken"}}});
  spec.sandbox->mounts.push_back({Mount::Kind::writable, work_, "/volumes/a/b", 0, {}});
  spec.sandbox->mounts.push_back({Mount::Kind::memory, {}, "/memory/two", 1 << 20, {}});
  spec.sandbox->mounts.push_back({Mount::Kind::read_only, store / "bucket", "/tmp/in", 0, {}});
  spec.sandbox->mounts.push_back({Mount::Kind::read_only, store / "bucket" / "key", "/tmp/of/program", 0, {}});
  EXPECT_EQ(run(spec).exit_code, 0) << output("b");
  EXPECT_EQ(output("b"), "stored\nread only\nt0ken\n/etc/passwd\nx\n1024\nsealed\nstoredstoredread only\nprogram\n")
      << output("b");
}

TEST_F(SandboxTest, UncoversNothingByWhatItMakes) {
  ASSERT_TRUE(make_directories(directory_ / "a" / "b" / "private"));
  ASSERT_TRUE(write_file(directory_ / "a" / "b" / "private" / "key", "s3cret"));
  ASSERT_TRUE(write_file(directory_ / "a" / "b" / "public", "public"));
  ASSERT_TRUE(write_file(directory_ / "a" / "one", "s3cret"));
  ASSERT_TRUE(write_file(directory_ / "two", "s3cret"));
  fs::create_directory_symlink(directory_ / "a" / "b", directory_ / "link");
  const std::string script = fmt::format(
      "cd {}; grep -rs s3cret a link two; cat a/b/public; ls new a/new a/b/new a/b/private", directory_.string());
  for (const bool through_link : {false, true}) {
    LaunchSpec spec = shell(through_link ? "linked" : "plain", script);
    spec.sandbox->hidden = {through_link ? directory_ / "link" / "private" : directory_ / "a" / "b" / "private",
                            directory_ / "a" / "one", directory_ / "two"};
    // Where the machine has none of these places, each directory above is made anew.
    for (const char* target : {"new", "a/new", "a/b/new", "a/b/private/deep"})
      spec.sandbox->mounts.push_back({Mount::Kind::memory, {}, (directory_ / target).string(), 0, {}});
    EXPECT_EQ(run(spec).exit_code, 0);
    EXPECT_EQ(output(spec.key), "publica/b/new:\n\na/b/private:\ndeep\n\na/new:\n\nnew:\n");
  }
}

TEST_F(SandboxTest, MountsInWhatIsMounted) {
  const fs::path volume = directory_ / "volume";
  ASSERT_TRUE(make_directories(volume));
  ASSERT_TRUE(write_file(volume / "kept", "kept"));
  fs::create_directory_symlink("/etc", volume / "away");
  LaunchSpec spec = shell("a", "cat /volumes/v/kept /volumes/v/in/it/token; echo x > /volumes/v/written");
  // The inner one first: its place is in the volume all the same.
  spec.sandbox->mounts.push_back({Mount::Kind::files, {}, "/volumes/v/in/it", 0, {{"token", "t0ken"}}});
  spec.sandbox->mounts.push_back({Mount::Kind::writable, volume, "/volumes/v", 0, {}});
  EXPECT_EQ(run(spec).exit_code, 0) << output("a");
  EXPECT_EQ(output("a"), "keptt0ken");
  EXPECT_TRUE(fs::exists(volume / "written"));
  EXPECT_TRUE(fs::is_empty(volume / "in" / "it"));
  // A link in a volume leads nowhere while the sandbox is made.
  spec.key = "b";
  spec.sandbox->mounts[0].target = "/volumes/v/away/made-by-a-sandbox";
  EXPECT_FALSE(launcher_->launch(spec));
  EXPECT_FALSE(fs::exists("/etc/made-by-a-sandbox"));
}

// Of two children that share a directory each makes the place of a file in it: one of them finds it made.
TEST_F(SandboxTest, MountsAFileWhereAnotherChildMadeItsPlace) {
  const fs::path shared = directory_ / "shared";
  ASSERT_TRUE(make_directories(shared));
  ASSERT_TRUE(write_file(directory_ / "program", "text\n"));
  std::vector<std::string> keys;
  for (int i = 0; i < 8; ++i) {
    LaunchSpec spec = shell(fmt::format("child-{}", i), "cat /shared/bin/program");
    spec.sandbox->mounts.push_back({Mount::Kind::writable, shared, "/shared", 0, {}});
    spec.sandbox->mounts.push_back({Mount::Kind::read_only, directory_ / "program", "/shared/bin/program", 0, {}});
    keys.push_back(spec.key);
    launcher_->launch_async(spec, [](const auto& started) { EXPECT_TRUE(started) << started.error().message; });
  }
  for (const std::string& key : keys) {
    EXPECT_EQ(wait_for(key).exit_code, 0) << output(key);
    EXPECT_EQ(output(key), "text\n");
  }
}

TEST_F(SandboxTest, MountsWhatLiesBelowThroughNoLink) {
  const fs::path claim = directory_ / "claim", secret = directory_ / "secret";
  ASSERT_TRUE(make_directories(claim / "a" / "b"));
  ASSERT_TRUE(make_directories(secret));
  ASSERT_TRUE(write_file(claim / "a" / "b" / "file", "its own"));
  ASSERT_TRUE(write_file(secret / "file", "s3cret"));
  fs::create_directory_symlink(secret, claim / "away");
  fs::create_directory_symlink("../secret", claim / "up");
  fs::create_directory_symlink("b", claim / "a" / "inside");
  fs::create_directory_symlink("/proc/self/root", claim / "magic");
  int number = 0;
  for (const char* below :
       {"a/b", "away", "up", "a/inside", "..", "../secret", "a/../../secret", "magic/etc", "none"}) {
    LaunchSpec spec = shell(fmt::format("below-{}", number++), "cat /volumes/v/file");
    spec.sandbox->mounts.push_back({Mount::Kind::writable, claim, "/volumes/v", 0, {}, below});
    if (below == std::string("a/b")) {
      EXPECT_EQ(run(spec).exit_code, 0);
      EXPECT_EQ(output(spec.key), "its own");
      continue;
    }
    const auto launched = launcher_->launch(spec);
    ASSERT_FALSE(launched) << below;
    EXPECT_THAT(launched.error().message, HasSubstr("a part of a directory")) << below;
  }
}

TEST_F(SandboxTest, FollowsTheMachinesLinksToAMountsPlace) {
  // As where /var/run is a link to /run, which a sandbox has one of its own of.
  ASSERT_TRUE(make_directories(directory_ / "real"));
  fs::create_directory_symlink(directory_ / "real", directory_ / "link");
  LaunchSpec spec =
      shell("a", fmt::format("cat {0}/link/secrets/token {0}/real/secrets/token /run/a/b/token", directory_.string()));
  spec.sandbox->hidden.clear();
  spec.sandbox->mounts.push_back(
      {Mount::Kind::files, {}, (directory_ / "link" / "secrets").string(), 0, {{"token", "t0ken "}}});
  spec.sandbox->mounts.push_back({Mount::Kind::files, {}, "/run/a/b", 0, {{"token", "in /run"}}});
  EXPECT_EQ(run(spec).exit_code, 0) << output("a");
  EXPECT_EQ(output("a"), "t0ken t0ken in /run");
}

TEST_F(SandboxTest, EndsWithAllItStarted) {
  // The one that it started says so when it has left the group, which a SIGTERM of the group's ends.
  ASSERT_TRUE(launcher_->launch(shell("c", "setsid sh -c 'echo > started; exec sleep 1000' & wait")));
  for (int i = 0; i < 1000 && !fs::exists(work_ / "started"); ++i) ::usleep(5'000);
  // A shell without a handler: as the first process of its namespace the kernel would not deliver the signal.
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(launcher_->stop("c", Millis(60'000)));
  EXPECT_NE(wait_for("c").signal, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(15));
}

TEST_F(SandboxTest, LetsAHandlerFinish) {
  ASSERT_TRUE(
      launcher_->launch(shell("d", "trap 'echo asked; exit 3' TERM; echo > started; while :; do sleep 0.05; done")));
  for (int i = 0; i < 1000 && !fs::exists(work_ / "started"); ++i) ::usleep(5'000);
  ASSERT_TRUE(launcher_->stop("d", Millis(60'000)));
  EXPECT_EQ(wait_for("d").exit_code, 3);
  EXPECT_THAT(output("d"), HasSubstr("asked\n"));
}

TEST_F(SandboxTest, SaysWhatCannotBe) {
  LaunchSpec spec = shell("e", "true");
  spec.sandbox->mounts.push_back({Mount::Kind::writable, directory_ / "not there", "/data", 0, {}});
  const auto launched = launcher_->launch(spec);
  ASSERT_FALSE(launched);
  EXPECT_THAT(launched.error().message, HasSubstr("mount"));
  spec.sandbox->mounts = {{Mount::Kind::memory, {}, "relative", 0, {}}};
  spec.key = "f";
  EXPECT_FALSE(launcher_->launch(spec));
}

}  // namespace
}  // namespace millrace::proc
