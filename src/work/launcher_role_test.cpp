// The test program is its own launcher: started as `work_test launcher <directory>` it takes that role before
// GoogleTest's main() sees the arguments.

#include <cstdlib>
#include <cstring>

#include "proc/launcher.h"

namespace {

[[gnu::constructor]] void become_launcher(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "launcher") == 0) std::_Exit(millrace::proc::launcher_main(argv[2]));
}

}  // namespace
