#include "pipelines/executors/process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "pipelines/executors/failure.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

using testing::HasSubstr;

// What the launcher does, without one: the child in its directory, with its environment and nothing else.
work::WorkStatus run_child(const work::Workload& spec) {
  std::vector<char*> argv, environment;
  std::vector<std::string> variables;
  for (const auto& [name, value] : spec.environment) variables.push_back(name + "=" + value);
  for (std::string& variable : variables) environment.push_back(variable.data());
  std::vector<std::string> arguments = spec.command;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  environment.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int log = ::open(spec.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, 1);
    ::dup2(log, 2);
    if (::chdir(spec.working_directory.c_str()) == 0) ::execvpe(argv[0], argv.data(), environment.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  work::WorkStatus result;
  result.state = work::WorkStatus::State::exited;
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  result.exit_code = WIFSIGNALED(status) ? 128 + result.signal : WEXITSTATUS(status);
  return result;
}

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() {
    options_.directory = directory_.path();
    run_.run_id = "run-1";
    run_.display_name = "My run";
    run_.resource_name = "p-abcde";
    run_.pipeline_name = "p";
    run_.created = from_epoch_ms(1'700'000'000'000);
    task_.name = task_.display_name = "train";
    node_.path = "root/train";
    node_.task = &task_;
    node_.component = &component_;
    node_.attempt = 1;
    executor_.image = "busybox";
    executor_.command = {"/bin/sh", "-c"};
    hooks_.secret = [this](const std::string& name) -> Result<std::map<std::string, std::string>> {
      const auto found = secrets_.find(name);
      if (found == secrets_.end()) return fail(Code::not_found, "secrets \"" + name + "\" not found");
      return found->second;
    };
    hooks_.node_credentials = [](const std::string&,
                                 const std::string& key) -> Result<std::vector<std::pair<std::string, std::string>>> {
      return std::vector<std::pair<std::string, std::string>>{{"NODE_CREDENTIALS_OF", key}};
    };
  }

  Result<work::Workload> prepared(std::vector<std::string> arguments) {
    executor_.arguments = std::move(arguments);
    return prepare(options_, hooks_, run_, node_, executor_);
  }
  // Runs a shell script as the task; its outputs, which the script must not fail to make.
  Result<Outputs> outputs_of(const std::string& script) {
    const auto spec = prepared({script});
    if (!spec) return fail(spec.error());
    const auto status = run_child(*spec);
    EXPECT_EQ(status.exit_code, 0) << log();
    return collect(options_, run_, node_);
  }
  std::string log() { return read_file(log_path(options_, run_.run_id, node_.path, node_.attempt)).value_or(""); }

  TempDir directory_ = std::move(*TempDir::make("process"));
  Options options_;
  Hooks hooks_;
  RunContext run_;
  Task task_;
  Component component_;
  engine::Node node_;
  Executor executor_;
  std::map<std::string, std::map<std::string, std::string>> secrets_;
};

TEST_F(ProcessTest, RunsAStepOfALocalImageInItsDirectory) {
  const TempDir context = std::move(*TempDir::make("context"));
  ASSERT_TRUE(write_file(context.path() / "Dockerfile", "FROM x\nWORKDIR /no/such/place\nENV FROM_IMAGE=yes\n"));
  ASSERT_TRUE(write_file(context.path() / "main.sh", "echo $FROM_IMAGE $1 $(cat data.txt)\n"));
  ASSERT_TRUE(write_file(context.path() / "data.txt", "beside it\n"));
  options_.images["mine"] = context.path();
  executor_.image = "mine";
  executor_.command = {"/bin/sh", "main.sh"};
  const auto spec = prepared({"word"});
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(run_child(*spec).exit_code, 0) << log();
  EXPECT_EQ(log(), "yes word beside it\n");
  // In a sandbox it is where the image has it, and can only be read.
  hooks_.sandboxed = [] { return true; };
  const auto hidden = prepared({"word"});
  ASSERT_TRUE(hidden) << hidden.error().message;
  EXPECT_EQ(hidden->working_directory, "/no/such/place");
  const work::Mount& mount = hidden->sandbox->mounts.back();
  EXPECT_EQ(mount.target, "/no/such/place");
  EXPECT_EQ(mount.source, context.path());
  EXPECT_EQ(mount.kind, work::Mount::Kind::read_only);
}

