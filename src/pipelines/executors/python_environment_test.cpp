#include "pipelines/executors/python_environment.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::executors {
namespace {

using Words = std::vector<std::string>;
namespace fs = std::filesystem;

const std::string kScript =
    "\nif ! [ -x \"$(command -v pip)\" ]; then\n python3 -m ensurepip\nfi\n\nPIP_DISABLE_PIP_VERSION_CHECK=1 python3 "
    "-m pip "
    "install --quiet 'kfp==2.17.0' && \"$0\" \"$@\"\n";
const Variables kNone;

TEST(PythonEnvironments, StandInForTheScript) {
  const auto found = python_environment("python:3.11", {"sh", "-c", kScript, "sh", "-ec", "run", "code"}, kNone);
  EXPECT_EQ(found.name.size(), 32u);
  EXPECT_EQ(found.script, kScript);
  EXPECT_EQ(found.after, ":");
  EXPECT_EQ(found.command_line, (Words{"sh", "-ec", "run", "code"}));
}

TEST(PythonEnvironments, AreSharedWhereAllThatDecidesTheirContentsIsTheSame) {
  const auto name = [](const std::string& image, const std::string& script, const Variables& variables = {}) {
    return python_environment(image, {"sh", "-c", script, "x"}, variables).name;
  };
  EXPECT_EQ(name("a", kScript), name("a", kScript));
  EXPECT_EQ(name("a", kScript, {{"COLOUR", "blue"}}), name("a", kScript));
  EXPECT_NE(name("a", kScript), name("b", kScript));
  EXPECT_NE(name("a", kScript), name("a", "python3 -m pip install 'other' && \"$0\" \"$@\""));
  for (const char* variable : {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTPS_PROXY"})
    EXPECT_NE(name("a", kScript, {{variable, "http://elsewhere"}}), name("a", kScript)) << variable;
}

TEST(PythonEnvironments, LeaveOtherCommandsAlone) {
  for (const Words& line : {Words{"sh", "-c", "pip install x"}, Words{"sh", "-c", "echo \"$0\" \"$@\"", "a"},
                            Words{"python3", "-c", kScript, "a"}, Words{}}) {
    const auto found = python_environment("i", line, kNone);
    EXPECT_EQ(found.command_line, line);
    EXPECT_EQ(found.name, "");
  }
}

// An image's packages first, whatever the command; a component's own script after them.
TEST(PythonEnvironments, HaveThePackagesOfAnImage) {
  const PythonPackages packages{{"pip install a", "pip install b"}, "digest"};
  const auto plain = python_environment("i", {"python3", "main.py"}, kNone, packages);
  EXPECT_EQ(plain.script, "pip install a &&\npip install b");
  EXPECT_EQ(plain.command_line, (Words{"python3", "main.py"}));
  const auto both = python_environment("i", {"sh", "-c", kScript, "x"}, kNone, packages);
  EXPECT_EQ(both.script, "{ pip install a &&\npip install b; } || exit\n" + kScript);
  EXPECT_EQ(both.command_line, Words{"x"});
  EXPECT_NE(python_environment("i", {"python3", "main.py"}, kNone, {packages.installs, "other"}).name, plain.name);
  EXPECT_EQ(python_environment("i", {"python3", "main.py"}, kNone, packages).name, plain.name);
}

TEST(PythonEnvironments, KeepAScriptsOwnToItsTask) {
  const std::string own =
      "python3 -m venv \"$tmp/venv\"\n. \"$tmp/venv/bin/activate\"\npython3 -m pip install x && \"$0\" \"$@\"";
  const auto found = python_environment("i", {"sh", "-c", own, "a", "b"}, kNone);
  EXPECT_EQ(found.name, "");
  EXPECT_EQ(found.command_line[3], own);
  EXPECT_EQ(found.command_line.back(), "b");
}

class Builds : public testing::Test {
 protected:
  const TempDir directory_ = TempDir::make().value();
  const Options options_{directory_.path(), ""};
  const PythonEnvironment environment_ = python_environment("i", {"sh", "-c", kScript, "x"}, {{"PIP_INDEX_URL", "u"}});

  work::Workload step(bool sandboxed = true) const {
    work::Workload step;
    step.environment = {{"PATH", "/usr/bin:/bin"}, {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret"}};
    step.working_directory = directory_.path() / "runs/r/root.t.1";
    step.log = step.working_directory / "log.txt";
    if (sandboxed) step.sandbox.emplace();
    return step;
  }
  fs::path staging(const PythonBuild& build) const {
    return writable(build, directory_.path() / "python" / build.name);
  }
  static fs::path writable(const PythonBuild& build, const fs::path& target) {
    for (const work::Mount& mount : build.child.sandbox->mounts) {
      if (mount.target == target && mount.kind == work::Mount::Kind::writable) return mount.source;
    }
    return {};
  }
};

TEST_F(Builds, SeeAndWriteOnlyWhatTheyMake) {
  const auto build = build_environment(options_, environment_, step(), std::nullopt).value();
  EXPECT_TRUE(build.child.key.starts_with(environment_build_keys()));
  EXPECT_EQ(build.child.log, step().log);
  for (const work::Mount& mount : build.child.sandbox->mounts) {
    if (mount.kind != work::Mount::Kind::writable) continue;
    EXPECT_TRUE(mount.source.native().starts_with((directory_.path() / "python-builds" / build.name).native() + "."))
        << mount.source;
  }
  // Nothing of the step's but what pip looks at.
  for (const auto& [name, value] : build.child.environment)
    EXPECT_TRUE(name == "PATH" || name == "LANG" || name == "HOME" || name == "TMPDIR" || name.starts_with("PIP_"))
        << name;
}

TEST_F(Builds, AreThereWhenTheyAreWhole) {
  const auto build = build_environment(options_, environment_, step(), std::nullopt).value();
  const fs::path made = staging(build);
  EXPECT_FALSE(publish_environment(options_, build));
  ASSERT_TRUE(make_directories(made / "lib/python3.11/site-packages"));
  EXPECT_FALSE(find_environment(options_, build.name));
  ASSERT_TRUE(publish_environment(options_, build));
  discard_build(options_, build);
  EXPECT_FALSE(fs::exists(made));
  const auto kept = find_environment(options_, build.name);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->version, "python3.11");
  EXPECT_TRUE(fs::exists(kept->directory / "lib/python3.11/site-packages"));
}

TEST_F(Builds, ThatWereInterruptedLeaveNothing) {
  const auto build = build_environment(options_, environment_, step(), std::nullopt).value();
  ASSERT_TRUE(make_directories(staging(build) / "lib/python3.11"));
  ASSERT_TRUE(make_directories(directory_.path() / "python/old/lib"));
  EXPECT_EQ(discard_builds(options_, false), Words{build.child.key});
  EXPECT_TRUE(fs::exists(directory_.path() / "python/old"));
  EXPECT_TRUE(discard_builds(options_, true).empty());
  EXPECT_FALSE(fs::exists(directory_.path() / "python/old"));
  EXPECT_FALSE(find_environment(options_, build.name));
}

TEST_F(Builds, WithoutASandboxAreMadeInTheirPlace) {
  const auto build = build_environment(options_, environment_, step(false), std::nullopt).value();
  ASSERT_TRUE(make_directories(directory_.path() / "python" / build.name / "lib/python3.11"));
  discard_build(options_, build);
  EXPECT_FALSE(fs::exists(directory_.path() / "python" / build.name));
}

TEST_F(Builds, AreEnteredReadOnlyByWayOfALayer) {
  ASSERT_TRUE(make_directories(directory_.path() / "python/kept/lib/python3.11/site-packages"));
  ASSERT_TRUE(write_file(directory_.path() / "python/kept/published", "python3.11"));
  work::Workload step = this->step();
  ASSERT_TRUE(make_directories(step.working_directory));
  ASSERT_TRUE(enter_environment(find_environment(options_, "kept").value(), step.working_directory, step));
  EXPECT_EQ(kept_environment(step), directory_.path() / "python/kept");
  for (const work::Mount& mount : step.sandbox->mounts) EXPECT_EQ(mount.kind, work::Mount::Kind::read_only);
  EXPECT_EQ(step.sandbox->mounts.size(), 1u);
  const fs::path layer = step.working_directory / "environment";
  EXPECT_EQ(fs::read_symlink(layer / "bin/python3"), directory_.path() / "python/kept/bin/python3");
  EXPECT_TRUE(fs::exists(layer / "lib/python3.11/site-packages/_kept.pth"));
  for (const auto& [name, value] : step.environment) {
    if (name == "PATH") EXPECT_TRUE(value.starts_with((layer / "bin").native() + ":")) << value;
  }
}

}  // namespace
}  // namespace millrace::pipelines::executors
