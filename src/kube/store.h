#pragma once
// Objects at rest. Each is sealed as a whole: a Secret's data also stands in the annotation that `kubectl apply`
// leaves.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "db/database.h"

namespace millrace::kube {

struct ObjectName {
  std::string plural;      // "secrets"
  std::string name_space;  // empty for what is not in a namespace
  std::string name;
};

class Store {
 public:
  Store(db::Database& database, std::string encryption_key) : database_(database), key_(std::move(encryption_key)) {}
  Status open();

  // One counter for all kinds, as etcd's revision. metadata.resourceVersion is its value at the object's last change.
  struct Versions {
    std::int64_t latest = 0;
    std::int64_t last_delete = 0;  // a watch from before it may have missed a deletion
  };
  Result<Versions> versions();

  // name_space empty: all. Ordered by namespace, then name.
  Result<std::vector<Value>> list(const std::string& plural, const std::string& name_space);
  Result<Value> get(const ObjectName& name);
  Result<Value> insert(const ObjectName& name, const Value& object);
  // `change` sees the present object within the transaction; what it returns is stored unless it is equal.
  using Change = std::function<Result<Value>(const Value& present)>;
  Result<Value> update(const ObjectName& name, const Change& change, bool dry_run);
  Result<Value> erase(const ObjectName& name, const Change& check, bool dry_run);  // check's result is not looked at
  Status erase_namespace(const std::string& name_space);                           // everything in it

 private:
  Result<Value> read(db::Connection& connection, const ObjectName& name);
  Result<std::int64_t> next_version(db::Connection& connection, bool deletes);
  Result<Value> open_sealed(const ObjectName& name, const std::string& sealed, std::int64_t version);
  std::string seal_object(const ObjectName& name, Value object);

  db::Database& database_;
  std::string key_;
};

}  // namespace millrace::kube