TEST_F(ProcessTest, ATaskInItsImageIsAWorkloadOfIt) {
  options_.containers = true;
  component_.output_parameters = {{"text", ParameterType::string}};
  executor_.image = "mine:1";
  executor_.command = {"sh", "-c"};
  executor_.environment = {{"GREETING", "hello"}};
  executor_.run_as_user = 1000;
  const auto work = prepared({"script"});
  ASSERT_TRUE(work) << work.error().message;
  EXPECT_EQ(work->image, "mine:1");
  EXPECT_EQ(work->command, (std::vector<std::string>{"sh", "-c"}));
  EXPECT_EQ(work->arguments, (std::vector<std::string>{"script"}));
  EXPECT_EQ(work->run_as_user, 1000);
  EXPECT_EQ(work->working_directory, "") << "the image's";
  ASSERT_TRUE(work->sandbox) << "what is mounted";
  std::vector<std::string> names;
  for (const auto& [name, value] : work->environment) names.push_back(name);
  EXPECT_THAT(names, testing::Contains("GREETING"));
  for (const char* of_image : {"PATH", "HOME", "LANG", "TMPDIR"})
    EXPECT_THAT(names, testing::Not(testing::Contains(of_image)));
  const auto place = attempt_directory(options_, run_.run_id, node_.path, node_.attempt) / "outputs";
  EXPECT_EQ(std::filesystem::status(place).permissions(), std::filesystem::perms::all) << "for the image's user";
}

TEST_F(ProcessTest, RunsACommandWithItsInputsAndTakesItsOutputs) {
  component_.output_parameters = {{"text", ParameterType::string},        {"whole", ParameterType::number_integer},
                                  {"real", ParameterType::number_double}, {"yes", ParameterType::boolean},
                                  {"list", ParameterType::list},          {"object", ParameterType::structure}};
  component_.output_artifacts = {{"model", {"system.Model", "0.0.1", false}}};
  node_.parameters = Value::object({{"who", "Ann; rm -rf \"$HOME\""}, {"many", 3}});
  const auto spec = prepared({R"(printf '%s' "$0" > {{$.outputs.parameters['text'].output_file}}
echo {{$.inputs.parameters['many']}} > {{$.outputs.parameters['whole'].output_file}}
echo 0.25 > {{$.outputs.parameters['real'].output_file}}
echo True > {{$.outputs.parameters['yes'].output_file}}
echo '[1, "a"]' > {{$.outputs.parameters['list'].output_file}}
echo '{"a": {"b": null}}' > {{$.outputs.parameters['object'].output_file}}
echo weights > {{$.outputs.artifacts['model'].path}}
echo {{$.pipeline_job_uuid}} {{$.pipeline_task_name}})",
                              "{{$.inputs.parameters['who']}}"});
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->key, "run/run-1/root/train/1");
  EXPECT_EQ(run_child(*spec).exit_code, 0) << log();
  EXPECT_EQ(log(), "run-1 train\n");
  const auto outputs = collect(options_, run_, node_);
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->parameters, *parse_json(R"({"text":"Ann; rm -rf \"$HOME\"","whole":3,"real":0.25,"yes":true,
      "list":[1,"a"],"object":{"a":{"b":null}}})"))
      << to_json(outputs->parameters);
  const Value& model = outputs->artifacts["model"]["artifacts"].items().at(0);
  EXPECT_EQ(model["type"]["schemaTitle"].string_or(), "system.Model");
  const auto kept = find_artifact(options_, model["uri"].string_or());
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->tree.read(kept->path, 100).value_or(""), "weights\n");
}

TEST_F(ProcessTest, GivesTheExecutorInput) {
  component_.output_parameters = {{"out", ParameterType::string}};
  node_.parameters = Value::object({{"n", 1}, {"job", "{{$.pipeline_job_name}}"}});
  node_.artifacts = *parse_json(R"({"data":{"artifacts":[{"name":"d","uri":"/a/d"}]}})");
  ASSERT_TRUE(outputs_of("printf %s '{{$}}' > outputs/out"));
  const auto input = parse_json(*read_file(attempt_directory(options_, run_.run_id, node_.path, 1) / "outputs/out"));
  ASSERT_TRUE(input);
  EXPECT_EQ((*input)["inputs"]["parameterValues"], Value::object({{"n", 1}, {"job", "My run"}}));
  EXPECT_EQ((*input)["inputs"]["artifacts"], node_.artifacts);
  EXPECT_THAT((*input)["outputs"]["parameters"]["out"]["outputFile"].string_or(),
              testing::EndsWith("/root.train.1/outputs/out"));
  EXPECT_THAT((*input)["outputs"]["outputFile"].string_or(), testing::EndsWith("output_metadata.json"));
}

