#pragma once
// What the runs of pipelines were allowed to do: each distinct call once, by whom and on what. Durable before the call
// is answered, so that a run's list is whole whatever dies; in memory only to know quickly what is there already.
// It decides nothing, with one exception: a run may be started under limits, policies that allow it less than its
// principals have, to see whether they are enough.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/mutex.h"
#include "base/result.h"
#include "db/database.h"
#include "iam/least_privilege.h"
#include "iam/policy/document.h"

namespace millrace::iam {

inline constexpr std::size_t kMaxCallsOfRun = 20'000;  // distinct ones; a run that has more says so

class RunCalls {
 public:
  explicit RunCalls(db::Database& database) : database_(database) {}
  Status open();

  // An allowed check of a call whose origin is a run. The account's root needs no policy and is left out.
  Status note(const aws::Call& call, const aws::Check& check);
  struct Of {
    std::vector<UsedPermission> calls;  // by principal, action, resource
    bool complete = true;               // false: there were more than kMaxCallsOfRun
  };
  Result<Of> calls_of(const std::string& run);

  // Before the run is started: each principal (an ARN as in UsedPermission) may do in it what its document allows, and
  // principals without one nothing. Durable.
  Status limit(const std::string& run, const std::map<std::string, std::string>& document_of_principal);
  // The document for a call of `run`: null where the run has no limits; one without statements where it allows nothing.
  Result<std::shared_ptr<const policy::Document>> limit_of(const std::string& run, const aws::Principal& principal);

 private:
  using Limits = std::map<std::string, std::shared_ptr<const policy::Document>>;
  struct Known {
    std::set<std::string> calls;           // under mutex_
    std::shared_ptr<const Limits> limits;  // null: none; never changed
  };
  Result<std::shared_ptr<Known>> known(const std::string& run);

  db::Database& database_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Known>, std::less<>> known_ MR_GUARDED_BY(mutex_);  // bounded: kRunsKnown
};

// Whose policies count: a user's ARN; of a role's session the role's.
std::string principal_of(const aws::Principal& principal);

}  // namespace millrace::iam
