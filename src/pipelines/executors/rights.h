#pragma once
// What a run may use that a step of another run has started: no more than that other run was given. The names are those
// that its pipeline says, or, where a name is left to a parameter, those that its parameters hold.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::pipelines::executors {

struct Rights {
  std::set<std::string> secrets, config_maps, claims;
  std::vector<std::string> runs;  // those that it descends from: their artifacts, and the claims that they made
  std::string service_account;    // empty: the default
  std::string pipeline_root;      // empty: the default
  bool node_role = false;         // the worker node's AWS role, for tasks that carry no keys

  bool descends_from(std::string_view run_id) const;
};
Value to_value(const Rights& rights);
Rights rights_from(const Value& value);

// What runs may use that are started from a step of this one. `own`: what it may use itself; null: anything.
struct Parent {
  std::string id, service_account, pipeline_root;
  const Value& parameters;
};
Rights rights_for_children(const PipelineSpec& pipeline, const Parent& parent, const Rights* own);

// May a run of this pipeline have these rights alone? Errors: permission_denied, naming the first thing that it may
// not.
Status check_rights(const Rights& rights, const PipelineSpec& pipeline);

// For names that are only known during the run. `rights`: null: anything is allowed. Errors: permission_denied.
enum class Named { secret, config_map, claim };
Status check_named(const Rights* rights, Named kind, const std::string& name);
// An artifact that is imported: those of the store here only where a run of the family made it, s3:// as the node's
// role.
Status check_import(const Rights* rights, const std::string& run_id, std::string_view uri);
// Artifacts that are to be brought to S3 with the node's role.
Status check_stores(const Rights* rights, const Value& artifacts);

// Is it among the artifacts that this run has made? Their URIs hold its id, see output_uri().
bool is_artifact_of(std::string_view uri, std::string_view run_id);

}  // namespace millrace::pipelines::executors
