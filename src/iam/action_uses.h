#pragma once
// Which actions users and roles used last, for access advisor (ops/last_accessed.cpp).

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "db/database.h"

namespace millrace::iam {

struct ActionUse {
  std::string action;  // "ListBucket"
  Time at{};
  std::string region;
};

class ActionUses {
 public:
  explicit ActionUses(db::Database& database) : database_(database) {}
  Status open();
  void forget_gone();  // users and roles that are no more; nobody waits for it

  // By the entity's id; nobody waits for it.
  void note(const std::string& id, const std::string& service, const ActionUse& use);
  Result<std::vector<ActionUse>> of(const std::string& id, const std::string& service);  // by action

 private:
  db::Database& database_;
};

}  // namespace millrace::iam
