#pragma once
// The latest decisions with all that they looked at, for people who ask why (`millrace iam explain`). In memory, and
// bounded: kAllowedKept that said yes, and kDeniedKept that said no, so that what is asked about most stays longest.
// They keep the policies as they were; a later change of a policy does not change what is reported of an earlier
// decision.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/mutex.h"
#include "iam/authoriser.h"

namespace millrace::iam {

inline constexpr std::size_t kAllowedKept = 1'024, kDeniedKept = 512;

// One check of one request. A request may have several (an action on each resource, iam:PassRole).
struct PastDecision {
  Time at{};
  std::string request_id;  // empty: a service acted on its own, such as a job as its role
  std::string service, operation, origin, access_key_id;
  Considered considered;
  bool allowed = false;
};

class Decisions {
 public:
  void note(const aws::Call& call, Considered considered, bool allowed);

  struct Query {
    std::string request_id = {};  // all checks of this request …
    bool denied_only = false;     // … else the latest …
    std::string run = {};         // … of this run
    std::size_t limit = 20;
  };
  // The newest first; of one request in the order they were asked.
  std::vector<std::shared_ptr<const PastDecision>> find(const Query& query) const;

 private:
  mutable Mutex mutex_;
  std::uint64_t number_ MR_GUARDED_BY(mutex_) = 0;
  using Kept = std::deque<std::pair<std::uint64_t, std::shared_ptr<const PastDecision>>>;
  Kept allowed_ MR_GUARDED_BY(mutex_), denied_ MR_GUARDED_BY(mutex_);
};

}  // namespace millrace::iam
