#include "sagemaker/algorithms/content_type.h"

#include "base/strings.h"

namespace millrace::sagemaker::built_in {

std::string_view ContentType::parameter(std::string_view name) const {
  for (const auto& [known, value] : parameters) {
    if (equals_ignore_case(known, name)) return value;
  }
  return {};
}

ContentType parse_content_type(std::string_view text) {
  ContentType out;
  bool first = true;
  for (const std::string_view part : split(text, ';')) {
    if (std::exchange(first, false)) {
      out.type = to_lower(trim(part));
      continue;
    }
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    out.parameters.emplace_back(trim(part.substr(0, equals)), trim(part.substr(equals + 1)));
  }
  return out;
}

}  // namespace millrace::sagemaker::built_in
