#include "components/arguments.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/yaml.h"
#include "components/component.h"
#include "components/components.h"
#include "components/names.h"
#include "components/training_image.h"

namespace millrace::components {
namespace {

constexpr ArgumentSpec kTable[] = {
    {"region", ArgumentType::string, "", true}, {"mode", ArgumentType::string, "File", false, "File|Pipe"},
    {"count", ArgumentType::integer, "1"},      {"rate", ArgumentType::number, "0.5"},
    {"flag", ArgumentType::boolean, "False"},   {"tags", ArgumentType::object, "{}"},
    {"channels", ArgumentType::array, "[]"},
};
constexpr std::string_view kOutputs[] = {"job_name"};

TEST(ComponentArguments, ReadsEachType) {
  const auto read =
      parse_arguments(kTable, kOutputs,
                      {"--region", "us-east-1", "--count", " 3 ", "--rate=2.5", "--flag", "True", "--tags",
                       R"({"a": "b"})", "--channels", "[{ChannelName: train}]", "--job_name_output_path", "/o/n"});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->text("region"), "us-east-1");
  EXPECT_EQ(read->text("mode"), "File");
  EXPECT_EQ(read->integer("count"), 3);
  EXPECT_EQ(read->inputs["rate"].as_double(), 2.5);
  EXPECT_TRUE(read->flag("flag"));
  EXPECT_EQ(read->inputs["tags"]["a"].string_or(), "b");
  EXPECT_EQ(read->inputs["channels"].items().at(0)["ChannelName"].string_or(), "train");
  EXPECT_EQ(read->output_paths.at("job_name"), "/o/n");
  EXPECT_FALSE(parse_arguments(kTable, kOutputs, {"--region", "r"})->given("tags"));
}

TEST(ComponentArguments, ReadsAsPythonDoes) {
  constexpr ArgumentSpec table[] = {{"tags", ArgumentType::object, "{}"},  {"list", ArgumentType::array, "[]"},
                                    {"name", ArgumentType::string, kNone}, {"count", ArgumentType::integer, kNone},
                                    {"public", ArgumentType::truth},       {"ros", ArgumentType::truth}};
  const auto read = parse_arguments(
      table, {}, {"--tags", "", "--list", "", "--count", "1_000", "--public", "False", "--ros", ""}, OutputPlace::tmp);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->inputs["tags"].is_null());
  EXPECT_FALSE(object_of(*read, "tags"));
  EXPECT_FALSE(array_of(*read, "list"));
  EXPECT_TRUE(read->inputs["name"].is_null());
  EXPECT_EQ(read->integer("count"), 1000);
  EXPECT_TRUE(read->flag("public"));  // any text is true
  EXPECT_FALSE(read->flag("ros"));
  const auto folder = parse_arguments(table, kOutputs, {}, OutputPlace::outputs_folder);
  EXPECT_EQ(folder->output_paths.at("job_name"), "/tmp/outputs/job_name/data");
}

TEST(ComponentArguments, NamesWhatIsWrong) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "--region is required"},
      {{"--region"}, "a value is missing"},
      {{"region", "x"}, "is not an argument"},
      {{"--region", "r", "--count", "three"}, "--count: 'three' is not an integer"},
      {{"--region", "r", "--count", "3.5"}, "is not an integer"},
      {{"--region", "r", "--rate", "fast"}, "is not a number"},
      {{"--region", "r", "--flag", "maybe"}, "is not a boolean"},
      {{"--region", "r", "--tags", "[1]"}, "is not a JSON object"},
      {{"--region", "r", "--channels", "{}"}, "is not a JSON array"},
      {{"--region", "r", "--mode", "Ftp"}, "is not one of File, Pipe"},
      {{"--region", "r", "--colour", "red"}, "--colour is not known"},
      {{"--region", "r", "--tags", "{a: ]"}, "--tags: '{a: ]' is neither JSON nor YAML"},
  };
  for (const auto& [words, says] : cases) {
    const auto read = parse_arguments(kTable, kOutputs, words);
    ASSERT_FALSE(read) << says;
    EXPECT_NE(read.error().message.find(says), std::string::npos) << read.error().message;
  }
}

