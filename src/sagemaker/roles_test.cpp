// The test program plays every role that the real one has: it is its own launcher and its own workers.

#include <gtest/gtest.h>

#include <string_view>

#include "proc/launcher.h"
#include "sagemaker/test_server.h"
#include "sagemaker/worker/worker.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "launcher") return millrace::proc::launcher_main(arguments[1]);
  if (arguments.size() > 2 && arguments[0] == "worker") {
    const std::vector<std::string> rest(arguments.begin() + 2, arguments.end());
    if (arguments[1] == "train") return millrace::sagemaker::worker::train_main(rest);
    if (arguments[1] == "serve") return millrace::sagemaker::worker::serve_main(rest);
    if (arguments[1] == "transform") return millrace::sagemaker::worker::transform_main(rest);
    return 64;
  }
  if (arguments.size() == 2 && arguments[0] == "server") {
    return millrace::sagemaker::serve_until_killed(arguments[1]);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
