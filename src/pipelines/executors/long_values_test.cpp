#include "pipelines/executors/long_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace millrace::pipelines::executors {
namespace {

using testing::HasSubstr;
using Words = std::vector<std::string>;

const std::string kLong(200'000, 'x');
constexpr const char* kProgram =
    "printf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\"\n_KFP_RUNTIME=true python3 -m "
    "kfp.dsl.executor_main --component_module_path x \"$@\"";

class LongValues : public testing::Test {
 protected:
  std::string file(const std::string& name) { return (directory_.path() / "arguments" / name).native(); }
  TempDir directory_ = std::move(*TempDir::make("long"));
};

TEST_F(LongValues, OfThePythonProgramGoByFile) {
  const std::pair<Words, Words> cases[] = {
      {{"sh", "-ec", kProgram, "code", "--executor_input", "{}"},
       {"sh", "-ec", kProgram, "code", "--executor_input", "{}"}},
      {{"python3", "-m", "kfp.dsl.executor_main", "--executor_input", kLong, "--function_to_execute", "f"},
       {"python3", file("executor_main.py"), "--executor_input", file("executor_input.json"), "--function_to_execute",
        "f"}},
      // nobody knows what another program does with a path in the place of its value
      {{"sh", "-c", "wc -c \"$0\"", kLong}, {"sh", "-c", "wc -c \"$0\"", kLong}},
  };
  for (const auto& [given, wanted] : cases) {
    Words command = given, arguments(command.end() - 1, command.end());
    command.pop_back();
    ASSERT_TRUE(pass_by_file(directory_.path(), command, arguments));
    EXPECT_EQ(arguments.size(), 1u);
    command.insert(command.end(), arguments.begin(), arguments.end());
    EXPECT_EQ(command, wanted);
  }
  EXPECT_EQ(read_file(file("executor_input.json")).value_or(""), kLong);
  EXPECT_THAT(read_file(file("executor_main.py")).value_or(""), HasSubstr("run_module(\"kfp.dsl.executor_main\""));
}

TEST_F(LongValues, OfALightweightComponentAreItsInputAndItsCode) {
  Words words = {"sh", "-ec", kProgram, kLong, "--executor_input", kLong};
  Words none;
  ASSERT_TRUE(pass_by_file(directory_.path(), words, none));
  EXPECT_THAT(words[2], HasSubstr("cat \"$0\" >"));
  EXPECT_THAT(words[2], HasSubstr("python3 '" + file("executor_main.py") + "' --component_module_path"));
  EXPECT_EQ(words[3], file("component.py"));
  EXPECT_EQ(words[5], file("executor_input.json"));
}

TEST_F(LongValues, ElsewhereAreRefusedByName) {
  const Value input = Value::object(
      {{"inputs", Value::object({{"parameterValues", Value::object({{"short", "x"}, {"long", kLong}})}})}});
  const auto why = [&](const work::Workload& step) {
    const Status good = check_lengths(input, step);
    return good ? std::string() : good.error().message;
  };
  work::Workload step;
  step.command = {"sh", std::string(kMaxWord, 'y')};
  EXPECT_EQ(why(step), "");
  step.command[1] += 'y';
  EXPECT_THAT(why(step),
              HasSubstr("an argument is too long for a command line: 131072 bytes, where Linux passes at most 131071"));
  step.command[1] = "--text=" + kLong;
  EXPECT_THAT(why(step), HasSubstr("the input long, in an argument,"));
  step.command = {"sh"};
  step.environment = {{"TEXT", kLong}};
  EXPECT_THAT(why(step), HasSubstr("the input long, in the variable TEXT,"));
  step.environment.clear();
  step.command.assign(100, std::string(100'000, 'x'));
  EXPECT_THAT(why(step), HasSubstr("bytes together"));
}

}  // namespace
}  // namespace millrace::pipelines::executors