// The published definitions of the components against our tables: same arguments, defaults, outputs.
TEST(Components, TakeWhatTheirDefinitionsSay) {
  const auto folder = std::filesystem::path(MILLRACE_SOURCE) / "lab" / "components";
  int definitions = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++definitions;
    const std::string name = entry.path().stem();
    const Value definition = *parse_yaml(*read_file(entry.path()));
    const auto made = component_named(name);
    ASSERT_TRUE(made) << made.error().message;
    const auto& component = *made;
    for (const Value& input : definition["inputs"].items()) {
      const std::string argument = input["name"].string_or();
      const auto table = component->arguments();
      const auto found = std::ranges::find(table, argument, &ArgumentSpec::name);
      ASSERT_NE(found, table.end()) << name << " does not know " << argument;
      const std::string type = input["type"].string_or();
      if (type == "Integer") {
        EXPECT_EQ(found->type, ArgumentType::integer) << argument;
      }
      if (type == "Bool") {
        EXPECT_TRUE(found->type == ArgumentType::boolean || found->type == ArgumentType::truth) << argument;
      }
      if (type == "JsonObject") {
        EXPECT_EQ(found->type, ArgumentType::object) << argument;
      }
      if (type == "JsonArray") {
        EXPECT_EQ(found->type, ArgumentType::array) << argument;
      }
      // KFP gives what has a default; the published command line requires some of it all the same.
      EXPECT_TRUE(found->required || input.has("default") || input["optional"].bool_or(false))
          << name << " " << argument;
      const bool is_resource = component->output_place() == OutputPlace::outputs_folder;  // its presets are null
      if (input.has("default") && !found->required && found->type != ArgumentType::truth && !is_resource) {
        EXPECT_EQ(found->preset, input["default"].string_or()) << name << " " << argument;
      }
    }
    EXPECT_EQ(component->arguments().size(), definition["inputs"].size()) << name;
    ASSERT_EQ(component->outputs().size(), definition["outputs"].size()) << name;
    for (const Value& output : definition["outputs"].items()) {
      EXPECT_NE(std::ranges::find(component->outputs(), output["name"].string_or()), component->outputs().end())
          << name << " " << output["name"].string_or();
    }
    const Value& container = definition["implementation"]["container"];
    const std::string script = container["args"].items().at(0).string_or();
    const auto native = native_command("/bin/m", container["image"].string_or(), {"python3", script, "--region", "r"});
    ASSERT_TRUE(native) << name;
    EXPECT_EQ(*native, (std::vector<std::string>{"/bin/m", "component", name, "--region", "r"}));
  }
  EXPECT_EQ(definitions, 22);
}

TEST(Components, LeaveOtherImagesAlone) {
  const std::string ours = "public.ecr.aws/kubeflow-on-aws/aws-sagemaker-kfp-components";
  const std::vector<std::string> line = {"python3", "train/src/sagemaker_training_component.py"};
  EXPECT_TRUE(native_command("m", ours, line));
  EXPECT_TRUE(native_command("m", ours + ":1.1.2", line));
  EXPECT_TRUE(native_command("m", ours + "@sha256:00", line));
  EXPECT_TRUE(native_command("m", "localhost:5000/amazon/aws-sagemaker-kfp-components:1", line));
  EXPECT_FALSE(native_command("m", "python:3.11", line));
  EXPECT_FALSE(native_command("m", ours + "-fork:1", line));
  EXPECT_FALSE(native_command("m", "evilamazon/aws-sagemaker-kfp-components:1", line));
  EXPECT_FALSE(native_command("m", ours, {"python3", "other.py"}));
  EXPECT_FALSE(native_command("m", ours, {"python3", "--x", line[1]}));
}

TEST(Components, GenerateNames) {
  const FakeClock clock(from_epoch_ms(1'767'323'045'000));  // 2026-01-02T03:04:05Z
  EXPECT_TRUE(generated_name("TrainingJob", clock).starts_with("TrainingJob-20260102030405-"));
  EXPECT_EQ(generated_name("TrainingJob", clock).size(), 31u);
  EXPECT_EQ(generated_name(std::string(80, 'x'), clock).size(), 63u);
  EXPECT_TRUE(
      generated_resource_name("data-quality-job-definition", clock).starts_with("b-definition-20260102030405-"));
  EXPECT_NE(generated_name("a", clock), generated_name("a", clock));
}

TEST(Components, KnowTheAlgorithmsImages) {
  EXPECT_EQ(built_in_algorithm("K-Means"), "kmeans");
  EXPECT_EQ(*training_image("kmeans", "us-east-1"), "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1");
  EXPECT_FALSE(built_in_algorithm("my-own"));
  EXPECT_FALSE(training_image("kmeans", "mars-north-1"));
}

}  // namespace
}  // namespace millrace::components
