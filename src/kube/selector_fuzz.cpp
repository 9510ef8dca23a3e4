// Label and field selectors (the first line, the second one), and patches of an object (kind of patch, then its JSON).

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "kube/patch.h"
#include "kube/selector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const Value object = *parse_json(
      R"({"metadata": {"name": "n", "labels": {"a": "b"}, "finalizers": ["x", "y"]}, "data": {"k": "dg=="}})");
  if (data[0] % 4 == 0) {
    const std::size_t line = text.find('\n');
    const auto selector = kube::Selector::parse(
        text.substr(0, line), line == std::string_view::npos ? std::string_view() : text.substr(line + 1),
        {"metadata.name"});
    if (selector) (void)selector->matches(object);
    return 0;
  }
  constexpr std::string_view kKinds[] = {"application/json-patch+json", "application/merge-patch+json",
                                         "application/strategic-merge-patch+json"};
  if (const auto patch = parse_json(text))
    (void)kube::apply_patch(object, kKinds[data[0] % 4 - 1], *patch, data[0] >= 128);
  return 0;
}
