#pragma once
// YAML 1.1/1.2 as Go's sigs.k8s.io/yaml reads it (libyaml events underneath): scalars typed by the JSON-ish core
// schema (plain true/false/null/~, decimal and 0x integers, floats; everything else a string), anchors with an
// expansion budget, several documents. Every Value carries its line and column.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace {

struct YamlLimits {
  std::size_t max_bytes = 32u << 20;
  std::size_t max_depth = 256;
  std::size_t max_nodes = 2'000'000;  // counted after alias expansion: stops alias bombs
  std::size_t max_documents = 1'000;
};

// JSON is a subset of YAML; this reads both. Errors: invalid_argument, "line L, column C: <what>".
// Empty documents are dropped; duplicate keys are an error.
Result<std::vector<Value>> parse_yaml_documents(std::string_view text, const YamlLimits& limits = {});
Result<Value> parse_yaml(std::string_view text, const YamlLimits& limits = {});  // exactly one document

std::string to_yaml(const Value& value);  // block style, strings quoted where a reader would mistype them

}  // namespace millrace
