#include "sagemaker/frameworks/run_script.h"

#include <gtest/gtest.h>

namespace millrace::sagemaker::frameworks {
namespace {

using Words = std::vector<std::string>;

TEST(Program, IsRunByItsType) {
  EXPECT_EQ(program_type("train.py", false), ProgramType::script);
  EXPECT_EQ(program_type("train.py", true), ProgramType::package);
  EXPECT_EQ(program_type("train", true), ProgramType::package);
  EXPECT_EQ(program_type("train", false), ProgramType::command);
  EXPECT_EQ(program_type("train.sh", true), ProgramType::command);
  const Words arguments{"--a", "it's b", "--c", ""};
  EXPECT_EQ(program_command(ProgramType::script, "t.py", arguments, "python3"),
            (Words{"python3", "t.py", "--a", "it's b", "--c", ""}));
  EXPECT_EQ(program_command(ProgramType::package, "t.py", {}, "python3"), (Words{"python3", "-m", "t"}));
  EXPECT_EQ(program_command(ProgramType::command, "t.sh", arguments, "python3"),
            (Words{"/bin/sh", "-c", "./t.sh --a 'it'\"'\"'s b' --c ''"}));
}

TEST(ErrorText, BeginsAtTheFirstError) {
  ErrorText errors;
  errors.add("loading\nTraceback (most recent call last):\n  File \"t.py\", line 1\nValue");
  errors.add("Error: bad :\nValueError: bad\nafter");
  EXPECT_EQ(errors.text(), "ValueError: bad\n after");
}

TEST(ErrorText, IsTheLastLineWhereNoneNamesAnError) {
  ErrorText errors;
  errors.add("one\ntwo errors found\n\n");
  EXPECT_EQ(errors.text(), "two errors found");
  EXPECT_EQ(ErrorText().text(), "");
}

TEST(ErrorText, IsBounded) {
  ErrorText errors;
  for (int i = 0; i < 10'000; ++i) errors.add("KeyError: " + std::to_string(i) + "\n");
  errors.add(std::string(1'000'000, 'x'));
  EXPECT_LT(errors.text().size(), 2 * ErrorText::kMaxBytes);
}

TEST(Failure, IsWrittenAsTheToolkitDoes) {
  EXPECT_EQ(failure_text("ExecuteUserScriptError", 3, "ValueError: bad", {"python3", "t.py"}),
            "ExecuteUserScriptError:\nExitCode 3\nErrorMessage \"ValueError: bad\"\nCommand \"python3 t.py\"");
  EXPECT_EQ(
      failure_text("ExecuteUserScriptError", 137, "", {"python3", "t.py"}),
      "ExecuteUserScriptError:\nExitCode 137\nErrorMessage \"\"\nExtraInfo \"OutOfMemory: Process killed by SIGKILL "
      "(signal 9)\"\nCommand \"python3 t.py\"");
}

}  // namespace
}  // namespace millrace::sagemaker::frameworks
