// What an endpoint's caller and a transform job's request bring: rows of a body, and the JSONPath of a filter (the
// first line) on a document (the rest).

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "sagemaker/algorithms/request_rows.h"
#include "sagemaker/worker/json_path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr std::string_view kTypes[] = {"text/csv", "application/json", "application/jsonlines",
                                         "application/x-recordio-protobuf"};
  if (data[0] % 5 < std::size(kTypes)) {
    (void)sagemaker::built_in::read_request_rows(kTypes[data[0] % 5], text, 3);
    return 0;
  }
  const std::size_t line = text.find('\n');
  const auto path = sagemaker::worker::JsonPath::parse(text.substr(0, line));
  if (!path || line == std::string_view::npos) return 0;
  (void)path->columns(4);
  if (const auto document = parse_json(text.substr(line + 1))) (void)path->select(*document);
  return 0;
}
