#include "sagemaker/jobs/script_mode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::sagemaker {
namespace {

using testing::ElementsAre;

Value job(const char* hyperparameters, const char* environment = "{}") {
  return Value::object({{"TrainingJobName", "job"},
                        {"TrainingJobArn", "arn"},
                        {"HyperParameters", *parse_json(hyperparameters)},
                        {"Environment", *parse_json(environment)}});
}

TEST(ScriptMode, IsNamedByHyperparametersOrVariables) {
  // The SDK's way: JSON.
  const auto quoted = script_mode_of(
      job(R"({"sagemaker_program": "\"train.py\"", "sagemaker_submit_directory": "\"s3://b/sourcedir.tar.gz\""})"));
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->program, "train.py");
  EXPECT_EQ(quoted->source, "s3://b/sourcedir.tar.gz");
  const auto plain = script_mode_of(job(R"({"sagemaker_program": "train.py"})"));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->program, "train.py");
  EXPECT_EQ(plain->source, "");
  const auto by_variable =
      script_mode_of(job("{}", R"({"SAGEMAKER_PROGRAM": "a.sh", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/code"})"));
  ASSERT_TRUE(by_variable);
  EXPECT_EQ(by_variable->program, "a.sh");
  EXPECT_EQ(by_variable->source, "/opt/ml/code");
  EXPECT_FALSE(script_mode_of(job(R"({"k": "10"})")));
}

// The three ways in which SDKs write hyperparameters, and what argparse gets of each.
TEST(ScriptMode, GivesArgumentsAsTheToolkitDoes) {
  const Value given = job(R"({
      "epochs": "3", "rate": "0.10", "name": "\"x y\"", "plain": "x y", "yes": "true", "python": "True", "x": "1e3",
      "list": "[1, \"a\", null]", "map": "{\"b\": 2, \"a\": \"1\"}", "none": "null", "empty": "\"\"",
      "sagemaker_region": "\"r\"", "sagemaker_program": "\"t.py\"", "sagemaker_mpi_enabled": "true",
      "_tuning_objective_metric": "m"})");
  EXPECT_THAT(script_arguments(script_hyperparameters(given)),
              ElementsAre("--empty", "", "--epochs", "3", "--list", "[1, 'a', None]", "--map", "a=1,b=2", "--name",
                          "x y", "--none", "", "--plain", "x y", "--python", "True", "--rate", "0.1", "-x", "1000.0",
                          "--yes", "True"));
}

class Toolkit : public testing::Test {
 protected:
  Environment variables(const Value& given) {
    const Value resources = *parse_json(R"({"current_host": "algo-1", "current_instance_type": "ml.m5.large",
        "current_group_name": "homogeneousCluster", "hosts": ["algo-1"], "network_interface_name": "lo",
        "instance_groups": [{"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large",
                             "hosts": ["algo-1"]}]})");
    const Value channels = *parse_json(R"({"val-1": {"TrainingInputMode": "File"}, "train": {"ContentType": "a/b"}})");
    Environment out;
    add_toolkit_variables(out, given, *script_mode_of(given), resources, channels, "/opt/ml");
    return out;
  }
  static std::string of(const Environment& environment, std::string_view name) {
    for (const auto& [variable, value] : environment) {
      if (variable == name) return value;
    }
    return "(not there)";
  }
};

