// Child roles are recognised before anything else is set up: they start often and should start quickly.

#include <string>
#include <string_view>
#include <vector>

#include "app/cli.h"
#include "components/components.h"
#include "proc/launcher.h"
#include "sagemaker/frameworks/run_script.h"
#include "sagemaker/worker/worker.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty()) {
    const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    if (arguments[0] == "launcher" && rest.size() == 1) return millrace::proc::launcher_main(rest[0]);
    if (arguments[0] == "component") return millrace::components::component_main(rest);
    if (arguments[0] == "worker" && !rest.empty()) {
      const std::vector<std::string> worker_arguments(rest.begin() + 1, rest.end());
      if (rest[0] == "train") return millrace::sagemaker::worker::train_main(worker_arguments);
      if (rest[0] == "serve") return millrace::sagemaker::worker::serve_main(worker_arguments);
      if (rest[0] == "transform") return millrace::sagemaker::worker::transform_main(worker_arguments);
      if (rest[0] == "script") return millrace::sagemaker::frameworks::script_main(worker_arguments);
    }
  }
  return millrace::app::cli_main(argc, argv);
}
