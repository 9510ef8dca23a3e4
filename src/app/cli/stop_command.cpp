// millrace stop RUN

#include "app/cli/act_on_run.h"

namespace millrace::app {
namespace {

class Stop final : public ActOnRun {
 public:
  Stop() : ActOnRun(":terminate", "is being stopped.", "  millrace stop latest\n  millrace stop 1f0c --watch\n") {}

 private:
  int exit_code(const Value&) const override { return kSucceeded; }  // that it ends canceled is what was asked for
};

}  // namespace

std::unique_ptr<Command> make_stop() { return std::make_unique<Stop>(); }

}  // namespace millrace::app