TEST_F(Toolkit, GivesItsVariablesWhole) {
  const Environment given =
      variables(job(R"({"sagemaker_program": "\"train.py\"", "sagemaker_submit_directory": "\"s3://b/s.tar.gz\"",
              "sagemaker_job_name": "\"j\"", "sagemaker_region": "\"eu-west-1\"",
              "sagemaker_container_log_level": "10", "sagemaker_mpi_enabled": "true", "batch-size": "32",
              "name": "\"é\"", "shuffle": "true", "nothing": "null"})",
                    R"({"OWN": "1"})"));
  const std::pair<const char*, const char*> rows[] = {
      {"SM_HOSTS", R"(["algo-1"])"},
      {"SM_NETWORK_INTERFACE_NAME", "lo"},
      {"SM_HPS", R"({"batch-size":32,"name":"\u00e9","nothing":null,"shuffle":true})"},
      {"SM_USER_ENTRY_POINT", "train.py"},
      {"SM_FRAMEWORK_PARAMS", R"({"sagemaker_mpi_enabled":true})"},
      {"SM_INPUT_DATA_CONFIG", R"({"train":{"ContentType":"a/b"},"val-1":{"TrainingInputMode":"File"}})"},
      {"SM_OUTPUT_DATA_DIR", "/opt/ml/output/data"},
      {"SM_CHANNELS", R"(["train","val-1"])"},
      {"SM_CURRENT_HOST", "algo-1"},
      {"SM_CURRENT_INSTANCE_TYPE", "ml.m5.large"},
      {"SM_CURRENT_INSTANCE_GROUP", "homogeneousCluster"},
      {"SM_CURRENT_INSTANCE_GROUP_HOSTS", R"(["algo-1"])"},
      {"SM_INSTANCE_GROUPS", R"(["homogeneousCluster"])"},
      {"SM_DISTRIBUTION_INSTANCE_GROUPS", R"(["homogeneousCluster"])"},
      {"SM_IS_HETERO", "false"},
      {"SM_MODULE_NAME", "train"},
      {"SM_LOG_LEVEL", "10"},
      {"SM_FRAMEWORK_MODULE", ""},
      {"SM_INPUT_DIR", "/opt/ml/input"},
      {"SM_INPUT_CONFIG_DIR", "/opt/ml/input/config"},
      {"SM_OUTPUT_DIR", "/opt/ml/output"},
      {"SM_NUM_GPUS", "0"},
      {"SM_NUM_NEURONS", "0"},
      {"SM_MODEL_DIR", "/opt/ml/model"},
      {"SM_MODULE_DIR", "s3://b/s.tar.gz"},
      {"SM_USER_ARGS", R"(["--batch-size","32","--name","\u00e9","--nothing","","--shuffle","True"])"},
      {"SM_OUTPUT_INTERMEDIATE_DIR", "/opt/ml/output/intermediate"},
      {"SM_CHANNEL_TRAIN", "/opt/ml/input/data/train"},
      {"SM_CHANNEL_VAL-1", "/opt/ml/input/data/val-1"},
      {"SM_CHANNEL_VAL_1", "/opt/ml/input/data/val-1"},
      {"SM_HP_BATCH-SIZE", "32"},
      {"SM_HP_BATCH_SIZE", "32"},
      {"SM_HP_NAME", "é"},
      {"SM_HP_SHUFFLE", "true"},
      {"SM_HP_NOTHING", ""},
      {"SAGEMAKER_JOB_NAME", "j"},
      {"SAGEMAKER_REGION", "eu-west-1"},
      {"CURRENT_HOST", "algo-1"},
      {"TRAINING_JOB_NAME", "job"},
      {"OWN", "1"},
  };
  for (const auto& [name, value] : rows) EXPECT_EQ(of(given, name), value) << name;
  const Value all = *parse_json(of(given, "SM_TRAINING_ENV"));
  EXPECT_TRUE(all["is_master"].bool_or(false));
  EXPECT_EQ(all["master_hostname"].string_or(), "algo-1");
  EXPECT_EQ(all["job_name"].string_or(), "job");
  EXPECT_EQ(all["channel_input_dirs"]["train"].string_or(), "/opt/ml/input/data/train");
  EXPECT_EQ(all["hyperparameters"]["batch-size"].int_or(0), 32);
}

TEST_F(Toolkit, HasNoGroupsWithoutADistribution) {
  const Environment given = variables(job(R"({"sagemaker_program": "train.py"})"));
  EXPECT_EQ(of(given, "SM_DISTRIBUTION_INSTANCE_GROUPS"), "[]");
  EXPECT_EQ(of(given, "SM_HPS"), "{}");
  EXPECT_EQ(of(given, "SM_LOG_LEVEL"), "20");
  EXPECT_EQ(of(given, "SM_MODULE_DIR"), "/opt/ml/code");
}

}  // namespace
}  // namespace millrace::sagemaker
