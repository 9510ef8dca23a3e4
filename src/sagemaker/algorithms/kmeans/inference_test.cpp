// A model that is loaded, asked in every documented form, and its answers in every documented form.

#include <gtest/gtest.h>

#include <cmath>

#include "algorithms/recordio.h"
#include "base/file.h"
#include "sagemaker/algorithms/content_type.h"
#include "sagemaker/algorithms/kmeans/model_file.h"
#include "sagemaker/algorithms/registry.h"

namespace millrace::sagemaker::built_in::kmeans {
namespace {

class InferenceTest : public testing::Test {
 protected:
  void SetUp() override {
    // Three centres at 0, 10 and 20 in every coordinate.
    algorithms::KMeansModel centres{3, 5, {}};
    for (const float at : {0.0f, 10.0f, 20.0f}) centres.centres.insert(centres.centres.end(), 5, at);
    ASSERT_TRUE(save_model(centres, directory_.path()));
    auto loaded = find_algorithm("kmeans")->load(directory_.path());
    ASSERT_TRUE(loaded);
    inference_ = std::move(*loaded);
  }
  static std::string as_records(const std::vector<std::vector<float>>& rows) {
    std::string out;
    for (const auto& row : rows) algorithms::write_record(out, row);
    return out;
  }
  // Which clusters, or the error's sentence.
  std::string closest(std::string_view type, std::string_view body) const {
    const auto prediction = inference_->predict(type, body);
    if (!prediction) return prediction.error().message;
    std::string out;
    for (const float cluster : prediction->columns[0].values) out += std::to_string(static_cast<int>(cluster));
    return out;
  }
  TempDir directory_ = std::move(*TempDir::make());
  std::unique_ptr<Model> inference_;
};

TEST_F(InferenceTest, ReadsEveryDocumentedForm) {
  EXPECT_EQ(closest("text/csv", "0,0,0,0,1\n19,20,21,20,20"), "02");
  EXPECT_EQ(closest("Text/CSV; charset=utf-8", "9,9,9,9,9\r\n"), "1");
  EXPECT_EQ(closest(kJson, R"({"instances": [{"features": [0,0,0,0,0]}, {"features": [11,11,11,11.5,1e1]}]})"), "01");
  EXPECT_EQ(closest(kJson, R"({"instances": [{"data": {"features": {"values": [20,20,20,20,20]}}}]})"), "2");
  EXPECT_EQ(
      closest(kJson, R"({"instances": [{"data": {"features": {"keys": [], "shape": [], "values": [9,9,9,9,9]}}}]})"),
      "1");
  EXPECT_EQ(
      closest(kJson, R"({"instances": [{"data": {"features": {"keys": [0,4], "shape": [5], "values": [25,25]}}}]})"),
      "1");
  EXPECT_EQ(closest(kJson, R"({"instances": [{"data": {"anything": [20,20,20,20,20]}}]})"), "2");
  EXPECT_EQ(closest(kJsonLines,
                    "{\"features\": [0,0,0,0,0]}\n\n{\"data\": {\"features\": {\"values\": [20,20,20,20,20]}}}\n"),
            "02");
  EXPECT_EQ(closest(kRecordIo, as_records({{20, 20, 20, 20, 20}, {0, 0, 0, 0, 0}})), "20");
}

TEST_F(InferenceTest, SaysWhatIsWrong) {
  EXPECT_EQ(closest("text/csv", "1,2,3"), "Record 1 has 3 features, but the model expects 5");
  EXPECT_EQ(closest("text/csv", ""), "The request holds no records");
  EXPECT_EQ(closest("text/csv", "1,2,3,4,a"),
            "The request body is not valid CSV: line 1, column 5: \"a\" is not a finite number");
  EXPECT_EQ(closest(kJson, R"({"instances": [{"features": [0,0,0,0,0]}, {"features": [1]}]})"),
            "Record 2 has 1 features, but the model expects 5");
  EXPECT_EQ(closest(kJson, R"({"instances": [{"features": [0,0,0,0,0,0]}]})"),
            "Record 1 has 6 features, but the model expects 5");
  EXPECT_EQ(closest(kJson, R"({"instances": [{"features": [0,0,0,"x",0]}]})"), "Record 1 holds what is not a number");
  EXPECT_EQ(closest(kJson, R"({"instances": [{"features": [0,0,0,1e300,0]}]})"),
            "Record 1 holds a number out of range");
  EXPECT_EQ(closest(kJson, R"({"instances": [{"keys": [1]}]})").find("Record 1 has no features"), 0u);
  EXPECT_EQ(closest(kJson, R"({"instances": [{"features": {"keys": [7], "values": [1]}}]})"),
            "Record 1: each of its keys must be a place below 5 and have one value");
  EXPECT_EQ(closest(kJson, "[1,2,3,4,5]"), "The request body must be a JSON object with a list named \"instances\"");
  EXPECT_EQ(closest(kJson, "{").find("The request body is not valid JSON: "), 0u);
  EXPECT_EQ(closest(kJsonLines, "{\"features\": [0,0,0,0,0]}\nnonsense").find("Line 2 is not valid JSON: "), 0u);
  EXPECT_EQ(closest(kRecordIo, "abc").find("The request body is not valid RecordIO-protobuf: "), 0u);
  EXPECT_EQ(closest("image/png", "x"),
            "Content type 'image/png' is not supported; use text/csv, application/json, application/jsonlines or "
            "application/x-recordio-protobuf");
  const std::string nan = as_records({{1, 2, 3, 4, std::nanf("")}});
  EXPECT_EQ(closest(kRecordIo, nan), "The request holds a value that is not a finite number");
}

TEST_F(InferenceTest, WritesEveryDocumentedForm) {
  const Prediction prediction{.records = 2,
                              .columns = {{.name = "closest_cluster", .values = {1, 0}},
                                          {.name = "distance_to_cluster", .values = {3, 6.25f}}}};
  EXPECT_EQ(write_prediction(kJson, prediction),
            "{\"predictions\": [{\"closest_cluster\": 1.0, \"distance_to_cluster\": 3.0}, "
            "{\"closest_cluster\": 0.0, \"distance_to_cluster\": 6.25}]}");
  EXPECT_EQ(write_prediction(kJsonLines, prediction),
            "{\"closest_cluster\": 1.0, \"distance_to_cluster\": 3.0}\n"
            "{\"closest_cluster\": 0.0, \"distance_to_cluster\": 6.25}\n");
  EXPECT_EQ(write_prediction(kCsv, prediction), "1.0,3.0\n0.0,6.25\n");
  const std::string records = write_prediction(kRecordIo, prediction);
  const auto labels = algorithms::read_labels({reinterpret_cast<const std::uint8_t*>(records.data()), records.size()});
  ASSERT_TRUE(labels);
  ASSERT_EQ(labels->size(), 2u);
  EXPECT_EQ((*labels)[1], (std::vector<std::pair<std::string, std::vector<float>>>{{"closest_cluster", {0}},
                                                                                   {"distance_to_cluster", {6.25f}}}));
}

TEST_F(InferenceTest, DistanceIsNotSquared) {
  const auto prediction = inference_->predict(kCsv, "10,10,10,13,14");
  ASSERT_TRUE(prediction);
  EXPECT_FLOAT_EQ(prediction->columns[1].values[0], 5);
}

}  // namespace
}  // namespace millrace::sagemaker::built_in::kmeans
