#include "pipelines/executors/python_server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdlib>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "pipelines/executors/python_client.h"

namespace millrace::pipelines::executors {
namespace {

class PythonServers : public ::testing::Test {
 protected:
  const TempDir directory_ = TempDir::make().value();
  const Options options_{directory_.path(), ""};
  RunContext run_;

  void SetUp() override {
    run_.run_id = "the-run";
    run_.pipeline_name = "a-pipeline";
    ASSERT_TRUE(make_directories(options_.directory / "python" / "env" / "lib" / "python3" / "site-packages"));
    ASSERT_TRUE(write_file(options_.directory / "python" / "env" / "published", "python3"));
  }
  bool exists(const std::string& path) const { return std::filesystem::exists(options_.directory / path); }
};

TEST_F(PythonServers, ThatAreReadyKnowNothingOfTheRunThatTakesThem) {
  const auto server = ready_python_server(options_, "env").value();
  EXPECT_TRUE(is_ready_python_server(server.key));
  EXPECT_EQ(ready_python_servers(options_), std::vector<std::string>{server.key});
  ASSERT_TRUE(server.sandbox.has_value());
  // Nothing that it may write to is another's as well.
  for (const work::Mount& mount : server.sandbox->mounts) {
    if (mount.kind != work::Mount::Kind::writable) continue;
    EXPECT_TRUE(mount.source.native().starts_with((options_.directory / "python-ready/env.").native())) << mount.source;
  }
  for (const auto& [name, value] : server.environment)
    EXPECT_TRUE(name == "PATH" || name == "LANG" || name == "HOME") << name;

  EXPECT_TRUE(take_python_server(options_, run_, server.key));
  EXPECT_TRUE(exists("runs/the-run/python/tmp"));
  EXPECT_TRUE(exists("artifacts/minio/mlpipeline/v2/artifacts/a-pipeline/the-run"));
  EXPECT_TRUE(ready_python_servers(options_).empty());
}

TEST_F(PythonServers, ThatAreReadyAreNotForARunThatHasFiles) {
  const auto server = ready_python_server(options_, "env").value();
  ASSERT_TRUE(make_directories(options_.directory / "runs/the-run/root.a.1"));
  EXPECT_FALSE(take_python_server(options_, run_, server.key));
  run_.run_id = "another";
  ASSERT_TRUE(make_directories(options_.directory / "artifacts/minio/mlpipeline/v2/artifacts/a-pipeline/another/x"));
  EXPECT_FALSE(take_python_server(options_, run_, server.key));
  run_.run_id = "with-a-workspace";
  run_.has_workspace = true;
  EXPECT_FALSE(take_python_server(options_, run_, server.key));
  EXPECT_FALSE(exists("runs/with-a-workspace"));
  run_.run_id = "a-third";
  run_.has_workspace = false;
  EXPECT_TRUE(take_python_server(options_, run_, server.key));

  const std::string key = ready_python_server(options_, "env").value().key;
  remove_ready_python_server(options_, key);
  EXPECT_TRUE(ready_python_servers(options_).empty());
  EXPECT_FALSE(ready_python_server(options_, "no-such").has_value());
}

TEST_F(PythonServers, AreFoundAgainByTheirSockets) {
  const auto ready = ready_python_server(options_, "env").value();
  ASSERT_TRUE(take_python_server(options_, run_, ready.key));
  const auto place = options_.directory / "runs/the-run/python";
  for (const std::string& name : {ready.command[4], std::string("other")}) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT((place / name).native().size(), sizeof address.sun_path);
    (place / name).native().copy(address.sun_path, sizeof address.sun_path - 1);
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  auto keys = python_servers_of(options_, "the-run");
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(keys, (std::vector<std::string>{ready.key, "python/the-run/other"}));
}

// What asks a server becomes the plain command where there is none, once its patience is over.
TEST_F(PythonServers, AreDoneWithout) {
  const auto client = python_client(options_.directory / "python-client").value();
  EXPECT_EQ(python_client(options_.directory / "python-client").value(), client);
  const std::string rest = " '' '' {} sh -c 'test $0 = 3 && exit 7' 3 4 5 6 7 8 9";
  const std::string asking = client.native() + " " + (options_.directory / "no-socket").native();
  for (const char* patience : {"0", "50"}) {
    const auto begin = std::chrono::steady_clock::now();
    const int status = std::system((asking + fmt::format(fmt::runtime(rest), patience)).c_str());
    const auto passed = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(WEXITSTATUS(status), 7);
    EXPECT_GE(passed, std::chrono::milliseconds(std::atoi(patience)));
  }
}

}  // namespace
}  // namespace millrace::pipelines::executors
