#pragma once
// For tests: a job's directory with small data, and the roles run in it.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "algorithms/kmeans.h"
#include "algorithms/random.h"
#include "algorithms/recordio.h"
#include "base/file.h"
#include "base/json.h"
#include "base/value.h"
#include "sagemaker/algorithms/kmeans/model_file.h"
#include "sagemaker/worker/worker.h"

namespace millrace::sagemaker::worker {

class WorkerTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kDim = 5;

  void SetUp() override {
    auto directory = TempDir::make("millrace-worker");
    ASSERT_TRUE(directory) << directory.error().message;
    directory_.emplace(std::move(*directory));
    for (const char* part : {"input/config", "input/data/train", "input/data/test", "model", "output"}) {
      ASSERT_TRUE(make_directories(ml() / part));
    }
  }

  std::filesystem::path root() const { return directory_->path(); }
  std::filesystem::path ml() const { return root() / "ml"; }

  // Rows around three points, 0.1 apart from them: clusters that nothing can miss.
  static std::vector<std::vector<float>> rows(std::size_t count, std::uint64_t seed) {
    algorithms::Random random(seed);
    std::vector<std::vector<float>> out;
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<float> row(kDim);
      for (float& value : row) value = static_cast<float>(10.0 * static_cast<double>(i % 3) + 0.1 * random.normal());
      out.push_back(std::move(row));
    }
    return out;
  }
  static std::string as_records(const std::vector<std::vector<float>>& rows) {
    std::string out;
    for (const auto& row : rows) algorithms::write_record(out, row);
    return out;
  }
  static std::string as_csv(const std::vector<std::vector<float>>& rows) {
    std::string out;
    for (const auto& row : rows) {
      for (std::size_t d = 0; d < row.size(); ++d) out += (d == 0 ? "" : ",") + std::to_string(row[d]);
      out += '\n';
    }
    return out;
  }

  static void put(const std::filesystem::path& path, std::string_view content) {
    ASSERT_TRUE(make_directories(path.parent_path()));
    ASSERT_TRUE(write_file(path, content));
  }
  static std::string get(const std::filesystem::path& path) { return read_file(path).value_or(""); }

  void configure(const Value& hyperparameters, const Value& channels) const {
    put(ml() / "input/config/hyperparameters.json", to_json(hyperparameters));
    put(ml() / "input/config/inputdataconfig.json", to_json(channels));
  }
  static Value hyperparameters() { return Value::object({{"k", "3"}, {"feature_dim", std::to_string(kDim)}}); }
  static Value channels(std::string_view content_type = {}) {
    Value channel = Value::object({{"TrainingInputMode", "File"}, {"S3DistributionType", "FullyReplicated"}});
    if (!content_type.empty()) channel.set("ContentType", content_type);
    return Value::object({{"train", channel}, {"test", channel}});
  }

  struct Ran {
    int code = -1;
    std::string log;
    std::string failure;
  };
  Ran train(const std::string& algorithm = "kmeans") const {
    ::testing::internal::CaptureStdout();
    Ran ran;
    ran.code = train_main({ml().string(), algorithm});
    ran.log = ::testing::internal::GetCapturedStdout();
    ran.failure = get(ml() / "output/failure");
    return ran;
  }

  // Three centres at 0, 10 and 20 in every coordinate.
  static algorithms::KMeansModel model() {
    algorithms::KMeansModel model{3, kDim, {}};
    for (const float at : {0.0f, 10.0f, 20.0f}) model.centres.insert(model.centres.end(), kDim, at);
    return model;
  }

 private:
  std::optional<TempDir> directory_;
};

}  // namespace millrace::sagemaker::worker
