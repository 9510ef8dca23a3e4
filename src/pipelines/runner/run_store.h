#pragma once
// Runs in the database: how one is stored, changed, read back and removed.

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "db/database.h"
#include "pipelines/runner/active_run.h"

namespace millrace::pipelines::runner {

class RunStore {
 public:
  explicit RunStore(db::Database& database) : database_(database) {}

  // A new one, with what `also` writes in the same transaction.
  Status create(const std::shared_ptr<ActiveRun>& run, const Value& spec, const db::Database::Work& also);
  // One transaction's part of what has gathered. `meanwhile` is called while the database writes. What failed has
  // changed nothing and may be tried again.
  Status store(const std::shared_ptr<ActiveRun>& run, const std::function<void()>& meanwhile);
  // Rebuilt from its events. Null: there is none, or it has ended and `ended` is false. Errors: failed_precondition for
  // one whose events follow rules that this program does not know (engine/rules.h); those of its pipeline.
  Result<std::shared_ptr<ActiveRun>> load(const std::string& run_id, bool ended);
  // Of one that cannot be loaded: it ends as FAILED, for that reason.
  Status give_up(const std::string& run_id, const std::string& why, Time at);
  // With all its rows. Errors: not_found.
  Status remove(const std::string& run_id);

 private:
  db::Database& database_;
};

}  // namespace millrace::pipelines::runner
