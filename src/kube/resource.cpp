#include "kube/resource.h"

#include <algorithm>

#include <fmt/core.h>

namespace millrace::kube {
namespace {

// Watches look for what nobody announces (a run that was deleted) so often.
constexpr std::int64_t kLookAgainMs = 2'000;

}  // namespace

const std::vector<std::string> kAllVerbs = {"create", "delete", "deletecollection", "get",
                                            "list",   "patch",  "update",           "watch"};
const std::vector<std::string> kReadVerbs = {"get", "list", "watch"};
const std::vector<std::string> kReadStopVerbs = {"delete", "deletecollection", "get", "list", "watch"};

bool Kind::allows(std::string_view verb) const { return std::ranges::find(verbs, verb) != verbs.end(); }

void Resource::fill_in(Value&) {}

Status Resource::stop(const std::string&, const std::string&) { return fail(method_not_allowed()); }

Result<Snapshot> ViewResource::look() {
  changed_ = false;  // before the look: a change during it asks for another
  looked_ms_ = to_epoch_ms(clock_.now());
  return tracker_.look([this] { return read(); }, looked_ms_);
}

Result<Snapshot> ViewResource::list(const std::string& name_space) {
  Snapshot snapshot = MR_TRY(look());
  std::erase_if(snapshot.objects, [&](const Value& object) {
    return !name_space.empty() && object.at("metadata").at("namespace").string_or() != name_space;
  });
  return snapshot;
}

Result<Value> ViewResource::get(const std::string& name_space, const std::string& name) {
  for (Value& object : MR_TRY(list(name_space)).objects) {
    if (object.at("metadata").at("name").string_or() == name) return std::move(object);
  }
  return fail(not_found(kind().resource(), name));
}

Result<History::Part> ViewResource::changes(std::int64_t since, std::size_t limit) {
  if (changed_ || to_epoch_ms(clock_.now()) - looked_ms_ >= kLookAgainMs) MR_TRY(look());
  return tracker_.history().after(since, limit);
}

std::string short_duration(Millis duration) {
  const auto seconds = std::max<std::int64_t>(0, duration.count() / 1000);
  const auto minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  const auto two = [](std::int64_t large, char a, std::int64_t small, char b) {
    return small == 0 ? fmt::format("{}{}", large, a) : fmt::format("{}{}{}{}", large, a, small, b);
  };
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return fmt::format("{}m", minutes);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return fmt::format("{}h", hours);
  if (days < 8) return two(days, 'd', hours % 24, 'h');
  if (days < 730) return fmt::format("{}d", days);
  return two(days / 365, 'y', days % 365, 'd');
}

std::string age(const Value& object, Time now) {
  const auto created = parse_rfc3339(object.at("metadata").at("creationTimestamp").string_or());
  return created ? short_duration(now - *created) : "<unknown>";
}

}  // namespace millrace::kube
