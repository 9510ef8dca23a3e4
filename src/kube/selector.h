#pragma once
// Label and field selectors, as a list's query carries them (Kubernetes: "Labels and Selectors", "Field Selectors").

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::kube {

class Selector {
 public:
  // `fields` names what the resource can be selected by ("metadata.name"); anything else is refused.
  // Grammar of labels: a=b, a==b, a!=b, a, !a, a in (x,y), a notin (x,y), joined by commas.
  static Result<Selector> parse(std::string_view labels, std::string_view field_terms,
                                const std::vector<std::string>& fields);
  bool matches(const Value& object) const;
  bool matches_all() const { return terms_.empty(); }

 private:
  struct Term {
    std::string key;
    std::vector<std::string> values;  // empty: the key's presence is asked
    bool negated = false;
    bool field = false;
  };
  std::vector<Term> terms_;
};

}  // namespace millrace::kube
