#include "kube/tracker.h"

#include <algorithm>
#include <set>

#include "base/strings.h"

namespace millrace::kube {
namespace {

std::string key_of(const Value& object) {
  const Value& metadata = object.at("metadata");
  return metadata.at("namespace").string_or() + "/" + metadata.at("name").string_or();
}

void set_version(Value& object, std::int64_t version) {
  object.child("metadata").set("resourceVersion", std::to_string(version));
}

}  // namespace

// object null: gone.
void Tracker::note(const std::string& key, Value object) {
  const auto old = known_.find(key);
  Value before = old == known_.end() ? Value() : old->second;
  ++version_;
  const Value& metadata = (object.is_null() ? before : object).at("metadata");
  std::string name_space = metadata.at("namespace").string_or();
  if (object.is_null()) {
    set_version(before, version_);
    known_.erase(key);
  } else {
    set_version(object, version_);
    known_[key] = object;
  }
  history_.add({version_, resource_, std::move(name_space), std::move(object), std::move(before)}, 4'096);
}

Result<Snapshot> Tracker::look(const Read& read, std::int64_t now_ms) {
  const MutexLock lock(mutex_);
  auto objects = MR_TRY(read());
  const bool first = version_ == 0;
  if (first) version_ = now_ms;
  std::set<std::string> present;
  for (Value& object : objects) {
    std::string key = key_of(object);
    const auto old = known_.find(key);
    if (first) {
      const auto version = parse_int(object.at("metadata").at("resourceVersion").string_or()).value_or(0);
      version_ = std::max(version_, version);
      known_[key] = object;
    } else {
      if (old != known_.end())
        object.child("metadata").set("resourceVersion", old->second.at("metadata").at("resourceVersion"));
      if (old == known_.end() || object != old->second) note(key, object);
    }
    present.insert(std::move(key));
  }
  if (first) history_.start(version_);
  std::vector<std::string> gone;
  for (const auto& [key, object] : known_) {
    if (!present.contains(key)) gone.push_back(key);
  }
  for (const auto& key : gone) note(key, Value());
  Snapshot snapshot{{}, version_};
  for (const auto& [key, object] : known_) snapshot.objects.push_back(object);
  return snapshot;
}

}  // namespace millrace::kube
