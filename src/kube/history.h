#pragma once
// The latest changes of objects, in the order of their versions, so that a watch can go on where it was cut: etcd's
// revisions, as far as clients see them. In memory: after a restart a watch gets Expired, as an API server does.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/value.h"

namespace millrace::kube {

struct Change {
  std::int64_t version = 0;
  std::string resource;    // plural, with its group
  std::string name_space;  // empty for what is not in a namespace
  Value object;            // null: deleted
  Value before;            // null: created. Of a deletion: the last state, with the deletion's version
};

class History {
 public:
  static constexpr std::size_t kMaxChanges = 4'096;
  static constexpr std::size_t kMaxBytes = 64u << 20;

  void start(std::int64_t version);  // nothing is known of what was before
  // Versions follow each other without gaps; they may be added out of order, and are seen once no earlier one is
  // missing.
  void add(Change change, std::size_t bytes);

  struct Part {
    std::vector<std::shared_ptr<const Change>> changes;
    std::int64_t version = 0;  // where to go on
  };
  // At most `limit` changes after `since`. Errors: Expired where some of them are forgotten.
  Result<Part> after(std::int64_t since, std::size_t limit) const;

 private:
  struct Entry {
    std::shared_ptr<const Change> change;
    std::size_t bytes = 0;
  };
  mutable Mutex mutex_;
  std::map<std::int64_t, Entry> changes_ MR_GUARDED_BY(mutex_);
  std::int64_t oldest_ MR_GUARDED_BY(mutex_) = 0;    // all changes after this one are known
  std::int64_t complete_ MR_GUARDED_BY(mutex_) = 0;  // up to this one
  std::size_t bytes_ MR_GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace::kube
