#include "kube/watch.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "kube/list.h"
#include "kube/request.h"
#include "kube/selector.h"
#include "kube/status.h"
#include "kube/table.h"

namespace millrace::kube {
namespace {

constexpr Millis kBookmarkEvery{60'000};  // as the API server: about once a minute
constexpr std::size_t kMaxPartBytes = 1u << 20;
constexpr std::size_t kMaxPartChanges = 256;
constexpr std::int64_t kMaxTimeoutSeconds = 86'400;

struct Options {
  std::string name_space;
  Selector selector;
  Form form;
  std::int64_t since = 0;
  bool initial = false;           // what is there comes first, as ADDED
  bool initial_bookmark = false;  // then a bookmark says that it was all
  bool bookmarks = false;
  std::optional<Time> until;
};

class Watch final : public net::StreamBody {
 public:
  Watch(Resource& resource, const Clock& clock, std::shared_ptr<Sleeper> sleeper, Options options)
      : resource_(resource),
        clock_(clock),
        sleeper_(std::move(sleeper)),
        options_(std::move(options)),
        version_(options_.since),
        last_bookmark_(clock.now()) {}

  void attach(std::function<void()> wake) override { sleeper_->attach(std::move(wake)); }

  Next read(std::string& out) override {
    if (options_.until && clock_.now() >= *options_.until) return Next::end;
    const auto next = options_.initial ? tell_initial(out) : tell_changes(out);
    if (next) return *next;
    tell(out, "ERROR", status_object(next.error()));
    return Next::end;
  }

 private:
  Result<Next> tell_initial(std::string& out) {
    if (!initial_) {
      initial_ = MR_TRY(resource_.list(options_.name_space));
      std::erase_if(initial_->objects, [&](const Value& object) { return !options_.selector.matches(object); });
    }
    for (; told_ < initial_->objects.size() && out.size() < kMaxPartBytes; ++told_)
      tell(out, "ADDED", shown(initial_->objects[told_]));
    if (told_ < initial_->objects.size()) return Next::more;
    version_ = initial_->version;
    if (options_.initial_bookmark) tell(out, "BOOKMARK", bookmark(true));
    options_.initial = false;
    initial_.reset();
    return Next::more;
  }

  Result<Next> tell_changes(std::string& out) {
    const auto part = MR_TRY(resource_.changes(version_, kMaxPartChanges));
    for (const auto& change : part.changes) {
      tell_change(out, *change);
      version_ = change->version;
      if (out.size() >= kMaxPartBytes) return Next::more;
    }
    version_ = part.version;
    if (part.changes.size() == kMaxPartChanges) return Next::more;
    if (options_.bookmarks && clock_.now() - last_bookmark_ >= kBookmarkEvery) tell(out, "BOOKMARK", bookmark(false));
    return Next::wait;
  }

  // For the client an object appears when it begins to match its selector, and goes when it no longer does.
  void tell_change(std::string& out, const Change& change) const {
    if (change.resource != resource_.kind().resource()) return;
    if (!options_.name_space.empty() && change.name_space != options_.name_space) return;
    const bool was = !change.before.is_null() && options_.selector.matches(change.before);
    const bool is = !change.object.is_null() && options_.selector.matches(change.object);
    if (is) return tell(out, was ? "MODIFIED" : "ADDED", shown(change.object));
    if (!was) return;
    Value last = change.before;
    last.child("metadata").set("resourceVersion", std::to_string(change.version));
    tell(out, "DELETED", shown(last));
  }

  Value shown(Value object) const {
    if (options_.form.shows_objects()) resource_.fill_in(object);
    return object_as(options_.form, resource_.kind(), object, clock_.now());
  }

  Value bookmark(bool initial) {
    last_bookmark_ = clock_.now();
    const Kind& kind = resource_.kind();
    Value metadata = Value::object({{"resourceVersion", std::to_string(version_)}, {"creationTimestamp", nullptr}});
    if (initial) metadata.set("annotations", Value::object({{"k8s.io/initial-events-end", "true"}}));
    Value object = Value::object({{"kind", kind.kind}, {"apiVersion", kind.api_version()}, {"metadata", metadata}});
    if (options_.form.as == Form::As::table)
      return list_as(options_.form, kind, {}, Value::object({{"resourceVersion", std::to_string(version_)}}),
                     clock_.now());
    return options_.form.as == Form::As::metadata ? shown(object) : object;
  }

  static void tell(std::string& out, const char* type, const Value& object) {
    append_json(out, Value::object({{"type", type}, {"object", object}}));
    out += '\n';
  }

  Resource& resource_;
  const Clock& clock_;
  std::shared_ptr<Sleeper> sleeper_;
  Options options_;
  std::int64_t version_;
  std::optional<Snapshot> initial_;
  std::size_t told_ = 0;
  Time last_bookmark_;
};

Status check_options(const net::Request& request, bool streams_list) {
  const std::string match = net::query_parameter(request, "resourceVersionMatch").value_or("");
  FieldErrors errors;
  if (streams_list && match != "NotOlderThan")
    errors.forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  if (!streams_list && !match.empty()) {
    errors.forbidden("resourceVersionMatch",
                     "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  }
  if (!match.empty() && match != "NotOlderThan") errors.unsupported("resourceVersionMatch", match, {"NotOlderThan"});
  return errors.status("ListOptions.meta.k8s.io", "");
}

}  // namespace

Result<net::Response> watch(Resource& resource, const Clock& clock, Sleepers& sleepers, const std::string& name_space,
                            const net::Request& request) {
  const bool streams_list = net::query_parameter(request, "sendInitialEvents").has_value();
  MR_TRY(check_options(request, streams_list));
  const std::int64_t since = MR_TRY(version_of(request));
  Options options;
  options.name_space = name_space;
  options.selector = MR_TRY(selector_of(resource.kind(), request));
  options.form = MR_TRY(form_of(request));
  options.since = since;
  options.bookmarks = flag(request, "allowWatchBookmarks");
  options.initial = streams_list ? flag(request, "sendInitialEvents") : since == 0;
  options.initial_bookmark = streams_list && options.initial && options.bookmarks;
  if (!options.initial && since == 0) options.since = MR_TRY(resource.list(name_space)).version;
  if (const auto seconds = parse_int(net::query_parameter(request, "timeoutSeconds").value_or(""))) {
    options.until = clock.now() + std::chrono::seconds(std::clamp<std::int64_t>(*seconds, 0, kMaxTimeoutSeconds));
  }
  auto sleeper = sleepers.add();
  if (!sleeper) return fail(Code::unavailable, "too many logs and watches are open; close one");
  net::Response response;
  response.headers.set("Content-Type", "application/json");
  response.stream = std::make_unique<Watch>(resource, clock, std::move(sleeper), std::move(options));
  return response;
}

}  // namespace millrace::kube
