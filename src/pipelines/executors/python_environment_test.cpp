#include "pipelines/executors/python_environment.h"

#include <gtest/gtest.h>

namespace millrace::pipelines::executors {
namespace {

const std::string kScript =
    "\nif ! [ -x \"$(command -v pip)\" ]; then\n python3 -m ensurepip\nfi\n\nPIP_DISABLE_PIP_VERSION_CHECK=1 python3 "
    "-m pip "
    "install --quiet 'kfp==2.17.0' && \"$0\" \"$@\"\n";

TEST(PythonEnvironments, StandInForTheScript) {
  const auto wrapped =
      in_python_environment("/data/python", "python:3.11", {"sh", "-c", kScript, "sh", "-ec", "run", "code"});
  ASSERT_EQ(wrapped.size(), 10u);
  EXPECT_TRUE(wrapped[3].starts_with("/data/python/"));
  EXPECT_EQ(wrapped[4], kScript);
  EXPECT_EQ(wrapped[5], ":");
  EXPECT_EQ(std::vector<std::string>(wrapped.begin() + 6, wrapped.end()),
            (std::vector<std::string>{"sh", "-ec", "run", "code"}));
}

TEST(PythonEnvironments, AreSharedByTheSameScriptAlone) {
  const auto place = [](const std::string& image, const std::string& script) {
    return in_python_environment("/d", image, {"sh", "-c", script, "x"})[3];
  };
  EXPECT_EQ(place("a", kScript), place("a", kScript));
  EXPECT_NE(place("a", kScript), place("b", kScript));
  EXPECT_NE(place("a", kScript), place("a", "python3 -m pip install 'other' && \"$0\" \"$@\""));
}

TEST(PythonEnvironments, LeaveOtherCommandsAlone) {
  for (const std::vector<std::string>& line : {std::vector<std::string>{"sh", "-c", "pip install x"},
                                               {"sh", "-c", "echo \"$0\" \"$@\"", "a"},
                                               {"python3", "-c", kScript, "a"},
                                               {}}) {
    EXPECT_EQ(in_python_environment("/d", "i", line), line);
  }
}

// An image's packages first, whatever the command; a component's own script after them.
TEST(PythonEnvironments, HaveThePackagesOfAnImage) {
  const PythonPackages packages{{"pip install a", "pip install b"}, "digest"};
  const auto plain = in_python_environment("/d", "i", {"python3", "main.py"}, packages);
  ASSERT_EQ(plain.size(), 8u);
  EXPECT_TRUE(kept_environment(plain).has_value());
  EXPECT_EQ(plain[4], "pip install a &&\npip install b");
  EXPECT_EQ(std::vector<std::string>(plain.begin() + 6, plain.end()), (std::vector<std::string>{"python3", "main.py"}));
  const auto both = in_python_environment("/d", "i", {"sh", "-c", kScript, "x"}, packages);
  EXPECT_EQ(both[4], "{ pip install a &&\npip install b; } || exit\n" + kScript);
  EXPECT_EQ(both.back(), "x");
  EXPECT_NE(in_python_environment("/d", "i", {"python3", "main.py"}, {packages.installs, "other"})[3], plain[3]);
  EXPECT_EQ(in_python_environment("/d", "i", {"python3", "main.py"}, {{"pip install a", "pip install b"}, "digest"})[3],
            plain[3]);
}

TEST(PythonEnvironments, KeepAScriptsOwnToItsTask) {
  const std::string own =
      "python3 -m venv \"$tmp/venv\"\n. \"$tmp/venv/bin/activate\"\npython3 -m pip install x && \"$0\" \"$@\"";
  const auto wrapped = in_python_environment("/d", "i", {"sh", "-c", own, "a", "b"});
  EXPECT_EQ(wrapped[3], own);
  EXPECT_EQ(wrapped.back(), "b");
}

}  // namespace
}  // namespace millrace::pipelines::executors
