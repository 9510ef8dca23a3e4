#include "work/python_environment.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace millrace::work {
namespace {

using Words = std::vector<std::string>;
namespace fs = std::filesystem;

class Builds : public testing::Test {
 protected:
  const TempDir directory_ = TempDir::make().value();
  const PythonPlaces places_{directory_.path(), "environment/", {directory_.path()}};
  const PythonRecipe recipe_{"a1", "pip install x", ":", "", "python3", {{"PIP_INDEX_URL", "u"}}};

  Workload step(bool sandboxed = true) const {
    Workload step;
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
    for (const Mount& mount : build.child.sandbox->mounts) {
      if (mount.target == target && mount.kind == Mount::Kind::writable) return mount.source;
    }
    return {};
  }
};

TEST_F(Builds, SeeAndWriteOnlyWhatTheyMake) {
  const auto build = build_environment(places_, recipe_, step()).value();
  EXPECT_TRUE(build.child.key.starts_with(places_.keys));
  EXPECT_EQ(build.child.log, step().log);
  for (const Mount& mount : build.child.sandbox->mounts) {
    if (mount.kind != Mount::Kind::writable) continue;
    EXPECT_TRUE(mount.source.native().starts_with((directory_.path() / "python-builds" / build.name).native() + "."))
        << mount.source;
  }
  // Nothing of the step's but what pip looks at.
  for (const auto& [name, value] : build.child.environment)
    EXPECT_TRUE(name == "PATH" || name == "LANG" || name == "HOME" || name == "TMPDIR" || name.starts_with("PIP_"))
        << name;
}

TEST_F(Builds, AreThereWhenTheyAreWhole) {
  const auto build = build_environment(places_, recipe_, step()).value();
  const fs::path made = staging(build);
  EXPECT_FALSE(publish_environment(places_, build));
  ASSERT_TRUE(make_directories(made / "lib/python3.11/site-packages"));
  EXPECT_FALSE(find_environment(directory_.path(), build.name));
  ASSERT_TRUE(publish_environment(places_, build));
  discard_build(places_, build);
  EXPECT_FALSE(fs::exists(made));
  const auto kept = find_environment(directory_.path(), build.name);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->version, "python3.11");
  EXPECT_TRUE(fs::exists(kept->directory / "lib/python3.11/site-packages"));
}

TEST_F(Builds, ThatWereInterruptedLeaveNothing) {
  const auto build = build_environment(places_, recipe_, step()).value();
  ASSERT_TRUE(make_directories(staging(build) / "lib/python3.11"));
  ASSERT_TRUE(make_directories(directory_.path() / "python/old/lib"));
  EXPECT_EQ(discard_builds(places_, false), Words{build.child.key});
  EXPECT_TRUE(fs::exists(directory_.path() / "python/old"));
  EXPECT_TRUE(discard_builds(places_, true).empty());
  EXPECT_FALSE(fs::exists(directory_.path() / "python/old"));
  EXPECT_FALSE(find_environment(directory_.path(), build.name));
}

TEST_F(Builds, WithoutASandboxAreMadeInTheirPlace) {
  const auto build = build_environment(places_, recipe_, step(false)).value();
  ASSERT_TRUE(make_directories(directory_.path() / "python" / build.name / "lib/python3.11"));
  discard_build(places_, build);
  EXPECT_FALSE(fs::exists(directory_.path() / "python" / build.name));
}

TEST_F(Builds, AreEnteredReadOnlyByWayOfALayer) {
  ASSERT_TRUE(make_directories(directory_.path() / "python/kept/lib/python3.11/site-packages"));
  ASSERT_TRUE(write_file(directory_.path() / "python/kept/published", "python3.11"));
  Workload step = this->step();
  ASSERT_TRUE(make_directories(step.working_directory));
  ASSERT_TRUE(enter_environment(find_environment(directory_.path(), "kept").value(), step.working_directory, step));
  EXPECT_EQ(kept_environment(step), directory_.path() / "python/kept");
  for (const Mount& mount : step.sandbox->mounts) EXPECT_EQ(mount.kind, Mount::Kind::read_only);
  EXPECT_EQ(step.sandbox->mounts.size(), 1u);
  const fs::path layer = step.working_directory / "environment";
  EXPECT_EQ(fs::read_symlink(layer / "bin/python3"), directory_.path() / "python/kept/bin/python3");
  EXPECT_TRUE(fs::exists(layer / "lib/python3.11/site-packages/_kept.pth"));
  for (const auto& [name, value] : step.environment) {
    if (name == "PATH") EXPECT_TRUE(value.starts_with((layer / "bin").native() + ":")) << value;
  }
}

}  // namespace
}  // namespace millrace::work
