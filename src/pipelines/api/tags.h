#pragma once
// Tags of pipelines and versions: a map of text to text, 20 at most, keys and values of 63 characters at most, no dot
// in a key (`tags.<key>` is how filters name it). Source: kubeflow/pipelines, apiserver.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace::pipelines::api {

// Null is no tags. Errors: invalid_argument naming the tag.
Result<Value> check_tags(const Value& tags);
// The query parameter of uploads: a JSON object; empty is no tags.
Result<Value> parse_tags(std::string_view text);
// As stored in a row's column.
Value stored_tags(const std::string& text);

}  // namespace millrace::pipelines::api
