#include <re2/re2.h>

#include "algorithms/team.h"
#include "sagemaker/worker/worker_fixture.h"

namespace millrace::sagemaker::worker {
namespace {

class TrainTest : public WorkerTest {};

TEST_F(TrainTest, FromRecordsToAModelWithItsMetrics) {
  configure(hyperparameters().set("eval_metrics", "[\"msd\",\"ssd\"]"), channels());
  put(ml() / "input/data/train/part-1", as_records(rows(300, 1)));
  put(ml() / "input/data/train/deeper/part-2", as_records(rows(200, 2)));
  put(ml() / "input/data/test/all", as_records(rows(100, 3)));
  const Ran ran = train();
  ASSERT_EQ(ran.code, 0) << ran.log;
  EXPECT_EQ(ran.failure, "");

  // SageMaker's own metric definitions for kmeans.
  double train_msd = 0, epoch_msd = 0, test_msd = 0, test_ssd = 0, throughput = 0, progress = 0;
  EXPECT_TRUE(RE2::PartialMatch(ran.log, R"(#quality_metric: host=\S+, train msd <loss>=(\S+))", &train_msd));
  EXPECT_TRUE(RE2::PartialMatch(ran.log, R"(#quality_metric: host=\S+, epoch=0, train msd <loss>=(\S+))", &epoch_msd));
  EXPECT_TRUE(RE2::PartialMatch(ran.log, R"(#quality_metric: host=\S+, test msd <loss>=(\S+))", &test_msd));
  EXPECT_TRUE(RE2::PartialMatch(ran.log, R"(#quality_metric: host=\S+, test ssd <loss>=(\S+))", &test_ssd));
  EXPECT_TRUE(RE2::PartialMatch(ran.log, R"(#throughput_metric: host=\S+, train throughput=(\S+) records/second)",
                                &throughput));
  EXPECT_TRUE(RE2::PartialMatch(ran.log, R"(#progress_metric: host=\S+, completed (\S+) %)", &progress));
  EXPECT_NE(ran.log.find("processed a total of 500 examples"), std::string::npos) << ran.log;
  EXPECT_NEAR(train_msd, 0.01 * kDim, 0.01);
  EXPECT_NEAR(test_msd, 0.01 * kDim, 0.01);
  EXPECT_NEAR(test_ssd, 100 * test_msd, 1e-6);
  EXPECT_GT(throughput, 0);
  EXPECT_EQ(progress, 100);

  const auto model = built_in::kmeans::load_model(ml() / "model");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->k, 3u);
  EXPECT_EQ(model->dim, kDim);
}

TEST_F(TrainTest, OnlyTheMetricsAskedFor) {
  configure(hyperparameters(), channels());
  put(ml() / "input/data/train/a", as_records(rows(60, 1)));
  put(ml() / "input/data/test/a", as_records(rows(60, 2)));
  const Ran ran = train();
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.log.find("test msd"), std::string::npos);
  EXPECT_EQ(ran.log.find("test ssd"), std::string::npos);
}

TEST_F(TrainTest, CsvWithAndWithoutLabels) {
  const auto data = rows(90, 1);
  configure(hyperparameters(), channels("text/csv;label_size=0"));
  put(ml() / "input/data/train/a.csv", as_csv(data));
  put(ml() / "input/data/test/a.csv", as_csv(data));
  const Ran without = train();
  ASSERT_EQ(without.code, 0) << without.log;
  const std::string model = get(ml() / "model/model_algo-1");

  std::string labelled;
  for (const auto& row : data) labelled += "7," + as_csv({row});
  configure(hyperparameters(), channels("text/csv"));
  for (const char* channel : {"train", "test"}) put(ml() / "input/data" / channel / "a.csv", labelled);
  const Ran with = train();
  ASSERT_EQ(with.code, 0) << with.log;
  EXPECT_EQ(get(ml() / "model/model_algo-1"), model);
}

