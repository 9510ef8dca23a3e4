#include "sagemaker/serving/capture.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::sagemaker {
namespace {

Value given() {
  return *parse_json(R"({"EnableCapture": true, "InitialSamplingPercentage": 50, "DestinationS3Uri": "s3://b/c",
      "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]})");
}

TEST(Capture, IsWhatTheConfigurationSays) {
  EXPECT_FALSE(capture_config(Value::object()));
  EXPECT_FALSE(capture_config(given().set("EnableCapture", false)));
  const auto config = capture_config(given());
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->input && config->output);
  EXPECT_EQ(config->percent, 50);
  const auto one =
      capture_config(given().set("CaptureOptions", Value::array({Value::object({{"CaptureMode", "Output"}})})));
  EXPECT_FALSE(one->input);
  EXPECT_TRUE(one->output);
}

TEST(Capture, ALineShowsTextAsTextAndTheRestInBase64) {
  const auto config = *capture_config(given());
  CapturedInvocation seen{"text/csv; header=absent", "trace=1", "id-7", "1,2\n", {}};
  seen.answer.content_type = "image/png";
  seen.answer.body = "\x89PNG";
  const auto line = parse_json(capture_line(config, seen, "event", from_epoch_ms(1'767'323'045'000)));
  ASSERT_TRUE(line);
  const Value& in = (*line)["captureData"]["endpointInput"];
  EXPECT_EQ(in["data"].string_or(), "1,2\n");
  EXPECT_EQ(in["encoding"].string_or(), "CSV");
  EXPECT_EQ(in["mode"].string_or(), "INPUT");
  EXPECT_EQ(in["observedContentType"].string_or(), "text/csv; header=absent");
  const Value& out = (*line)["captureData"]["endpointOutput"];
  EXPECT_EQ(out["data"].string_or(), "iVBORw==");
  EXPECT_EQ(out["encoding"].string_or(), "BASE64");
  EXPECT_EQ((*line)["eventMetadata"]["inferenceTime"].string_or(), "2026-01-02T03:04:05Z");
  EXPECT_EQ((*line)["eventMetadata"]["inferenceId"].string_or(), "id-7");
  EXPECT_EQ((*line)["eventVersion"].string_or(), "0");
  seen.content_type = "application/json";
  seen.input = "\xff";
  const auto broken = parse_json(capture_line(config, seen, "event", Time()));
  EXPECT_EQ((*broken)["captureData"]["endpointInput"]["encoding"].string_or(), "BASE64") << "it is no text";
}

}  // namespace
}  // namespace millrace::sagemaker
