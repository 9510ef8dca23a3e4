// The test program is its own launcher: started as `proc_test launcher <directory>` it takes that role before gtest's
// main() sees the arguments. As `proc_test probe` it is a child that tries what it is not allowed to do.

#include <cstdlib>
#include <cstring>

#include "proc/confinement_probe.h"
#include "proc/launcher.h"

namespace {

[[gnu::constructor]] void become_launcher(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "launcher") == 0) std::_Exit(millrace::proc::launcher_main(argv[2]));
  if (argc == 2 && std::strcmp(argv[1], "probe") == 0) std::_Exit(millrace::proc::probe_main());
}

}  // namespace