TEST_F(TrainTest, TheSameJobGivesTheSameModel) {
  configure(hyperparameters(), channels());
  put(ml() / "input/data/train/a", as_records(rows(500, 1)));
  put(ml() / "input/data/test/a", as_records(rows(50, 2)));
  ASSERT_EQ(train().code, 0);
  const std::string model = get(ml() / "model/model_algo-1");
  ASSERT_EQ(train().code, 0);
  EXPECT_EQ(get(ml() / "model/model_algo-1"), model);
}

TEST_F(TrainTest, NamesWhatIsWrongWithTheHyperparameters) {
  put(ml() / "input/data/train/a", as_records(rows(60, 1)));
  const auto failure_of = [&](Value given) {
    configure(given, channels());
    const Ran ran = train();
    EXPECT_EQ(ran.code, 1) << ran.log;
    EXPECT_NE(ran.log.find("Customer Error: " + ran.failure), std::string::npos);
    return ran.failure;
  };
  EXPECT_EQ(failure_of(Value::object()),
            "No value(s) were specified for 'k', 'feature_dim' which are required hyperparameter(s) (caused by "
            "ValidationError)");
  EXPECT_EQ(failure_of(Value::object({{"k", "3"}})),
            "No value(s) were specified for 'feature_dim' which are required hyperparameter(s) (caused by "
            "ValidationError)");
  EXPECT_EQ(failure_of(hyperparameters().set("kk", "1")),
            "Additional hyperparameters are not allowed ('kk' was unexpected) (caused by ValidationError)");
  EXPECT_EQ(failure_of(hyperparameters().set("k", "0")),
            "The value '0' is not valid for the 'k' hyperparameter which expects one of the following: a string which "
            "matches the pattern '^([1-9][0-9]*)$'; or an integer greater than 0 (caused by ValidationError)");
  EXPECT_EQ(
      failure_of(hyperparameters().set("extra_center_factor", "many")),
      "The value 'many' is not valid for the 'extra_center_factor' hyperparameter which expects one of the "
      "following: a string which matches the pattern '^(auto|[1-9][0-9]*)$'; or an integer greater than 0 (caused "
      "by ValidationError)");
  EXPECT_EQ(failure_of(hyperparameters().set("init_method", "kmeans")),
            "The value 'kmeans' is not valid for the 'init_method' hyperparameter which accepts one of the following: "
            "'random', 'kmeans++' (caused by ValidationError)");
  EXPECT_EQ(
      failure_of(hyperparameters().set("local_lloyd_tol", "2")),
      "The value '2' is not valid for the 'local_lloyd_tol' hyperparameter which expects a number between 0 and 1 "
      "(caused by ValidationError)");
  EXPECT_EQ(failure_of(hyperparameters().set("eval_metrics", "msd")),
            "Hyperparameter must be valid json, but found eval_metrics: msd (caused by ValueError)");
  EXPECT_EQ(failure_of(hyperparameters().set("k", Value(3))),
            "Hyperparameter k must be a string (caused by ValidationError)");
  EXPECT_EQ(failure_of(hyperparameters().set("k", "61")), "there are 60 training records, fewer than k = 61");
}

