#pragma once
// A kind of object that the API serves, as one row: what discovery says of it, what a table shows, how it is checked.
// And where its objects are: in the store, or a view of something else.

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "kube/refusal.h"
#include "kube/store.h"
#include "kube/tracker.h"

namespace millrace::kube {

struct Column {
  std::string name;
  std::string type = "string";
  std::string format = {};
  int priority = 0;  // above 0: only with -o wide
};

enum class NameRule { subdomain, label };

// Verbs of discovery.
extern const std::vector<std::string> kAllVerbs;       // of a kind that is stored
extern const std::vector<std::string> kReadVerbs;      // of a view
extern const std::vector<std::string> kReadStopVerbs;  // of a view whose objects can be ended

struct Kind {
  std::string plural, singular, kind;
  std::string group = {};  // empty: the core group
  std::string version = "v1";
  std::string schema;  // its definition in the OpenAPI document
  std::vector<std::string> short_names = {}, categories = {};
  bool namespaced = true;
  std::vector<std::string> verbs = kAllVerbs;
  NameRule name_rule = NameRule::subdomain;
  std::vector<std::string> selectable_fields = {};  // besides metadata.name and metadata.namespace
  std::vector<Column> columns = {};
  std::function<Value(const Value& object, Time now)> cells = {};
  // Fills in defaults and refuses what Kubernetes refuses; what is wrong with fields goes into `errors`. `present` is
  // null when the object is new.
  std::function<Status(Value& object, const Value* present, FieldErrors& errors)> admit = {};
  std::function<Status(const Value& present)> may_delete = {};
  std::string read_only_because = {};  // where it cannot be created or changed: the sentence for a person
  // As a custom resource definition makes it: status is a subresource, metadata.generation counts the changes of what
  // is wanted, strategic merge patches are not known, and values are checked by the schema in its own words.
  bool is_custom = false;

  bool allows(std::string_view verb) const;
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  std::string resource() const { return group.empty() ? plural : plural + "." + group; }  // in sentences
  std::string full_kind() const { return group.empty() ? kind : kind + "." + group; }     // in sentences
};

class Resource {
 public:
  explicit Resource(const Kind& kind) : kind_(kind) {}
  virtual ~Resource() = default;
  const Kind& kind() const { return kind_; }
  virtual Result<Snapshot> list(const std::string& name_space) = 0;  // empty: all
  virtual Result<Value> get(const std::string& name_space, const std::string& name) = 0;
  // Of this kind and maybe others. Errors: Expired.
  virtual Result<History::Part> changes(std::int64_t since, std::size_t limit) = 0;
  // Adds to an object of the above what only whole objects show; a table is made without.
  virtual void fill_in(Value& object);
  // Ends what is behind an object of a view.
  virtual Status stop(const std::string& name_space, const std::string& name);

 private:
  const Kind& kind_;
};

class StoredResource final : public Resource {
 public:
  StoredResource(const Kind& kind, Store& store) : Resource(kind), store_(store) {}
  Result<Snapshot> list(const std::string& name_space) override { return store_.list(kind().resource(), name_space); }
  Result<Value> get(const std::string& name_space, const std::string& name) override {
    return store_.get({kind().resource(), name_space, name});
  }
  Result<History::Part> changes(std::int64_t since, std::size_t limit) override {
    return store_.history().after(since, limit);
  }

 private:
  Store& store_;
};

// A kind that is not stored: read() gives all objects there are, with whole metadata.
class ViewResource : public Resource {
 public:
  ViewResource(const Kind& kind, const Clock& clock) : Resource(kind), clock_(clock), tracker_(kind.resource()) {}
  Result<Snapshot> list(const std::string& name_space) override;
  Result<Value> get(const std::string& name_space, const std::string& name) override;
  Result<History::Part> changes(std::int64_t since, std::size_t limit) override;
  void note_change() { changed_ = true; }  // from any thread; the next watch looks again

 protected:
  virtual Result<std::vector<Value>> read() = 0;
  const Clock& clock() const { return clock_; }

 private:
  Result<Snapshot> look();

  const Clock& clock_;
  Tracker tracker_;
  std::atomic<bool> changed_ = true;
  std::atomic<std::int64_t> looked_ms_ = 0;
};

// "5m", "3h12m": as kubectl's AGE column has it.
std::string age(const Value& object, Time now);
std::string short_duration(Millis duration);

}  // namespace millrace::kube
