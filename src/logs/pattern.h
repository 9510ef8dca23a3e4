#pragma once
// Filter patterns for unstructured log events.
// Source: Amazon CloudWatch Logs User Guide, "Filter pattern syntax", "Match terms".

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::logs {

class Pattern {
 public:
  // Terms parted by blanks; "quoted phrases"; -excluded; ?any of these. JSON ({…}), space-delimited ([…]) and
  // regular-expression (%…%) patterns are refused: InvalidParameterException.
  static Result<Pattern> parse(std::string_view text);
  // Case counts. Optional terms count only where there is no other kind of term, as AWS evaluates them.
  bool matches(std::string_view message) const;

 private:
  std::vector<std::string> all_, any_, none_;
};

}  // namespace millrace::logs
