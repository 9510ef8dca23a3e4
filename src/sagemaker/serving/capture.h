#pragma once
// Data capture: what callers sent to an endpoint and what it answered, as JSON Lines below an S3 prefix, for
// monitoring. Source: developer guide, "Capture data from real-time endpoint".
//   <DestinationS3Uri>/<endpoint>/<variant>/<yyyy>/<mm>/<dd>/<hh>/<mm-ss-mmm>-<uuid>.jsonl

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/serving/invoker.h"

namespace millrace::sagemaker {

// A configuration's DataCaptureConfig, where it is enabled.
struct CaptureConfig {
  bool input = false, output = false;
  double percent = 100;  // of the invocations
  std::string destination;
  std::vector<std::string> csv_types, json_types;  // whose data is shown as text; others in base64
  std::string role_arn, origin;                    // who writes, on behalf of what
};
std::optional<CaptureConfig> capture_config(const Value& data_capture);

struct CapturedInvocation {
  std::string content_type, custom_attributes, inference_id, input;
  InvocationAnswer answer;
};
// With the newline at its end.
std::string capture_line(const CaptureConfig& config, const CapturedInvocation& invocation, std::string_view id,
                         Time now);

// Lines wait for a second, and go to S3 as one object of their endpoint's variant. At most kMaxWaiting bytes wait; what
// comes beyond them, or cannot be written, is left out with a warning in the server's log. Thread-safe.
class Capture {
 public:
  static constexpr std::size_t kMaxWaiting = 64u << 20;
  // `later`: runs work on a thread that may take its time.
  Capture(Dependencies& dependencies, const Execution& execution, std::function<void(std::function<void()>)> later);
  ~Capture();
  void record(const std::string& endpoint, const std::shared_ptr<const CaptureConfig>& config,
              const CapturedInvocation& invocation);
  void flush();  // writes what waits, on this thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::sagemaker
