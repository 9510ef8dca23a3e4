#pragma once
// Label selectors as Kubernetes reads them, with its words for what it cannot (k8s.io/apimachinery, pkg/labels):
// a=b, a==b, a!=b, a, !a, a in (x,y), a notin (x,y), a>1, a<1, joined by commas.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::kube {

struct LabelTerm {
  enum class Asks { exists, absent, in, not_in, greater, less } asks = Asks::exists;
  std::string key;
  std::vector<std::string> values = {};

  bool matches(const Value& labels) const;
};
// Errors: invalid_argument.
Result<std::vector<LabelTerm>> parse_label_terms(std::string_view text);

}  // namespace millrace::kube
