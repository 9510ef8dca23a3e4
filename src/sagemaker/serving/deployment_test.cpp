#include "sagemaker/serving/deployment.h"

#include <gtest/gtest.h>

namespace millrace::sagemaker {
namespace {

TEST(ChooseVariant, ByWeight) {
  struct Case {
    std::vector<double> weights;
    double u;
    int chosen;
  };
  for (const auto& c : {Case{{1}, 0.99, 0}, Case{{1, 3}, 0.24, 0}, Case{{1, 3}, 0.26, 1}, Case{{0, 1}, 0, 1},
                        Case{{1, 0}, 0.999, 0}, Case{{0, 0}, 0.5, -1}, Case{{}, 0.5, -1}}) {
    EXPECT_EQ(choose_variant(c.weights, c.u), c.chosen);
  }
}

TEST(Deployment, IsKeptInTheRow) {
  Resource endpoint;
  endpoint.kind = Kind::endpoint;
  endpoint.name = "My-Endpoint";
  endpoint.created = from_epoch_ms(1'234);
  const Value config = Value::object(
      {{"EndpointConfigName", "cfg"},
       {"ProductionVariants", Value::array({Value::object({{"VariantName", "a"}, {"InitialVariantWeight", 0.5}}),
                                            Value::object({{"VariantName", "b"},
                                                           {"InitialInstanceCount", 2},
                                                           {"ContainerStartupHealthCheckTimeoutInSeconds", 60}})})}});
  put_deployment(endpoint, make_deployment(3, config, {Value::object({{"ModelName", "m"}}), Value::object()}));
  const auto kept = deployments_of(endpoint);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].number, 3);
  EXPECT_EQ(kept[0].config, "cfg");
  ASSERT_EQ(kept[0].variants.size(), 2u);
  EXPECT_EQ(kept[0].variants[0].weight, 0.5);
  EXPECT_EQ(kept[0].variants[1].instances, 2);
  EXPECT_EQ(kept[0].variants[1].start_limit, Millis(60'000));
  EXPECT_EQ(kept[0].variants[0].model["ModelName"].as_string(), "m");

  const std::string key = server_key(endpoint, kept[0], kept[0].variants[0]);
  EXPECT_EQ(key, "sagemaker/endpoint/my-endpoint/1234/3/a/1");
  EXPECT_EQ(endpoint_of_key(key), "my-endpoint");
  EXPECT_EQ(endpoint_of_key("sagemaker/training-job/x/1"), "");
  erase_deployment(endpoint, 3);
  EXPECT_TRUE(deployments_of(endpoint).empty());
}

TEST(Deployment, AModelOfSeveralContainersHasAServerForEach) {
  Resource endpoint;
  endpoint.name = "e";
  endpoint.created = from_epoch_ms(1);
  const Value config = Value::object({{"ProductionVariants", Value::array({Value::object({{"VariantName", "a"}})})}});
  const Value model =
      Value::object({{"Containers", Value::array({Value::object({{"Image", "x"}}), Value::object({{"Image", "y"}})})}});
  put_deployment(endpoint, make_deployment(1, config, {model}));
  const auto kept = deployments_of(endpoint).at(0);
  ASSERT_EQ(kept.variants.size(), 2u);
  EXPECT_EQ(server_key(endpoint, kept, kept.variants[0]), "sagemaker/endpoint/e/1/1/a/1");
  EXPECT_EQ(server_key(endpoint, kept, kept.variants[1]), "sagemaker/endpoint/e/1/1/a.1/1");
  const Value shown = variants_summary(kept, Time());
  ASSERT_EQ(shown.size(), 1u) << "callers see one variant";
  EXPECT_EQ(shown.as_array()[0]["DeployedImages"].size(), 2u);
}

TEST(Deployment, RetainsWeightsAndCountsOfVariantsThatStay) {
  const auto variant = [](const char* name, double weight, int count) {
    return Value::object({{"VariantName", name}, {"InitialVariantWeight", weight}, {"InitialInstanceCount", count}});
  };
  const auto deployment = [](Value::Array variants) {
    const std::vector<Value> models(variants.size(), Value::object());
    return make_deployment(1, Value::object({{"ProductionVariants", Value(std::move(variants))}}), models);
  };
  const Deployment serving = deployment({variant("a", 5, 3), variant("gone", 7, 7)});
  const auto retained = [&](Value::Array excluded) {
    Deployment next = deployment({variant("a", 1, 1), variant("new", 2, 2)});
    Value list = Value::array();
    for (auto& type : excluded) list.push(Value::object({{"VariantPropertyType", type}}));
    retain_properties(next, serving, list);
    EXPECT_EQ(next.variants[1].weight, 2);
    EXPECT_EQ(next.variants[1].instances, 2);
    return std::pair(next.variants[0].weight, next.variants[0].instances);
  };
  EXPECT_EQ(retained({}), std::pair(5.0, std::int64_t{3}));
  EXPECT_EQ(retained({"DesiredWeight"}), std::pair(1.0, std::int64_t{3}));
  EXPECT_EQ(retained({"DesiredInstanceCount", "DataCaptureConfig"}), std::pair(5.0, std::int64_t{1}));
}

TEST(Deployment, AServerlessVariantHasNoInstances) {
  const Value serverless = Value::object({{"MemorySizeInMB", 2048}, {"MaxConcurrency", 3}});
  const Value config =
      Value::object({{"ProductionVariants",
                      Value::array({Value::object({{"VariantName", "a"}, {"ServerlessConfig", serverless}})})}});
  Resource endpoint;
  put_deployment(endpoint, make_deployment(1, config, {Value::object()}));
  const Value shown = variants_summary(deployments_of(endpoint).at(0), Time()).as_array()[0];
  EXPECT_EQ(shown["CurrentServerlessConfig"], serverless);
  EXPECT_EQ(shown["DesiredServerlessConfig"], serverless);
  EXPECT_FALSE(shown.has("CurrentInstanceCount"));
}

TEST(Deployment, RestartsWaitLongerEachTime) {
  EXPECT_EQ(restart_delay(1).count(), 50);
  EXPECT_EQ(restart_delay(2).count(), 100);
  EXPECT_EQ(restart_delay(100).count(), 10'000);
}

}  // namespace
}  // namespace millrace::sagemaker
