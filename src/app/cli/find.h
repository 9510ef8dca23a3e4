#pragma once
// Which run, pipeline, version, experiment or recurring run a person means: by its id or by its name.

#include <string>
#include <string_view>

#include "app/cli/client.h"
#include "base/result.h"
#include "base/value.h"

namespace millrace::app {

// An id, `latest`, a display name (the newest that has it), or a prefix of one run's id. With its tasks.
// Errors: not_found; failed_precondition for a prefix of several.
Result<Value> find_run(ApiClient& client, const std::string& name);
// The others by their id, their name or their display name (the newest that has it). Errors: not_found, with what to
// look at.
Result<Value> find_pipeline(ApiClient& client, const std::string& name);
// Of a pipeline; the newest where `name` is empty. With its pipeline_spec.
Result<Value> find_version(ApiClient& client, const Value& pipeline, const std::string& name);
Result<Value> find_experiment(ApiClient& client, const std::string& name);
Result<Value> find_recurring(ApiClient& client, const std::string& name);

// The `filter` parameter, encoded, of predicates (operation, key, string).
struct Predicate {
  std::string_view operation, key, value;
};
std::string filter(std::initializer_list<Predicate> predicates);

// All pages of a list (or at most `limit` items); `path` ends in its query: "/runs?sort_by=name".
Result<Value> list_all(ApiClient& client, const std::string& path, std::string_view items, std::size_t limit);

}  // namespace millrace::app
