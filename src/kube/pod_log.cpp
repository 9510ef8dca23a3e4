#include "kube/pod_log.h"

#include <limits>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxTailBytes = 16u << 20;  // looked through for the last lines

// Text to begin with, and where the log goes on after it.
struct Tail {
  std::string text;
  std::uint64_t next = 0;
};

class LogStream final : public net::StreamBody {
 public:
  LogStream(pipelines::Pipelines& pipelines, Pod pod, std::shared_ptr<Sleeper> sleeper, Tail tail, std::uint64_t limit)
      : pipelines_(pipelines),
        pod_(std::move(pod)),
        sleeper_(std::move(sleeper)),
        first_(std::move(tail.text)),
        offset_(tail.next),
        left_(limit) {}

  void attach(std::function<void()> wake) override {
    if (sleeper_) sleeper_->attach(std::move(wake));
  }
  Next read(std::string& out) override {
    if (!first_.empty()) return give(out, std::exchange(first_, {}));
    auto part = pipelines_.task_log(pod_.run.id, pod_.task.id, offset_);
    if (!part) return Next::end;
    const bool none = part->next == offset_;
    offset_ = part->next;
    if (!none) return give(out, part->text);
    return part->complete || sleeper_ == nullptr ? Next::end : Next::wait;
  }

 private:
  Next give(std::string& out, std::string_view text) {
    const auto taken = std::min<std::uint64_t>(left_, text.size());
    out += text.substr(0, taken);
    left_ -= taken;
    return left_ == 0 ? Next::end : Next::more;
  }
  pipelines::Pipelines& pipelines_;
  Pod pod_;
  std::shared_ptr<Sleeper> sleeper_;  // null: not followed
  std::string first_;
  std::uint64_t offset_, left_;
};

// The last `lines` lines.
Result<Tail> tail_of(pipelines::Pipelines& pipelines, const Pod& pod, std::int64_t lines) {
  std::string text;
  std::uint64_t offset = 0;
  while (true) {
    const auto part = MR_TRY(pipelines.task_log(pod.run.id, pod.task.id, offset));
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

Result<std::int64_t> number(const net::Request& request, const char* name, std::int64_t otherwise) {
  const auto text = net::query_parameter(request, name);
  if (!text) return otherwise;
  const auto value = parse_int(*text);
  if (value && *value >= 0) return *value;
  return fail(Code::invalid_argument,
              fmt::format("{}: Invalid value: \"{}\": must be a number of at least 0", name, *text));
}

}  // namespace

Result<net::Response> pod_log(pipelines::Pipelines& pipelines, Pods& pods, Sleepers& sleepers,
                              const net::Request& request, const std::string& name_space, const std::string& name) {
  for (const char* refused : {"timestamps", "sinceSeconds", "sinceTime", "previous"}) {
    const auto value = net::query_parameter(request, refused);
    if (value && *value != "false") {
      return fail(Code::invalid_argument,
                  fmt::format("the log of a task is plain text without times; {} is not served here", refused));
    }
  }
  Pod pod = MR_TRY(pods.find(name_space, name));
  if (const auto container = net::query_parameter(request, "container"); container && *container != "main") {
    return fail(Code::invalid_argument, fmt::format("container {} is not valid for pod {}", *container, name));
  }
  const auto limit = MR_TRY(number(request, "limitBytes", std::numeric_limits<std::int64_t>::max()));
  const auto tail = MR_TRY(number(request, "tailLines", -1));
  Tail begin;
  if (tail >= 0) begin = MR_TRY(tail_of(pipelines, pod, tail));
  std::shared_ptr<Sleeper> sleeper;
  if (net::query_parameter(request, "follow").value_or("") == "true") {
    sleeper = sleepers.add();
    if (!sleeper) return fail(Code::unavailable, "too many logs and watches are open; close one");
  }
  net::Response response;
  response.headers.set("Content-Type", "text/plain");
  response.stream = std::make_unique<LogStream>(pipelines, std::move(pod), std::move(sleeper), std::move(begin),
                                                static_cast<std::uint64_t>(limit));
  return response;
}

}  // namespace millrace::kube
