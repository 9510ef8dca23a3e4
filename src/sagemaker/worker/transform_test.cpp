#include "base/strings.h"
#include "sagemaker/worker/json_path.h"
#include "sagemaker/worker/worker_fixture.h"

namespace millrace::sagemaker::worker {
namespace {

class TransformTest : public WorkerTest {
 protected:
  void SetUp() override {
    WorkerTest::SetUp();
    ASSERT_TRUE(built_in::kmeans::save_model(model(), ml() / "model"));
  }
  Value spec(std::string_view content_type = "text/csv") const {
    const Value input =
        Value::object({{"source", (root() / "in/data").string()}, {"target", (root() / "out/data.out").string()}});
    return Value::object({{"model_directory", (ml() / "model").string()},
                          {"algorithm", "kmeans"},
                          {"content_type", content_type},
                          {"split_type", "Line"},
                          {"inputs", Value::Array{input}}});
  }
  // The output file, or the failure.
  std::string run(const Value& spec, std::string_view input) {
    put(root() / "in/data", input);
    put(root() / "transform.json", to_json(spec));
    ::testing::internal::CaptureStdout();
    code_ = transform_main({root().string()});
    log_ = ::testing::internal::GetCapturedStdout();
    return code_ == 0 ? get(root() / "out/data.out") : get(root() / "output/failure");
  }
  int code_ = -1;
  std::string log_;
};

constexpr const char* kZero = "{\"closest_cluster\": 0.0, \"distance_to_cluster\": 0.0}\n";
constexpr const char* kTwo = "{\"closest_cluster\": 2.0, \"distance_to_cluster\": 0.0}\n";

TEST_F(TransformTest, LinesInJsonLinesOut) {
  const std::string csv = "0,0,0,0,0\n\n20,20,20,20,20";
  for (const char* strategy : {"MultiRecord", "SingleRecord"}) {
    for (const char* assemble : {"None", "Line"}) {
      EXPECT_EQ(run(spec().set("batch_strategy", strategy).set("assemble_with", assemble), csv),
                std::string(kZero) + kTwo);
    }
  }
  EXPECT_EQ(run(spec().set("accept", "text/csv"), csv), "0.0,0.0\n2.0,0.0\n");
  EXPECT_EQ(
      run(spec().set("accept", "application/json").set("batch_strategy", "SingleRecord").set("assemble_with", "Line"),
          csv),
      "{\"predictions\": [{\"closest_cluster\": 0.0, \"distance_to_cluster\": 0.0}]}\n"
      "{\"predictions\": [{\"closest_cluster\": 2.0, \"distance_to_cluster\": 0.0}]}\n");
  EXPECT_EQ(run(spec(), ""), "");
}

TEST_F(TransformTest, ManyPayloadsStayInOrder) {
  std::string csv, expected;
  for (int i = 0; csv.size() < (5u << 20); ++i) {
    const std::string number = std::to_string(i % 3 * 10);
    csv += number + "," + number + "," + number + "," + number + "," + number + "\n";
    expected += std::to_string(i % 3) + ".0,0.0\n";
  }
  EXPECT_EQ(run(spec().set("accept", "text/csv").set("max_payload_mb", 1), csv), expected);
  std::string records;
  for (int i = 0; i < 50'000; ++i)
    algorithms::write_record(records, std::vector<float>(kDim, static_cast<float>(i % 3 * 10)));
  const std::string out =
      run(spec("application/x-recordio-protobuf").set("split_type", "RecordIO").set("max_payload_mb", 1), records);
  EXPECT_EQ(code_, 0) << out;
  EXPECT_EQ(split(out, '\n').size(), 50'001u);
  EXPECT_EQ(out.substr(0, std::string_view(kZero).size()), kZero);
}

TEST_F(TransformTest, WholeFiles) {
  EXPECT_EQ(run(spec().set("split_type", "None"), "0,0,0,0,0\n20,20,20,20,20\n"), std::string(kZero) + kTwo);
  EXPECT_EQ(run(spec("application/json").set("split_type", "None"), R"({"instances":[{"features":[0,0,0,0,0]}]})"),
            "{\"predictions\": [{\"closest_cluster\": 0.0, \"distance_to_cluster\": 0.0}]}");
  EXPECT_EQ(run(spec("application/jsonlines"), "{\"features\":[0,0,0,0,0]}\n{\"features\":[20,20,20,20,20]}\n"),
            std::string(kZero) + kTwo);
}

TEST_F(TransformTest, FiltersAndJoinsCsv) {
  const std::string csv = "id-1,0,0,0,0,0\n\"id,2\",20,20,20,20,20\n";
  const Value filtered = spec().set("accept", "text/csv").set("input_filter", "$[1:]");
  EXPECT_EQ(run(filtered, csv), "0.0,0.0\n2.0,0.0\n");
  Value joined = filtered;
  joined.set("join_source", "Input");
  EXPECT_EQ(run(joined, csv), "id-1,0,0,0,0,0,0.0,0.0\n\"id,2\",20,20,20,20,20,2.0,0.0\n");
  EXPECT_EQ(run(joined.set("output_filter", "$[0,-2]"), csv), "id-1,0.0\n\"id,2\",2.0\n");
  EXPECT_EQ(run(joined.set("output_filter", "$[9]"), csv),
            "Bad input file 'data': The JSONPath '$[9]' cannot be used: place 9 lies outside the 8 columns");
}

TEST_F(TransformTest, FiltersAndJoinsJson) {
  const std::string lines = "{\"id\": 7, \"features\": [0,0,0,0,0]}\n{\"id\": 8, \"features\": [20,20,20,20,20]}\n";
  Value joined = spec("application/jsonlines").set("join_source", "Input").set("input_filter", "$.features");
  EXPECT_EQ(
      run(joined, lines),
      "{\"id\":7,\"features\":[0,0,0,0,0],\"SageMakerOutput\":{\"closest_cluster\":0,\"distance_to_cluster\":0}}\n"
      "{\"id\":8,\"features\":[20,20,20,20,20],\"SageMakerOutput\":{\"closest_cluster\":2,\"distance_to_cluster\":0}}"
      "\n");
  EXPECT_EQ(run(joined.set("output_filter", "$['id','SageMakerOutput']"), lines),
            "{\"id\":7,\"SageMakerOutput\":{\"closest_cluster\":0,\"distance_to_cluster\":0}}\n"
            "{\"id\":8,\"SageMakerOutput\":{\"closest_cluster\":2,\"distance_to_cluster\":0}}\n");
}

TEST_F(TransformTest, RefusesWhatCannotBeDone) {
  EXPECT_EQ(run(spec(), "1,2\n"), "Bad input file 'data': Record 1 has 2 features, but the model expects 5");
  EXPECT_EQ(code_, 1);
  EXPECT_EQ(run(spec().set("split_type", "TFRecord"), ""),
            "split_type 'TFRecord' is not supported here; use one of None, Line, RecordIO");
  EXPECT_EQ(run(spec("image/png"), "").find("ContentType 'image/png' is not supported"), 0u);
  EXPECT_EQ(run(spec().set("accept", "image/png"), "").find("Accept 'image/png' is not supported"), 0u);
  EXPECT_EQ(run(spec().set("split_type", "RecordIO"), ""), "SplitType RecordIO does not fit ContentType 'text/csv'");
  EXPECT_EQ(run(spec().set("join_source", "Input"), ""),
            "To join or filter the output, Accept must be of the input's kind: text/csv for text/csv input");
  EXPECT_EQ(run(spec().set("input_filter", "$..a"), ""),
            "The JSONPath '$..a' cannot be used: a name must follow '.'; '..' and '*' are not supported");
  EXPECT_EQ(run(spec().set("split_type", "None").set("max_payload_mb", 1), std::string(2u << 20, '1')),
            "Bad input file 'data': The file is larger than MaxPayloadInMB = 1; set SplitType to have it split");
  EXPECT_EQ(run(spec().set("max_payload_mb", 1), "1\n" + std::string(2u << 20, '1')),
            "Bad input file 'data': Record 2 is larger than MaxPayloadInMB = 1");
  EXPECT_EQ(run(Value::object(), ""), "transform.json must name model_directory and algorithm");
}

TEST(JsonPath, SelectsAsBatchTransformDoes) {
  const Value data = *parse_json(R"({"a": {"b": [1, 2, 3], "c d": 4}, "e": 5})");
  const auto select = [&](std::string_view path) {
    const auto parsed = JsonPath::parse(path);
    if (!parsed) return std::string("bad path");
    const auto found = parsed->select(data);
    return found ? to_json(*found) : std::string("not there");
  };
  EXPECT_EQ(select("$"), to_json(data));
  EXPECT_EQ(select(""), to_json(data));
  EXPECT_EQ(select("$.a.b"), "[1,2,3]");
  EXPECT_EQ(select("$.a['c d']"), "4");
  EXPECT_EQ(select("$['a','e']"), to_json(data));
  EXPECT_EQ(select("$.a.b[0]"), "1");
  EXPECT_EQ(select("$.a.b[-1]"), "3");
  EXPECT_EQ(select("$.a.b[1:]"), "[2,3]");
  EXPECT_EQ(select("$.a.b[:-1]"), "[1,2]");
  EXPECT_EQ(select("$.a.b[0,2:3]"), "[1,3]");
  EXPECT_EQ(select("$.x"), "not there");
  EXPECT_EQ(select("$.e[0]"), "not there");
  EXPECT_EQ(select("$.a.b[3]"), "not there");
  for (const char* bad : {"a", "$.", "$..a", "$.*", "$[", "$[]", "$[*]", "$[?(@.a)]", "$[1:2:3]", "$a", "$['a"}) {
    EXPECT_EQ(select(bad), "bad path") << bad;
  }
  EXPECT_EQ(select("$." + std::string(70, 'a')), "bad path");
}

}  // namespace
}  // namespace millrace::sagemaker::worker
