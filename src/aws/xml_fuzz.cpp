#include <cstddef>
#include <cstdint>
#include <string_view>

#include "aws/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const auto& model = millrace::aws::service_model("s3");
  (void)millrace::aws::read_xml(*model.shapes.begin()->second, text);
  for (const char* name : {"PutBucketTagging", "CompleteMultipartUpload", "DeleteObjects"}) {
    if (const auto* operation = model.operation(name)) (void)millrace::aws::read_xml(*operation->input, text);
  }
  return 0;
}
