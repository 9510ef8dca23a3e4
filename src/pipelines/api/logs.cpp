#include <sys/stat.h>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "pipelines/api/nodes.h"
#include "pipelines/api/operations.h"
#include "pipelines/api/run_message.h"
#include "pipelines/executors/attempt_files.h"

namespace millrace::pipelines::api {
namespace {

// The log from its beginning to the task's end. Looked at again on each wake and at the server's own interval.
class LogStream final : public net::StreamBody {
 public:
  LogStream(Pipelines& pipelines, std::string run_id, std::string task_id, bool follow)
      : pipelines_(pipelines), run_id_(std::move(run_id)), task_id_(std::move(task_id)), follow_(follow) {}

  Next read(std::string& out) override {
    auto part = pipelines_.task_log(run_id_, task_id_, offset_, 0);
    if (!part) return Next::end;
    const bool none = part->next == offset_;
    offset_ = part->next;
    out += part->text;
    if (!none) return Next::more;
    return part->complete || !follow_ ? Next::end : Next::wait;
  }

 private:
  Pipelines& pipelines_;
  std::string run_id_, task_id_;
  bool follow_;
  std::uint64_t offset_ = 0;
};

net::Response text_response() {
  net::Response response;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  return response;
}

Result<net::Response> log_of_attempt(const Context& context, const std::string& run_id, const TaskView& task,
                                     int attempt) {
  net::FileBody log;
  auto file = executors::open_log(context.options, run_id, task.id, attempt);
  struct stat facts{};
  if (!file || ::fstat(file->get(), &facts) != 0)
    return fail(file ? Code::internal : file.error().code,
                fmt::format("the log of {} cannot be read", attempt_name(task, attempt)));
  log.file = std::move(*file);
  log.length = static_cast<std::uint64_t>(facts.st_size);
  net::Response response = text_response();
  response.file = std::move(log);
  return response;
}

}  // namespace

Result<net::Response> read_log(Context& context, const Call& call) {
  const std::string& run_id = call.id("run");
  const Node node = MR_TRY(find_node(context.database, run_id, call.id("node")));
  if (node.task.is_dag)
    return fail(Code::not_found,
                fmt::format("{} is a group of tasks, which writes no log; ask for one of them", node.task.id));
  if (node.attempt != 0) return log_of_attempt(context, run_id, node.task, node.attempt);
  net::Response response = text_response();
  response.stream =
      std::make_unique<LogStream>(context.pipelines, run_id, node.task.id, call.parameter("follow") == "true");
  return response;
}

}  // namespace millrace::pipelines::api
