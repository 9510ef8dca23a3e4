#pragma once
// Who refers to what lies in the store: what may be removed with a run, and what may not.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "db/database.h"

namespace millrace::pipelines::runner {

struct FinishedRun {
  std::string id, name;
  Time finished{};
};
Result<std::vector<FinishedRun>> finished_runs(db::Connection& connection);  // the one that ended last first
Result<std::set<std::string>> run_ids(db::Connection& connection);           // all, also those under way

// The URIs of the artifacts that the runs that are there made, were given or keep for the cache.
Result<std::set<std::string>> referenced_uris(db::Connection& connection);

// Results of runs that are gone are kept for the cache no longer.
Status forget_results_of_gone_runs(db::Connection& connection);

}  // namespace millrace::pipelines::runner
