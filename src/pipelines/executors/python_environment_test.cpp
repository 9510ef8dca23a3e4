#include "pipelines/executors/python_environment.h"

#include <gtest/gtest.h>

namespace millrace::pipelines::executors {
namespace {

using Words = std::vector<std::string>;

const std::string kScript =
    "\nif ! [ -x \"$(command -v pip)\" ]; then\n python3 -m ensurepip\nfi\n\nPIP_DISABLE_PIP_VERSION_CHECK=1 python3 "
    "-m pip "
    "install --quiet 'kfp==2.17.0' && \"$0\" \"$@\"\n";
const Variables kNone;

TEST(PythonEnvironments, StandInForTheScript) {
  const auto found = python_environment("python:3.11", {"sh", "-c", kScript, "sh", "-ec", "run", "code"}, kNone);
  EXPECT_EQ(found.recipe.name.size(), 32u);
  EXPECT_EQ(found.recipe.script, kScript);
  EXPECT_EQ(found.recipe.after, ":");
  EXPECT_EQ(found.command_line, (Words{"sh", "-ec", "run", "code"}));
}

TEST(PythonEnvironments, AreSharedWhereAllThatDecidesTheirContentsIsTheSame) {
  const auto name = [](const std::string& image, const std::string& script, const Variables& variables = {}) {
    return python_environment(image, {"sh", "-c", script, "x"}, variables).recipe.name;
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
    EXPECT_EQ(found.recipe.name, "");
  }
}

// An image's packages first, whatever the command; a component's own script after them.
TEST(PythonEnvironments, HaveThePackagesOfAnImage) {
  const PythonPackages packages{{"pip install a", "pip install b"}, "digest"};
  const auto plain = python_environment("i", {"python3", "main.py"}, kNone, packages);
  EXPECT_EQ(plain.recipe.script, "pip install a &&\npip install b");
  EXPECT_EQ(plain.command_line, (Words{"python3", "main.py"}));
  const auto both = python_environment("i", {"sh", "-c", kScript, "x"}, kNone, packages);
  EXPECT_EQ(both.recipe.script, "{ pip install a &&\npip install b; } || exit\n" + kScript);
  EXPECT_EQ(both.command_line, Words{"x"});
  EXPECT_NE(python_environment("i", {"python3", "main.py"}, kNone, {packages.installs, "other"}).recipe.name,
            plain.recipe.name);
  EXPECT_EQ(python_environment("i", {"python3", "main.py"}, kNone, packages).recipe.name, plain.recipe.name);
}

TEST(PythonEnvironments, KeepAScriptsOwnToItsTask) {
  const std::string own =
      "python3 -m venv \"$tmp/venv\"\n. \"$tmp/venv/bin/activate\"\npython3 -m pip install x && \"$0\" \"$@\"";
  const auto found = python_environment("i", {"sh", "-c", own, "a", "b"}, kNone);
  EXPECT_EQ(found.recipe.name, "");
  EXPECT_EQ(found.command_line[3], own);
  EXPECT_EQ(found.command_line.back(), "b");
}

}  // namespace
}  // namespace millrace::pipelines::executors