TEST_F(ProcessTest, RefusesOutputsOfAnotherType) {
  struct Case {
    ParameterType type;
    const char* text;
  };
  const Case cases[] = {{ParameterType::number_integer, "1.5"},
                        {ParameterType::number_integer, ""},
                        {ParameterType::number_double, "much"},
                        {ParameterType::boolean, "1"},
                        {ParameterType::list, "{}"},
                        {ParameterType::list, "[1,"},
                        {ParameterType::structure, "[]"}};
  for (const Case& c : cases) {
    component_.output_parameters = {{"out", c.type}};
    const auto outputs = outputs_of(fmt::format("printf '%s' '{}' > outputs/out", c.text));
    ASSERT_FALSE(outputs) << c.text;
    EXPECT_THAT(outputs.error().message,
                HasSubstr(fmt::format("the output out is not a {}", parameter_type_name(c.type))));
  }
}

// What KFP's runtime writes for Python components stands above the files.
TEST_F(ProcessTest, TakesTheMetadataFile) {
  component_.output_parameters = {{"out", ParameterType::number_integer}};
  component_.output_artifacts = {{"metrics", {"system.Metrics", "0.0.1", false}}};
  const auto outputs = outputs_of(
      R"(echo 1 > outputs/out; cat > output_metadata.json <<END
{"parameterValues": {"out": 2, "undeclared": 3},
 "artifacts": {"metrics": {"artifacts": [{"name": "m", "metadata": {"accuracy": 0.5}}]}}}
END
)");
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->parameters, Value::object({{"out", 2}}));
  EXPECT_EQ(outputs->artifacts["metrics"]["artifacts"].items().at(0)["metadata"]["accuracy"].double_or(0), 0.5);
  for (const char* wrong : {"{", R"({"parameterValues": {"out": "two"}})"}) {
    const auto refused = outputs_of(fmt::format("printf '%s' '{}' > output_metadata.json", wrong));
    EXPECT_FALSE(refused) << wrong;
  }
}

TEST_F(ProcessTest, GivesEachAttemptItsOwnDirectory) {
  component_.output_parameters = {{"out", ParameterType::string}};
  EXPECT_EQ(outputs_of("printf one > outputs/out")->parameters["out"].string_or(), "one");
  node_.attempt = 2;
  EXPECT_TRUE(outputs_of("test $KFP_RETRY_INDEX = 1")->parameters.empty()) << "the first attempt's output shows";
}

TEST_F(ProcessTest, MakesTheEnvironment) {
  ::setenv("MILLRACE_OF_THE_SERVER", "x", 1);
  hooks_.task_environment = [](const std::string& run_id,
                               const std::string&) -> std::vector<std::pair<std::string, std::string>> {
    return {{"AWS_REGION", "us-east-1"}, {"COLOUR", "red"}, {"OF_RUN", run_id}};
  };
  executor_.environment = {{"COLOUR", "blue"}};
  secrets_["keys"] = {{"id", "AKIA"}, {"key", "se\ncret"}};
  executor_.env_from_keys = {{true, {"keys"}, false, {{"id", "MY_ID"}, {"key", "MY_KEY"}}},
                             {true, {"none"}, true, {{"a", "A"}}}};
  const auto spec = prepared({"env"});
  ::unsetenv("MILLRACE_OF_THE_SERVER");
  ASSERT_TRUE(spec) << spec.error().message;
  const std::map<std::string, std::string> environment(spec->environment.begin(), spec->environment.end());
  EXPECT_EQ(environment.size(), spec->environment.size()) << "a variable is there twice";
  EXPECT_EQ(environment.at("COLOUR"), "blue");
  EXPECT_EQ(environment.at("AWS_REGION"), "us-east-1");
  EXPECT_EQ(environment.at("MY_ID"), "AKIA");
  EXPECT_EQ(environment.at("MY_KEY"), "se\ncret");
  EXPECT_EQ(environment.at("NODE_CREDENTIALS_OF"), spec->key);
  EXPECT_FALSE(environment.contains("A"));
  EXPECT_FALSE(environment.contains("MILLRACE_OF_THE_SERVER"));
  EXPECT_TRUE(std::filesystem::is_directory(environment.at("TMPDIR")));
}

