#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "work/container_backend.h"
#include "work/container_command.h"
#include "work/container_engine.h"
#include "work/fake_backend.h"

namespace millrace::work {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using Kind = Mount::Kind;

class ContainerCommand : public ::testing::Test {
 protected:
  ContainerCommand() {
    work_.key = "run/r/root/train/1";
    work_.image = "image:1";
    work_.environment = {{"TOKEN", "secret\nwith lines"}};
    work_.sandbox.emplace();
  }
  Result<Workload> client() {
    auto made = client_of("/usr/bin/podman", work_, scratch_.path());
    if (made) words_ = made->command;
    return made;
  }
  std::string after(const std::string& word) const {
    const auto found = std::find(words_.begin(), words_.end(), word);
    return found == words_.end() ? "" : *std::next(found);
  }
  std::vector<std::string> last(int count) const { return {words_.end() - count, words_.end()}; }

  TempDir scratch_ = std::move(*TempDir::make("container"));
  Workload work_;
  std::vector<std::string> words_;
};

TEST_F(ContainerCommand, CommandsTakeThePlaceOfTheEntryPoint) {
  work_.command = {"sh", "-c"};
  work_.arguments = {"echo $0", "a b"};
  const auto made = client();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_FALSE(made->sandbox);
  EXPECT_TRUE(made->as_server);
  EXPECT_EQ(after("--entrypoint"), "sh");
  EXPECT_THAT(last(4), ElementsAre("image:1", "-c", "echo $0", "a b"));
  EXPECT_EQ(after("--name"), container_name("run/r/root/train/1"));
  EXPECT_NE(container_name("run/r/root/train/1"), container_name("run/r/root/train/2"));
  EXPECT_EQ(after("--network"), "host");
}

TEST_F(ContainerCommand, ArgumentsAloneGoToTheImagesOwnCommand) {
  work_.arguments = {"--epochs", "3"};
  work_.sandbox->network = false;
  work_.working_directory = "/work";
  ASSERT_TRUE(client());
  EXPECT_THAT(words_, Not(Contains("--entrypoint")));
  EXPECT_THAT(last(3), ElementsAre("image:1", "--epochs", "3"));
  EXPECT_EQ(after("--network"), "none");
  EXPECT_EQ(after("--workdir"), "/work");
}

TEST_F(ContainerCommand, ValuesOfVariablesAreNotOnTheCommandLine) {
  work_.environment.emplace_back("HOME", "/home/of/the/task");
  ::setenv("MILLRACE_OF_THE_SERVER", "x", 1);
  const auto made = client();
  ::unsetenv("MILLRACE_OF_THE_SERVER");
  ASSERT_TRUE(made);
  for (const std::string& word : words_) EXPECT_EQ(word.find("secret"), std::string::npos) << word;
  EXPECT_THAT(words_, Contains("TOKEN"));
  EXPECT_THAT(words_, Contains("HOME=/home/of/the/task"));  // the client has a HOME of its own
  EXPECT_THAT(words_, Not(Contains("PATH")));               // the image has one
  EXPECT_THAT(made->environment, Contains(Pair("TOKEN", "secret\nwith lines")));
  EXPECT_THAT(made->environment, Contains(Pair("PATH", std::string(std::getenv("PATH")))));
  EXPECT_THAT(made->environment, Not(Contains(Pair("MILLRACE_OF_THE_SERVER", "x"))));
}

TEST_F(ContainerCommand, MountsAndLimitsAreTheSandboxes) {
  auto& mounts = work_.sandbox->mounts;
  const std::string own = (scratch_.path() / "own").native();
  ASSERT_TRUE(make_directories(own + "/tmp"));
  mounts.push_back({Kind::writable, own, "/tmp", 0, {}, "tmp"});
  mounts.push_back({Kind::read_only, "/data/artifacts/minio", "/minio", 0, {}});
  mounts.push_back({Kind::memory, {}, "/cache", 1 << 20, {}});
  mounts.push_back({Kind::files, {}, "/etc/keys", 0, {{"id", "AKIA"}}});
  work_.memory_limit_bytes = 64u << 20;
  work_.cpus = 2;
  work_.cpu_limit_seconds = 60;
  work_.file_size_limit_bytes = 1 << 20;
  work_.run_as_user = 1000;
  work_.run_as_group = 100;
  const auto made = client();
  ASSERT_TRUE(made) << made.error().message;
  const std::string files = (scratch_.path() / "files/0").native();
  EXPECT_THAT(words_, Contains(own + "/tmp:/tmp"));
  EXPECT_THAT(words_, Contains("/data/artifacts/minio:/minio:ro"));
  EXPECT_THAT(words_, Contains(files + ":/etc/keys:ro"));
  EXPECT_EQ(after("--tmpfs"), "/cache:size=1048576");
  EXPECT_EQ(after("--memory"), "67108864");
  EXPECT_EQ(after("--cpus"), "2");
  EXPECT_THAT(words_, Contains("cpu=60"));
  EXPECT_THAT(words_, Contains("fsize=1048576"));
  EXPECT_EQ(after("--user"), "1000:100");
  EXPECT_EQ(made->memory_limit_bytes, 0u) << "of the client";
  EXPECT_EQ(*read_file(scratch_.path() / "files/0/id"), "AKIA");
  struct stat info{};
  ASSERT_EQ(::stat((own + "/tmp").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0777u) << "for the container's user";
}

TEST_F(ContainerCommand, WhatCannotBeMountedIsRefused) {
  work_.sandbox->mounts = {{Kind::writable, "/a:b", "/c", 0, {}}};
  EXPECT_FALSE(client());
  work_.sandbox->mounts = {{Kind::files, {}, "/keys", 0, {{"../x", "y"}}}};
  EXPECT_FALSE(client());
  // A part of a claim that another step has exchanged for a link.
  std::filesystem::create_directory_symlink("/etc", scratch_.path() / "link");
  work_.sandbox->mounts = {{Kind::writable, scratch_.path(), "/claim", 0, {}, "link"}};
  EXPECT_FALSE(client());
}

TEST_F(ContainerCommand, AnImageIsNoOptionAndNoPlaceOfTheMachine) {
  for (const char* good : {"busybox", "python:3.11-slim", "localhost/mine:1", "registry:5000/a/b_c@sha256:0123",
                           "docker://quay.io/x/y:z", "123456789012.dkr.ecr.us-east-1.amazonaws.com/train:latest"}) {
    EXPECT_TRUE(is_image_reference(good)) << good;
  }
  for (const char* bad :
       {"", "--privileged", "-v", "/etc", "dir:/etc", "oci-archive:/tmp/x.tar", "docker-archive:/tmp/x.tar", "oci:x/y",
        "containers-storage:/x", "docker://--privileged", "docker://dir:/x", "a b", "a\nb", "a;b", "http://x/y"}) {
    EXPECT_FALSE(is_image_reference(bad)) << bad;
    work_.image = bad;
    EXPECT_FALSE(client()) << bad;
  }
}

TEST(ContainerEngine, IsOneThatAnswers) {
  EXPECT_TRUE(find_container_engine("/bin/true"));
  EXPECT_EQ(*find_container_engine("true"), *find_container_engine("/usr/bin/true"));
  EXPECT_EQ(find_container_engine("/bin/false").error().message,
            "nothing can run in containers: `/bin/false version` fails");
  EXPECT_FALSE(find_container_engine("no-such-engine"));
}

TEST(ContainerEngine, IsNotWaitedForWithoutEnd) {
  EXPECT_EQ(*ask_engine("/bin/sh", {"-c", "exit 3"}, Millis(60'000)), 3);
  EXPECT_EQ(ask_engine("/bin/sh", {"-c", "exec sleep 1000"}, Millis(1)).error().code, Code::deadline_exceeded);
}

// Over processes that only a test ends, with an engine that notes what it is asked for.
class ContainerBackendTest : public ::testing::Test {
 protected:
  ContainerBackendTest() {
    const std::string text = "#!/bin/sh\necho \"$@\" >> '" + (scratch_.path() / "asked").native() +
                             "'\ncase \"$*\" in \"image inspect here:1\" | \"rm \"*) exit 0;; esac\nexit 1\n";
    EXPECT_TRUE(write_file(engine_, text, 0700));
    open();
  }
  void open() {
    containers_ = std::make_unique<ContainerBackend>(
        processes_, ContainerBackend::Options{engine_, scratch_.path() / "containers"});
    subscription_ = containers_->on_end("", [this](const auto& key, const auto&) { ended_.set_value(key); });
  }
  void die() {
    subscription_.reset();
    containers_.reset();
  }
  static Workload workload(std::string key, std::string image) {
    Workload out;
    out.key = std::move(key);
    out.image = std::move(image);
    out.command = {"sh"};
    return out;
  }
  std::string asked() { return read_file(scratch_.path() / "asked").value_or(""); }
  bool is_settled(const std::string& key) {
    return !std::filesystem::exists(scratch_.path() / "containers" / container_name(key));
  }

  TempDir scratch_ = std::move(*TempDir::make("containers"));
  const std::filesystem::path engine_ = scratch_.path() / "engine";
  FakeBackend processes_;
  std::promise<std::string> ended_;
  std::unique_ptr<ContainerBackend> containers_;
  Subscription subscription_;
};

TEST_F(ContainerBackendTest, OnlyWhatHasAnImageRunsInAContainer) {
  ASSERT_TRUE(containers_->start_and_wait(workload("process", "")));
  EXPECT_THAT(processes_.workload("process")->command, ElementsAre("sh"));
  EXPECT_FALSE(containers_->any());
  ASSERT_TRUE(containers_->start_and_wait(workload("a", "here:1")));
  EXPECT_TRUE(containers_->any());
  EXPECT_FALSE(is_settled("a"));
  EXPECT_THAT(processes_.workload("a")->command, Contains("here:1"));
  ASSERT_TRUE(processes_.end("a"));
  EXPECT_EQ(ended_.get_future().get(), "a");
  EXPECT_TRUE(is_settled("a"));
  EXPECT_EQ(asked(), "") << "it removed itself";
}

TEST_F(ContainerBackendTest, AContainerWhoseClientWasKilledIsRemovedBeforeItsEndIsReported) {
  ASSERT_TRUE(containers_->start_and_wait(workload("a", "here:1")));
  ASSERT_TRUE(processes_.kill("a", 9));
  EXPECT_EQ(ended_.get_future().get(), "a");
  EXPECT_EQ(asked(), "rm --force " + container_name("a") + "\n");
  EXPECT_TRUE(is_settled("a"));
}

TEST_F(ContainerBackendTest, WhatEndedWhileNoServerRanIsRemovedWhenItIsAskedFor) {
  ASSERT_TRUE(containers_->start_and_wait(workload("a", "here:1")));
  die();
  ASSERT_TRUE(processes_.lose("a"));
  open();
  EXPECT_TRUE(containers_->any());
  const auto status = containers_->status("a");
  ASSERT_TRUE(status && *status);
  EXPECT_EQ((*status)->state, WorkStatus::State::lost);
  EXPECT_THAT(asked(), HasSubstr("rm --force " + container_name("a")));
  EXPECT_TRUE(is_settled("a"));
}

TEST_F(ContainerBackendTest, AServerThatGoesForGoodTakesItsContainersWithIt) {
  ASSERT_TRUE(containers_->start_and_wait(workload("a", "here:1")));
  ASSERT_TRUE(containers_->shutdown(Millis(0)));
  EXPECT_EQ(asked(), "rm --force " + container_name("a") + "\n");
}

TEST_F(ContainerBackendTest, APublishedPortIsKnownToALaterServerUntilTheEnd) {
  Workload server = workload("a", "here:1");
  server.published_port = 8080;
  ASSERT_TRUE(containers_->start_and_wait(server));
  const std::uint16_t port = containers_->published_port("a");
  ASSERT_NE(port, 0);
  const auto words = processes_.workload("a")->command;
  EXPECT_THAT(words, Contains("127.0.0.1:" + std::to_string(port) + ":8080"));
  EXPECT_THAT(words, Not(Contains("--network"))) << "the host's would have one port 8080 for all";
  EXPECT_EQ(containers_->published_port("b"), 0);
  die();
  open();
  EXPECT_EQ(containers_->published_port("a"), port);
  ASSERT_TRUE(containers_->start_and_wait(server)) << "a start that is repeated";
  EXPECT_EQ(containers_->published_port("a"), port);
  ASSERT_TRUE(processes_.end("a"));
  ended_.get_future().wait();
  EXPECT_EQ(containers_->published_port("a"), 0);
  server.sandbox.emplace();
  server.sandbox->network = false;
  server.key = "c";
  EXPECT_EQ(containers_->start_and_wait(server).error().code, Code::invalid_argument);
}

TEST_F(ContainerBackendTest, AsksTheEngineForAnImage) {
  EXPECT_TRUE(containers_->has_image("here:1"));
  EXPECT_FALSE(containers_->has_image("elsewhere:1"));
  EXPECT_FALSE(containers_->has_image("--help"));
  EXPECT_EQ(asked(), "image inspect here:1\nimage inspect elsewhere:1\n");
}

TEST_F(ContainerBackendTest, WhatCannotBeStartedLeavesNothing) {
  EXPECT_EQ(containers_->start_and_wait(workload("a", "--privileged")).error().code, Code::invalid_argument);
  EXPECT_TRUE(is_settled("a"));
  EXPECT_THAT(processes_.started(), ElementsAre());
}

}  // namespace
}  // namespace millrace::work
