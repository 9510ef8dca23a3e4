#pragma once
// The types of data that a built-in algorithm reads and writes.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::sagemaker::built_in {

inline constexpr std::string_view kCsv = "text/csv";
inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kJsonLines = "application/jsonlines";
inline constexpr std::string_view kRecordIo = "application/x-recordio-protobuf";

// "text/csv; label_size=0" -> type "text/csv", parameters {label_size, 0}; the type in lower case.
struct ContentType {
  std::string type;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string_view parameter(std::string_view name) const;  // empty: absent
};
ContentType parse_content_type(std::string_view text);

}  // namespace millrace::sagemaker::built_in
