#pragma once
// What the containers of a run's tasks were given, read from the run's events: nothing of it is kept beside them.

#include <string>
#include <vector>

#include "db/database.h"
#include "pipelines/options.h"
#include "pipelines/views.h"

namespace millrace::pipelines::runner {

// As Pipelines::containers().
Result<std::vector<ContainerView>> containers(db::Database& database, const Options& options,
                                              const std::string& run_id);

}  // namespace millrace::pipelines::runner
