#pragma once
// Opening a launcher, beyond Launcher::open().

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "proc/child_log.h"
#include "proc/launcher.h"

namespace millrace::proc {

// As Launcher::open(), which keeps kDefaultChildLogLimit. `log_limit`: bytes of each child's output that are kept
// (child_log.h); 0: all. It holds for children that run already, too.
Result<std::unique_ptr<Launcher>> open_launcher(const std::filesystem::path& directory,
                                                const std::filesystem::path& executable, Launcher::ExitHandler on_exit,
                                                std::uint64_t log_limit);

}  // namespace millrace::proc