TEST_F(ProcessTest, LeavesKeysOfATaskAlone) {
  secrets_["aws"] = {{"id", "AKIA"}};
  executor_.env_from_keys = {{true, {"aws"}, false, {{"id", "AWS_ACCESS_KEY_ID"}}}};
  const auto spec = prepared({"true"});
  ASSERT_TRUE(spec);
  for (const auto& [name, value] : spec->environment) EXPECT_NE(name, "NODE_CREDENTIALS_OF");
}

TEST_F(ProcessTest, SaysWhatCannotBePrepared) {
  executor_.env_from_keys = {{true, {"none"}, false, {{"a", "A"}}}};
  EXPECT_THAT(prepared({"true"}).error().message, HasSubstr("\"none\" not found"));
  secrets_["none"] = {{"b", "x"}};
  EXPECT_EQ(prepared({"true"}).error().message, "the secret none has no key a");
  executor_.env_from_keys.clear();
  EXPECT_THAT(prepared({"{{$.weather}}"}).error().message, HasSubstr("{{$.weather}}"));
  executor_.command.clear();
  const auto no_command = prepared({});
  EXPECT_EQ(no_command.error().code, Code::unimplemented);
  EXPECT_THAT(no_command.error().message, HasSubstr("busybox"));
}

TEST_F(ProcessTest, RunsNativeImages) {
  hooks_.native_image = [](const std::string& image,
                           const std::vector<std::string>& line) -> std::optional<std::vector<std::string>> {
    if (image != "native:1") return std::nullopt;
    return std::vector<std::string>{"/bin/echo", std::to_string(line.size())};
  };
  EXPECT_EQ(prepared({"true"})->command, (std::vector<std::string>{"/bin/sh", "-c", "true"}));
  executor_.image = "native:1";
  EXPECT_EQ(prepared({"true"})->command, (std::vector<std::string>{"/bin/echo", "3"}));
}

TEST_F(ProcessTest, DescribesAFailureByTheEndOfItsLog) {
  struct Case {
    const char* script;
    const char* says;
  };
  const Case cases[] = {
      {"exit 4", "the process ended with exit code 4"},
      {"echo first; echo 'Error: no luck' >&2; exit 1", "the process ended with exit code 1: Error: no luck"},
      {"kill -9 $$", "the process was ended by signal 9"},
      {"printf '\\377\\376'; exit 1", "the process ended with exit code 1"},
      {"head -c 3000000 /dev/zero | tr '\\0' 'x'; echo; echo last; exit 1", "the process ended with exit code 1: last"},
  };
  for (const Case& c : cases) {
    ++node_.attempt;
    const auto spec = prepared({c.script});
    ASSERT_TRUE(spec);
    EXPECT_EQ(describe_failure(options_, hooks_, run_, node_, executor_, run_child(*spec)), c.says) << c.script;
  }
  work::WorkStatus lost;
  lost.state = work::WorkStatus::State::lost;
  ++node_.attempt;
  EXPECT_EQ(describe_failure(options_, hooks_, run_, node_, executor_, lost),
            "the process was lost: nobody saw how it ended");
}

// A line that is cut in the middle of a character is still said, from its next character on.
TEST_F(ProcessTest, DescribesALongLineOfUtf8) {
  for (int shift = 0; shift < 3; ++shift) {
    ++node_.attempt;
    std::string line;
    for (int i = 0; i < 1'000; ++i) line += "é";
    line += std::string(static_cast<std::size_t>(shift), 'x');
    const auto spec = prepared({fmt::format("echo '{}'; exit 1", line)});
    ASSERT_TRUE(spec);
    EXPECT_THAT(describe_failure(options_, hooks_, run_, node_, executor_, run_child(*spec)), HasSubstr("éé")) << shift;
  }
}

TEST(LaunchKey, ComesBackAsItsParts) {
  std::string run, path;
  int attempt = 0;
  ASSERT_TRUE(parse_launch_key(launch_key("id", "root/sub/train", 12), run, path, attempt));
  EXPECT_EQ(run, "id");
  EXPECT_EQ(path, "root/sub/train");
  EXPECT_EQ(attempt, 12);
  for (const char* other : {"", "run/", "run/x", "run/x/1", "job/x/y/1", "run/x/y/z"})
    EXPECT_FALSE(parse_launch_key(other, run, path, attempt)) << other;
}

}  // namespace
}  // namespace millrace::pipelines::executors
