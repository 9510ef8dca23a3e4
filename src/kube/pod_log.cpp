#include "kube/pod_log.h"

#include <limits>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxTailBytes = 16u << 20;  // looked through for the last lines

class LogStream final : public net::StreamBody {
 public:
  LogStream(pipelines::Pipelines& pipelines, Pod pod, std::shared_ptr<Sleeper> sleeper, std::uint64_t offset,
            std::uint64_t limit)
      : pipelines_(pipelines), pod_(std::move(pod)), sleeper_(std::move(sleeper)), offset_(offset), left_(limit) {}

  void attach(std::function<void()> wake) override {
    if (sleeper_) sleeper_->attach(std::move(wake));
  }
  Next read(std::string& out) override {
    auto part = pipelines_.task_log(pod_.run.id, pod_.task.id, offset_);
    if (!part) return Next::end;
    offset_ += part->text.size();
    const auto taken = std::min<std::uint64_t>(left_, part->text.size());
    out.append(part->text, 0, taken);
    left_ -= taken;
    if (left_ == 0) return Next::end;
    if (!part->text.empty()) return Next::more;
    return part->complete || sleeper_ == nullptr ? Next::end : Next::wait;
  }

 private:
  pipelines::Pipelines& pipelines_;
  Pod pod_;
  std::shared_ptr<Sleeper> sleeper_;  // null: not followed
  std::uint64_t offset_, left_;
};

// Where the last `lines` lines begin.
Result<std::uint64_t> tail_offset(pipelines::Pipelines& pipelines, const Pod& pod, std::int64_t lines) {
  std::string text;
  std::uint64_t offset = 0;
  while (true) {
    const auto part = MR_TRY(pipelines.task_log(pod.run.id, pod.task.id, offset));
    if (part.text.empty()) break;
    offset += part.text.size();
    text += part.text;
    if (text.size() > kMaxTailBytes) text.erase(0, text.size() - kMaxTailBytes);
  }
  std::size_t at = text.size();
  if (at > 0 && text.back() == '\n' && lines > 0) --at;
  for (; lines > 0 && at > 0; --lines) {
    const auto end = text.rfind('\n', at - 1);
    if (end == std::string::npos) return offset - text.size();
    at = end;
  }
  if (lines > 0) return offset - text.size();
  return offset - text.size() + (at < text.size() ? at + 1 : at);
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
  const std::uint64_t offset = tail < 0 ? 0 : MR_TRY(tail_offset(pipelines, pod, tail));
  std::shared_ptr<Sleeper> sleeper;
  if (net::query_parameter(request, "follow").value_or("") == "true") {
    sleeper = sleepers.add();
    if (!sleeper) return fail(Code::unavailable, "too many logs and watches are open; close one");
  }
  net::Response response;
  response.headers.set("Content-Type", "text/plain");
  response.stream = std::make_unique<LogStream>(pipelines, std::move(pod), std::move(sleeper), offset,
                                                static_cast<std::uint64_t>(limit));
  return response;
}

}  // namespace millrace::kube
