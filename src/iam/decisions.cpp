#include "iam/decisions.h"

#include <algorithm>

namespace millrace::iam {

void Decisions::note(const aws::Call& call, Considered considered, bool allowed) {
  auto past = std::make_shared<PastDecision>();
  past->at = call.now;
  past->request_id = call.request_id;
  past->service = call.service;
  past->operation = call.operation;
  past->origin = call.origin;
  past->access_key_id = call.principal.access_key_id;
  past->considered = std::move(considered);
  past->allowed = allowed;
  const std::size_t most = allowed ? kAllowedKept : kDeniedKept;
  std::shared_ptr<const PastDecision> oldest;  // let go outside the lock
  const MutexLock lock(mutex_);
  Kept& kept = allowed ? allowed_ : denied_;
  kept.emplace_back(++number_, std::move(past));
  if (kept.size() > most) {
    oldest = std::move(kept.front().second);
    kept.pop_front();
  }
}

std::vector<std::shared_ptr<const PastDecision>> Decisions::find(const Query& query) const {
  std::vector<std::pair<std::uint64_t, std::shared_ptr<const PastDecision>>> found;
  {
    const MutexLock lock(mutex_);
    const auto take = [&](const Kept& kept) {
      for (const auto& entry : kept) {
        if (!query.request_id.empty() && entry.second->request_id != query.request_id) continue;
        if (!query.run.empty() && entry.second->origin != query.run) continue;
        found.push_back(entry);
      }
    };
    if (!query.denied_only) take(allowed_);
    take(denied_);
  }
  const bool of_request = !query.request_id.empty();
  std::sort(found.begin(), found.end(),
            [&](const auto& a, const auto& b) { return of_request ? a.first < b.first : a.first > b.first; });
  if (found.size() > query.limit) found.resize(query.limit);
  std::vector<std::shared_ptr<const PastDecision>> out;
  for (auto& [number, past] : found) out.push_back(std::move(past));
  return out;
}

}  // namespace millrace::iam
