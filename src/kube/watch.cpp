#include "kube/watch.h"

#include <map>

#include "base/json.h"
#include "base/strings.h"
#include "kube/status.h"
#include "kube/table.h"

namespace millrace::kube {
namespace {

class Watch final : public net::StreamBody {
 public:
  Watch(Resource& resource, const Clock& clock, std::shared_ptr<Sleeper> sleeper, WatchOptions options)
      : resource_(resource), clock_(clock), sleeper_(std::move(sleeper)), options_(std::move(options)) {}

  void attach(std::function<void()> wake) override { sleeper_->attach(std::move(wake)); }

  Next read(std::string& out) override {
    if (options_.until && clock_.now() >= *options_.until) return Next::end;
    const auto objects = resource_.list(options_.name_space);
    if (!objects) {
      tell(out, "ERROR", status_object(objects.error()));
      return Next::end;
    }
    std::map<std::string, Value> present;
    for (const Value& object : *objects) {
      if (!options_.selector.matches(object)) continue;
      const Value& metadata = object.at("metadata");
      const std::string key = metadata.at("namespace").string_or() + "/" + metadata.at("name").string_or();
      const std::string version = metadata.at("resourceVersion").string_or();
      const auto old = last_.find(key);
      if (old == last_.end()) {
        const bool known = first_ && options_.since && parse_int(version).value_or(0) <= *options_.since;
        if (!known) tell(out, "ADDED", shown(object));
      } else if (old->second.at("metadata").at("resourceVersion").string_or() != version) {
        tell(out, "MODIFIED", shown(object));
      }
      present.emplace(key, object);
    }
    for (const auto& [key, object] : last_) {
      if (!present.contains(key)) tell(out, "DELETED", shown(object));
    }
    last_ = std::move(present);
    first_ = false;
    return Next::wait;
  }

 private:
  Value shown(const Value& object) const {
    if (!options_.as_table) return object;
    return table_of(resource_, {object}, Include::metadata, object.at("metadata").at("resourceVersion").string_or(),
                    clock_.now());
  }
  static void tell(std::string& out, const char* type, const Value& object) {
    append_json(out, Value::object({{"type", type}, {"object", object}}));
    out += '\n';
  }

  Resource& resource_;
  const Clock& clock_;
  std::shared_ptr<Sleeper> sleeper_;
  WatchOptions options_;
  std::map<std::string, Value> last_;
  bool first_ = true;
};

}  // namespace

std::unique_ptr<net::StreamBody> watch(Resource& resource, const Clock& clock, std::shared_ptr<Sleeper> sleeper,
                                       WatchOptions options) {
  return std::make_unique<Watch>(resource, clock, std::move(sleeper), std::move(options));
}

}  // namespace millrace::kube
