#include "sagemaker/algorithms/prediction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "algorithms/recordio.h"
#include "base/json.h"
#include "sagemaker/algorithms/content_type.h"

namespace millrace::sagemaker::built_in {
namespace {

// Two records, each with a list and a number.
Prediction with_lists() {
  return {.list_name = "projections",
          .records = 2,
          .columns = {{.name = "projection", .values = {1, 2, 3, 4}, .width = 2}, {.name = "label", .values = {0, 1}}}};
}

TEST(Prediction, ListsInEveryForm) {
  EXPECT_EQ(write_prediction(kJson, with_lists()),
            "{\"projections\": [{\"projection\": [1.0, 2.0], \"label\": 0.0}, {\"projection\": [3.0, 4.0], \"label\": "
            "1.0}]}");
  EXPECT_EQ(write_prediction(kJsonLines, with_lists()),
            "{\"projection\": [1.0, 2.0], \"label\": 0.0}\n{\"projection\": [3.0, 4.0], \"label\": 1.0}\n");
  EXPECT_EQ(write_prediction(kCsv, with_lists()), "1.0,2.0,0.0\n3.0,4.0,1.0\n");
  const std::string records = write_prediction(kRecordIo, with_lists());
  const auto labels = algorithms::read_labels({reinterpret_cast<const std::uint8_t*>(records.data()), records.size()});
  ASSERT_TRUE(labels);
  EXPECT_EQ((*labels)[1],
            (std::vector<std::pair<std::string, std::vector<float>>>{{"projection", {3, 4}}, {"label", {1}}}));
}

TEST(Prediction, OneRecordsAnswer) {
  EXPECT_EQ(answer_of(with_lists(), 1)["projection"].items()[0].as_double(), 3);
  EXPECT_THAT(cells_of(with_lists(), 1), testing::ElementsAre("3.0", "4.0", "1.0"));
  Prediction one = with_lists();
  one.columns[1].list = true;
  EXPECT_EQ(answer_of(one, 0)["label"].items()[0].as_double(), 0);
}

TEST(Accept, TheFirstThatCanBeWritten) {
  constexpr std::string_view kTypes[] = {kJson, kJsonLines, kCsv, kRecordIo};
  const auto chosen = [&](std::string_view accept) {
    return std::string(choose_response_type(accept, kJson, kTypes).value_or("none"));
  };
  EXPECT_EQ(chosen(""), kJson);
  EXPECT_EQ(chosen("*/*"), kJson);
  EXPECT_EQ(chosen("text/csv"), kCsv);
  EXPECT_EQ(chosen("image/png, application/jsonlines;q=0.5"), kJsonLines);
  EXPECT_EQ(chosen("application/x-recordio-protobuf"), kRecordIo);
  EXPECT_EQ(chosen("image/png"), "none");
}

}  // namespace
}  // namespace millrace::sagemaker::built_in
