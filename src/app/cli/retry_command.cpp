// millrace retry RUN

#include "app/cli/act_on_run.h"
#include "app/cli/tree.h"

namespace millrace::app {
namespace {

class Retry final : public ActOnRun {
 public:
  Retry()
      : ActOnRun(":retry", "goes on: what failed or was canceled runs again.", "  millrace retry latest --watch\n") {}

 private:
  int exit_code(const Value& ended) const override { return exit_of_state(run_state(ended)); }
};

}  // namespace

std::unique_ptr<Command> make_retry() { return std::make_unique<Retry>(); }

}  // namespace millrace::app
