#include "kube/pod_log.h"

#include <limits>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"
#include "kube/pod_view.h"
#include "kube/request.h"

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxTailBytes = 16u << 20;  // looked through for the last lines
constexpr std::int64_t kMaxSinceSeconds = 1'000'000'000;

// Text to begin with, and where the log goes on after it.
struct Tail {
  std::string text;
  std::uint64_t next = 0;
};

struct LogOptions {
  bool follow = false, timestamps = false;
  std::int64_t tail = -1;  // lines; -1: all
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  std::optional<Time> since;
  int attempt = 0;
  std::optional<Time> ended;  // the attempt
};

class LogStream final : public net::StreamBody {
 public:
  LogStream(pipelines::Pipelines& pipelines, const Clock& clock, Pod pod, std::shared_ptr<Sleeper> sleeper, Tail tail,
            const LogOptions& options)
      : pipelines_(pipelines),
        clock_(clock),
        pod_(std::move(pod)),
        ended_(options.ended),
        sleeper_(std::move(sleeper)),
        first_(std::move(tail.text)),
        attempt_(options.attempt),
        offset_(tail.next),
        left_(options.limit),
        timestamps_(options.timestamps) {}

  void attach(std::function<void()> wake) override {
    if (sleeper_) sleeper_->attach(std::move(wake));
  }
  Next read(std::string& out) override {
    if (!first_.empty()) return give(out, std::exchange(first_, {}));
    auto part = pipelines_.task_log(pod_.run.id, pod_.task.id, offset_, attempt_);
    if (!part) return Next::end;
    const bool none = part->next == offset_;
    offset_ = part->next;
    if (!none) return give(out, part->text);
    return part->complete || sleeper_ == nullptr ? Next::end : Next::wait;
  }

 private:
  Next give(std::string& out, std::string_view text) {
    const std::string stamped = timestamps_ ? with_times(text) : std::string(text);
    const auto taken = std::min<std::uint64_t>(left_, stamped.size());
    out.append(stamped, 0, taken);
    left_ -= taken;
    return left_ == 0 ? Next::end : Next::more;
  }

  // A part may end in the midst of a line.
  std::string with_times(std::string_view text) {
    std::string time = format_rfc3339_millis(ended_.value_or(clock_.now()));
    time.replace(time.size() - 1, 1, "000000Z ");  // nanoseconds, as a kubelet writes them
    std::string out;
    for (const char c : text) {
      if (at_line_start_) out += time;
      out += c;
      at_line_start_ = c == '\n';
    }
    return out;
  }

  pipelines::Pipelines& pipelines_;
  const Clock& clock_;
  Pod pod_;
  std::optional<Time> ended_;
  std::shared_ptr<Sleeper> sleeper_;  // null: not followed
  std::string first_;
  int attempt_;
  std::uint64_t offset_, left_;
  bool timestamps_, at_line_start_ = true;
};

// The last `lines` lines.
Result<Tail> tail_of(pipelines::Pipelines& pipelines, const Pod& pod, const LogOptions& options) {
  std::int64_t lines = options.tail;
  std::string text;
  std::uint64_t offset = 0;
  while (true) {
    const auto part = MR_TRY(pipelines.task_log(pod.run.id, pod.task.id, offset, options.attempt));
    if (part.next == offset) break;
    offset = part.next;
    text += part.text;
    if (text.size() > kMaxTailBytes) text.erase(0, text.size() - kMaxTailBytes);
  }
  std::size_t at = text.size();
  if (at > 0 && text.back() == '\n' && lines > 0) --at;
  for (; lines > 0 && at > 0; --lines) {
    const auto end = text.rfind('\n', at - 1);
    if (end == std::string::npos) return Tail{std::move(text), offset};
    at = end;
  }
  if (lines > 0) return Tail{std::move(text), offset};
  return Tail{text.substr(at < text.size() ? at + 1 : at), offset};
}

// A number of the query, at least `least`; otherwise nullopt, and a fault where there is one.
std::optional<std::int64_t> number(const net::Request& request, const char* name, std::int64_t least,
                                   FieldErrors& errors) {
  const auto text = net::query_parameter(request, name);
  if (!text || text->empty()) return std::nullopt;
  const auto value = parse_int(*text);
  if (value && *value >= least) return value;
  errors.invalid(name, value ? Value(*value) : Value(*text),
                 least == 0 ? "must be greater than or equal to 0" : "must be greater than 0");
  return std::nullopt;
}

Result<LogOptions> log_options(const net::Request& request, const std::string& pod, Time now) {
  LogOptions options;
  FieldErrors errors;
  options.follow = flag(request, "follow");
  options.timestamps = flag(request, "timestamps");
  options.tail = number(request, "tailLines", 0, errors).value_or(-1);
  if (const auto limit = number(request, "limitBytes", 1, errors)) options.limit = static_cast<std::uint64_t>(*limit);
  const auto seconds = number(request, "sinceSeconds", 1, errors);
  const std::string since = net::query_parameter(request, "sinceTime").value_or("");
  if (seconds) options.since = now - std::chrono::seconds(std::min<std::int64_t>(*seconds, kMaxSinceSeconds));
  if (!since.empty()) {
    const auto time = parse_rfc3339(since);
    if (!time) errors.invalid("sinceTime", since, "must be a time as RFC 3339 has it");
    if (seconds) errors.forbidden("sinceSeconds", "at most one of `sinceTime` or `sinceSeconds` may be specified");
    if (time) options.since = *time;
  }
  MR_TRY(errors.status("PodLogOptions", pod));
  return options;
}

}  // namespace

Result<net::Response> pod_log(pipelines::Pipelines& pipelines, Pods& pods, Sleepers& sleepers, const Clock& clock,
                              const net::Request& request, const std::string& name_space, const std::string& name) {
  Pod pod = MR_TRY(pods.find(name_space, name));
  if (const auto container = net::query_parameter(request, "container"); container && *container != kContainer)
    return fail(bad_request(fmt::format("container {} is not valid for pod {}", *container, name)));
  LogOptions options = MR_TRY(log_options(request, name, clock.now()));
  // A task's attempts follow each other as a container's restarts do.
  const bool previous = flag(request, "previous");
  options.attempt = previous ? pod.task.attempt - 1 : pod.task.attempt;
  if (previous && options.attempt < 1) {
    return fail(
        bad_request(fmt::format("previous terminated container \"{}\" in pod \"{}\" not found", kContainer, name)));
  }
  options.ended = previous ? pods.end_of_previous(pod) : pod.task.ended;
  // All that a step wrote was written by its end.
  if (options.since && options.ended && *options.ended < *options.since) options.tail = 0;
  Tail begin;
  if (options.tail >= 0) begin = MR_TRY(tail_of(pipelines, pod, options));
  std::shared_ptr<Sleeper> sleeper;
  if (options.follow) {
    sleeper = sleepers.add();
    if (!sleeper) return fail(Code::unavailable, "too many logs and watches are open; close one");
  }
  net::Response response;
  response.headers.set("Content-Type", "text/plain");
  response.stream =
      std::make_unique<LogStream>(pipelines, clock, std::move(pod), std::move(sleeper), std::move(begin), options);
  return response;
}

}  // namespace millrace::kube
