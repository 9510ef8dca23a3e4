#include "pipelines/executors/container.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace millrace::pipelines::executors {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::Pair;

class ContainerTest : public ::testing::Test {
 protected:
  using Kind = work::Mount::Kind;
  ContainerTest() {
    step_.key = "run/r/root/train/1";
    step_.environment = {{"PATH", "/usr/bin"}, {"HOME", "/x"}, {"TOKEN", "secret\nwith lines"}};
    step_.sandbox.emplace();
  }
  Status put(const std::vector<std::string>& command_line) {
    return put_into_container("/usr/bin/podman", executor_, "image:1", command_line, scratch_->path(), step_);
  }
  std::string after(const std::string& word) const {
    const auto found = std::find(step_.command.begin(), step_.command.end(), word);
    return found == step_.command.end() ? "" : *std::next(found);
  }
  Result<TempDir> scratch_ = TempDir::make("container");
  Executor executor_;
  work::Workload step_;
};

TEST_F(ContainerTest, CommandsTakeThePlaceOfTheEntryPoint) {
  executor_.command = {"sh", "-c"};
  ASSERT_TRUE(put({"sh", "-c", "echo $0", "a b"}));
  EXPECT_FALSE(step_.sandbox);
  EXPECT_EQ(after("--entrypoint"), "sh");
  EXPECT_THAT(std::vector(step_.command.end() - 4, step_.command.end()),
              ElementsAre("image:1", "-c", "echo $0", "a b"));
  EXPECT_EQ(after("--name"), container_name("run/r/root/train/1"));
  EXPECT_NE(container_name("run/r/root/train/1"), container_name("run/r/root/train/2"));
}

TEST_F(ContainerTest, ArgumentsAloneGoToTheImagesOwnCommand) {
  executor_.arguments = {"--epochs", "3"};
  ASSERT_TRUE(put({"--epochs", "3"}));
  EXPECT_THAT(step_.command, Not(Contains("--entrypoint")));
  EXPECT_THAT(std::vector(step_.command.end() - 3, step_.command.end()), ElementsAre("image:1", "--epochs", "3"));
}

TEST_F(ContainerTest, ValuesOfVariablesAreNotOnTheCommandLine) {
  executor_.environment = {{"HOME", "/home/of/the/task"}};
  step_.environment[1].second = "/home/of/the/task";
  ::setenv("MILLRACE_OF_THE_SERVER", "x", 1);
  ASSERT_TRUE(put({}));
  ::unsetenv("MILLRACE_OF_THE_SERVER");
  for (const std::string& word : step_.command) EXPECT_EQ(word.find("secret"), std::string::npos) << word;
  EXPECT_THAT(step_.command, Contains("TOKEN"));
  EXPECT_THAT(step_.command, Contains("HOME=/home/of/the/task"));  // the client has a HOME of its own
  EXPECT_THAT(step_.command, Not(Contains("PATH")));               // the image has one
  EXPECT_THAT(step_.environment, Contains(Pair("TOKEN", "secret\nwith lines")));
  EXPECT_THAT(step_.environment, Contains(Pair("PATH", std::string(std::getenv("PATH")))));
  EXPECT_THAT(step_.environment, Not(Contains(Pair("MILLRACE_OF_THE_SERVER", "x"))));
}

TEST_F(ContainerTest, MountsAndLimitsAreTheSandboxes) {
  auto& mounts = step_.sandbox->mounts;
  const std::string own = (scratch_->path() / "own").native();
  ASSERT_TRUE(make_directories(own + "/tmp"));
  mounts.push_back({Kind::writable, own, "/tmp", 0, {}, "tmp"});
  mounts.push_back({Kind::read_only, "/data/artifacts/minio", "/minio", 0, {}});
  mounts.push_back({Kind::read_only, "/tmp/venv", "/tmp/venv", 0, {}});  // the machine's own Python
  mounts.push_back({Kind::memory, {}, "/cache", 1 << 20, {}});
  mounts.push_back({Kind::files, {}, "/etc/keys", 0, {{"id", "AKIA"}}});
  step_.memory_limit_bytes = 64u << 20;
  step_.cpus = 2;
  executor_.run_as_user = 1000;
  executor_.run_as_group = 100;
  ASSERT_TRUE(put({}));
  const std::string files = (scratch_->path() / "files/0").native();
  EXPECT_THAT(step_.command, Contains(own + "/tmp:/tmp"));
  EXPECT_THAT(step_.command, Contains("/data/artifacts/minio:/minio:ro"));
  EXPECT_THAT(step_.command, Contains(files + ":/etc/keys:ro"));
  EXPECT_THAT(step_.command, Not(Contains("/tmp/venv:/tmp/venv:ro")));
  EXPECT_EQ(after("--tmpfs"), "/cache:size=1048576");
  EXPECT_EQ(after("--memory"), "67108864");
  EXPECT_EQ(after("--cpus"), "2");
  EXPECT_EQ(after("--user"), "1000:100");
  EXPECT_EQ(step_.memory_limit_bytes, 0u) << "of the client";
  EXPECT_EQ(*read_file(scratch_->path() / "files/0/id"), "AKIA");
}

TEST_F(ContainerTest, WhatCannotBeMountedIsRefused) {
  step_.sandbox->mounts.push_back({Kind::writable, "/a:b", "/c", 0, {}});
  EXPECT_FALSE(put({}));
  step_.sandbox->mounts = {{Kind::files, {}, "/keys", 0, {{"../x", "y"}}}};
  EXPECT_FALSE(put({}));
  // A part of a claim that another step has exchanged for a link.
  std::filesystem::create_directory_symlink("/etc", scratch_->path() / "link");
  step_.sandbox->mounts = {{Kind::writable, scratch_->path(), "/claim", 0, {}, "link"}};
  EXPECT_FALSE(put({}));
}

TEST(ContainerEngine, IsOneThatAnswers) {
  EXPECT_TRUE(find_container_engine("/bin/true"));
  EXPECT_EQ(*find_container_engine("true"), *find_container_engine("/usr/bin/true"));
  EXPECT_EQ(find_container_engine("/bin/false").error().message,
            "tasks cannot run in containers: `/bin/false version` fails");
  EXPECT_FALSE(find_container_engine("no-such-engine"));
}

}  // namespace
}  // namespace millrace::pipelines::executors
