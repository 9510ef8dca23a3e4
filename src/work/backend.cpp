#include "work/backend.h"

#include <future>
#include <memory>
#include <utility>

namespace millrace::work {

Result<WorkStatus> Backend::start_and_wait(Workload workload) {
  const auto answer = std::make_shared<std::promise<Result<WorkStatus>>>();
  auto waiting = answer->get_future();
  start(std::move(workload), [answer](Result<WorkStatus> status) { answer->set_value(std::move(status)); });
  return waiting.get();
}

}  // namespace millrace::work
