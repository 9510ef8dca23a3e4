// Every algorithm's tables make sense, and images find their algorithm.

#include "sagemaker/algorithms/registry.h"

#include <gtest/gtest.h>

#include <set>

namespace millrace::sagemaker::built_in {
namespace {

std::string algorithm_named(std::string_view image) {
  const Algorithm* algorithm = algorithm_of_image(image);
  return algorithm == nullptr ? "" : std::string(algorithm->info().name);
}

TEST(Images, AreOfTheAlgorithmWhoseRepositoryTheyAre) {
  EXPECT_EQ(algorithm_named("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"), "kmeans");
  EXPECT_EQ(algorithm_named("387376663083.dkr.ecr.cn-northwest-1.amazonaws.com.cn/kmeans:latest"), "kmeans");
  EXPECT_EQ(algorithm_named("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans"), "kmeans");
  EXPECT_EQ(algorithm_named("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans@sha256:00"), "kmeans");
  EXPECT_EQ(algorithm_named("123456789012.dkr.ecr.xx-new-1.amazonaws.com/kmeans:1"), "kmeans");  // a region AWS opened
  EXPECT_EQ(algorithm_named("382416733822.dkr.ecr.us-east-1.amazonaws.com/another:1"), "");
  EXPECT_EQ(algorithm_named("382416733822.dkr.ecr.us-east-1.amazonaws.com/team/kmeans:1"), "");
  EXPECT_EQ(algorithm_named("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:mine"), "");
  EXPECT_EQ(algorithm_named("123456789012.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"), "");  // a customer's own
  EXPECT_EQ(algorithm_named("docker.io/kmeans:1"), "");
  EXPECT_EQ(algorithm_named("kmeans"), "");
  EXPECT_EQ(algorithm_named(""), "");
}

class AlgorithmTest : public testing::TestWithParam<const Algorithm*> {
 protected:
  const AlgorithmInfo& info() const { return GetParam()->info(); }
};

TEST_P(AlgorithmTest, ItsHyperparametersTakeTheirDefaults) {
  std::set<std::string_view> names;
  for (const Hyperparameter& row : info().hyperparameters.rows) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    if (!row.fallback.empty()) EXPECT_TRUE(check_hyperparameter(row, row.fallback)) << row.name;
    EXPECT_LE(row.least, row.most) << row.name;
    const bool chosen = row.type == Hyperparameter::Type::choice || row.type == Hyperparameter::Type::list;
    EXPECT_EQ(chosen, !row.choices.empty()) << row.name;
  }
  for (const std::string_view name : info().hyperparameters.required) {
    ASSERT_NE(info().hyperparameters.find(name), nullptr) << name;
    EXPECT_TRUE(info().hyperparameters.find(name)->fallback.empty()) << name;
  }
  // The tuner sets it in each of its training jobs.
  EXPECT_NE(info().hyperparameters.find("_tuning_objective_metric"), nullptr);
}

TEST_P(AlgorithmTest, ItsTablesAreFilledIn) {
  EXPECT_EQ(find_algorithm(info().name), GetParam());
  EXPECT_FALSE(info().title.empty() || info().images.repositories.empty() || info().images.tags.empty());
  EXPECT_FALSE(info().channels.empty() || info().input_modes.empty());
  EXPECT_FALSE(info().request_types.empty() || info().response_types.empty() || info().metrics.empty());
  std::set<std::string_view> metrics;
  for (const Metric& metric : info().metrics) EXPECT_TRUE(metrics.insert(metric.name).second) << metric.name;
}

INSTANTIATE_TEST_SUITE_P(All, AlgorithmTest, testing::ValuesIn(all_algorithms().begin(), all_algorithms().end()),
                         [](const auto& info) { return std::string(info.param->info().name); });

TEST(Registry, SaysWhatThereIs) {
  EXPECT_EQ(find_algorithm("none"), nullptr);
  EXPECT_EQ(require_algorithm("none").error().message,
            "there is no built-in algorithm 'none' here; there is " + names_of_all());
}

}  // namespace
}  // namespace millrace::sagemaker::built_in