TEST_F(TrainTest, NamesWhatIsWrongWithTheData) {
  const auto failure_of = [&](const Value& config, const std::string& content) {
    configure(hyperparameters(), config);
    put(ml() / "input/data/train/part", content);
    put(ml() / "input/data/test/part", content);
    const Ran ran = train();
    EXPECT_EQ(ran.code, 1) << ran.log;
    return ran.failure;
  };
  EXPECT_EQ(failure_of(channels(), as_csv(rows(3, 1))),
            "Unable to read data channel 'train', file 'part': record 1 (byte 0): this is not RecordIO: a record must "
            "start with the magic number 0xced7230a");
  EXPECT_EQ(failure_of(channels(), as_records({{1, 2, 3}})),
            "Unable to read data channel 'train', file 'part': record 1 (byte 0): it has 3 features where 5 are "
            "expected");
  EXPECT_EQ(failure_of(channels(), ""), "Channel 'train' holds no records");
  EXPECT_EQ(failure_of(channels("text/csv"), as_csv(rows(3, 1))),
            "Unable to read data channel 'train', file 'part': the rows have 5 columns where feature_dim = 5 and one "
            "label are expected; for data without labels, set the channel's ContentType to 'text/csv;label_size=0'");
  EXPECT_EQ(failure_of(channels("text/csv;label_size=0"), "1,2,3,4,5\n1,2,x,4,5\n"),
            "Unable to read data channel 'train', file 'part': line 2, column 3: \"x\" is not a finite number");
  EXPECT_EQ(failure_of(channels("image/png"), "x"),
            "Content type 'image/png' of channel 'train' is not supported; use 'application/x-recordio-protobuf' or "
            "'text/csv'");
  EXPECT_EQ(failure_of(Value::object({{"test", Value::object()}}), "x"),
            "The required channel 'train' is missing (caused by ValidationError)");
  EXPECT_EQ(failure_of(channels().set("validation", Value::object()), "x"),
            "Additional channels are not allowed ('validation' was unexpected); K-Means reads 'train' and 'test' "
            "(caused by ValidationError)");
  const float nan = std::nanf("");
  EXPECT_EQ(failure_of(channels(), as_records({{1, 2, 3, 4, 5}, {1, 2, nan, 4, 5}})),
            "Unable to read data channel 'train': row 1 of the data holds a value that is not a finite number");
  Value pipe = channels();
  pipe.child("train").set("TrainingInputMode", "Pipe");
  EXPECT_EQ(failure_of(pipe, "x"), "Input mode 'Pipe' of channel 'train' is not supported; use File or FastFile");
}

TEST_F(TrainTest, AnotherAlgorithm) {
  configure(hyperparameters(), channels());
  const Ran ran = train("pca");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.failure, "there is no built-in algorithm 'pca' here; there is kmeans");
}

TEST_F(TrainTest, CsvLinesAreCountedAcrossPieces) {
  configure(hyperparameters(), channels("text/csv;label_size=0"));
  std::string text;
  std::size_t lines = 0;
  while (text.size() < 3'000'000) {
    text += "1,2,3,4,5.25\n";
    ++lines;
  }
  put(ml() / "input/data/train/a", text + "1,2,3,4,oops\n");
  const Ran ran = train();
  EXPECT_EQ(ran.failure, "Unable to read data channel 'train', file 'a': line " + std::to_string(lines + 1) +
                             ", column 5: \"oops\" is not a finite number");
}

TEST_F(TrainTest, ModelsOfEarlierReleasesAreRead) {
  std::string text("\x93NUMPY\x01\x00", 8);
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n";
  text += static_cast<char>(header.size());
  text += '\0';
  text += header;
  const float centre[] = {1.5f, -2};
  text.append(reinterpret_cast<const char*>(centre), sizeof centre);
  put(ml() / "model/model_algo-1", text);
  const auto loaded = built_in::kmeans::load_model(ml() / "model");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->centres, std::vector<float>({1.5f, -2}));
}

TEST_F(TrainTest, ModelFilesComeBackAndBadOnesAreRefused) {
  ASSERT_TRUE(built_in::kmeans::save_model(model(), ml() / "model"));
  const auto loaded = built_in::kmeans::load_model(ml() / "model");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->centres, model().centres);
  const std::string good = get(ml() / "model/model_algo-1");
  EXPECT_EQ(good.size() % 4, 0u);
  for (std::size_t length = 0; length < good.size(); length += 3) {
    put(ml() / "model/model_algo-1", good.substr(0, length));
    EXPECT_FALSE(built_in::kmeans::load_model(ml() / "model"));
  }
  EXPECT_EQ(built_in::kmeans::load_model(root() / "nothing").error().message,
            "The model archive holds no file model_algo-1");
}

}  // namespace
}  // namespace millrace::sagemaker::worker
