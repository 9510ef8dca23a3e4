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
#include "kube/history.h"

namespace millrace::kube {

struct ObjectName {
  std::string resource;    // "secrets", "leases.coordination.k8s.io"
  std::string name_space;  // empty for what is not in a namespace
  std::string name;
};

struct Snapshot {
  std::vector<Value> objects;  // ordered by namespace, then name
  std::int64_t version = 0;    // of the last change that it has
};

class Store {
 public:
  Store(db::Database& database, std::string encryption_key) : database_(database), key_(std::move(encryption_key)) {}
  Status open();

  // One counter for all kinds, as etcd's revision. metadata.resourceVersion is its value at the object's last change.
  Result<std::int64_t> version();
  const History& history() const { return history_; }

  Result<Snapshot> list(const std::string& resource, const std::string& name_space);  // name_space empty: all
  Result<Value> get(const ObjectName& name);
  Result<Value> insert(const ObjectName& name, const Value& object);
  // `change` sees the present object within the transaction; what it returns is stored unless it is equal. An object
  // that waits for its deletion goes when its last finalizer does.
  using Change = std::function<Result<Value>(const Value& present)>;
  Result<Value> update(const ObjectName& name, const Change& change, bool dry_run);
  // `check` returns what is stored instead of the object as long as that has finalizers.
  struct Erased {
    Value object;
    bool gone = false;
  };
  Result<Erased> erase(const ObjectName& name, const Change& check, bool dry_run);
  // With everything in it. What has finalizers waits for its deletion from `now` on, and the namespace with it, which
  // goes with the last of it; `check` returns what is stored of the namespace meanwhile.
  Result<Erased> erase_namespace(const ObjectName& name, const Change& check, const std::string& now);

 private:
  struct Written {  // by a transaction: told to the history once that is durable
    kube::Change change;
    std::size_t bytes = 0;
  };
  Status write(const std::function<Status(db::Connection&, std::vector<Written>&)>& work);
  Result<Value> read(db::Connection& connection, const ObjectName& name);
  Result<std::int64_t> next_version(db::Connection& connection);
  Status put(db::Connection& connection, const ObjectName& name, const Value& present, Value& object,
             std::vector<Written>& written);
  Status end_if_empty(db::Connection& connection, const std::string& name_space, std::vector<Written>& written);
  Status remove(db::Connection& connection, const ObjectName& name, const Value& present,
                std::vector<Written>& written);
  Result<Value> open_sealed(const ObjectName& name, const std::string& sealed, std::int64_t version);
  std::string seal_object(const ObjectName& name, Value object);

  db::Database& database_;
  std::string key_;
  History history_;
};

}  // namespace millrace::kube
