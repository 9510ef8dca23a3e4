#include <fmt/core.h>

#include "pipelines/api/operations.h"

namespace millrace::pipelines::api {
namespace {

// The log from its beginning to the task's end. Looked at again on each wake and at the server's own interval.
class LogStream final : public net::StreamBody {
 public:
  LogStream(Pipelines& pipelines, std::string run_id, std::string task_id, bool follow)
      : pipelines_(pipelines), run_id_(std::move(run_id)), task_id_(std::move(task_id)), follow_(follow) {}

  Next read(std::string& out) override {
    auto part = pipelines_.task_log(run_id_, task_id_, offset_);
    if (!part) return Next::end;
    offset_ += part->text.size();
    const bool empty = part->text.empty();
    out += part->text;
    if (!empty) return Next::more;
    return part->complete || !follow_ ? Next::end : Next::wait;
  }

 private:
  Pipelines& pipelines_;
  std::string run_id_, task_id_;
  bool follow_;
  std::uint64_t offset_ = 0;
};

}  // namespace

Result<net::Response> read_log(Context& context, const Call& call) {
  const RunView run = MR_TRY(context.pipelines.run(call.id("run")));
  const std::string& node = call.id("node");
  for (const TaskView& task : run.tasks) {
    if (task.is_dag || (task.pod_name != node && task.id != node)) continue;
    net::Response response;
    response.headers.set("Content-Type", "text/plain; charset=utf-8");
    response.stream =
        std::make_unique<LogStream>(context.pipelines, run.id, task.id, call.parameter("follow") == "true");
    return response;
  }
  return fail(Code::not_found, fmt::format("the run {} has no pod named {}", run.id, node));
}

}  // namespace millrace::pipelines::api
