#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/server.h"
#include "app/stop_watch.h"

namespace millrace::app {

int serve_command(const ServeOptions& options) {
  // An arena for each core serves as well as the usual eight, and keeps less of what an idle server has given back.
  ::mallopt(M_ARENA_MAX, static_cast<int>(std::max(2u, std::thread::hardware_concurrency())));
  StopWatch watch(StopWatch::Begin::at_signal);
  auto server = Server::start(options);
  if (!server) {
    fmt::print(stderr, "millrace: {}\n", server.error().message);
    return 1;
  }
  fmt::print("listening on {}\n", (*server)->endpoint());
  fmt::print("console      {}/\n", (*server)->endpoint());
  fmt::print("data         {}\n", options.data_dir.string());
  fmt::print("in a shell   eval \"$(millrace env --data-dir {})\"\n", options.data_dir.string());
  std::fflush(stdout);
  watch.wait_for_signal();
  const auto left =
      (*server)->stop(options.stop_children ? Server::Children::stop : Server::Children::keep_if_busy, watch.phase());
  if (left.runs > 0) {
    fmt::print(
        "{} run{} under way: their steps go on, and the next `millrace serve` on this data directory takes them up.\n",
        left.runs, left.runs == 1 ? " is" : "s are");
  }
  if (left.jobs > 0) {
    fmt::print(
        "{} SageMaker job{} or endpoint{} under way: the processes go on, and the next `millrace serve` on this data "
        "directory adopts them.\n",
        left.jobs, left.jobs == 1 ? "" : "s", left.jobs == 1 ? " is" : "s are");
  }
  std::fflush(stdout);
  server->reset();
  return 0;
}

}  // namespace millrace::app
