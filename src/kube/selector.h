#pragma once
// Label and field selectors, as a list's query carries them (Kubernetes: "Labels and Selectors", "Field Selectors").

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "kube/label_terms.h"

namespace millrace::kube {

class Selector {
 public:
  // `fields` names what the resource can be selected by ("metadata.name"); anything else is refused.
  static Result<Selector> parse(std::string_view labels, std::string_view field_terms,
                                const std::vector<std::string>& fields);
  bool matches(const Value& object) const;
  bool matches_all() const { return labels_.empty() && fields_.empty(); }

 private:
  struct FieldTerm {
    std::string key, value;
    bool negated = false;
  };
  std::vector<LabelTerm> labels_;
  std::vector<FieldTerm> fields_;
};

}  // namespace millrace::kube
