#pragma once
// A kind of object that the API serves: what discovery tells of it, what a table shows, how it is checked and kept.

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "kube/store.h"

namespace millrace::kube {

struct Column {
  std::string name;
  std::string type = "string";
  std::string format = {};
  int priority = 0;  // above 0: only with -o wide
};

struct Description {
  std::string plural, singular, kind;
  std::vector<std::string> short_names, categories;
  bool namespaced = true;
  bool writable = false;
  std::vector<std::string> properties;  // the object's top-level fields
  std::vector<std::string> selectable_fields;
  std::vector<Column> columns;  // after them comes Age, where the kind has one
};

class Resource {
 public:
  virtual ~Resource() = default;
  virtual const Description& description() const = 0;
  virtual Result<std::vector<Value>> list(const std::string& name_space) = 0;  // empty: all
  virtual Result<Value> get(const std::string& name_space, const std::string& name) = 0;
  virtual Value cells(const Value& object, Time now) const = 0;
  // Fills in defaults and refuses what Kubernetes refuses. `present` is null when the object is new.
  virtual Status admit(Value& object, const Value* present) const;
  virtual Status may_delete(const Value& present) const;
};

// A kind whose objects are stored.
class StoredResource : public Resource {
 public:
  explicit StoredResource(Store& store) : store_(store) {}
  Result<std::vector<Value>> list(const std::string& name_space) override {
    return store_.list(description().plural, name_space);
  }
  Result<Value> get(const std::string& name_space, const std::string& name) override {
    return store_.get({description().plural, name_space, name});
  }

 private:
  Store& store_;
};

// "5m", "3h12m": as kubectl's AGE column has it.
std::string age(const Value& object, Time now);
std::string short_duration(Millis duration);

// Checks of names. Errors: Invalid, with Kubernetes' sentence.
Status check_subdomain(const std::string& kind, const std::string& name, std::size_t max_length = 253);
Status check_label_name(const std::string& kind, const std::string& name);

}  // namespace millrace::kube
