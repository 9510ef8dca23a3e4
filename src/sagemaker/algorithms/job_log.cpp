#include "sagemaker/algorithms/job_log.h"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <string>

namespace millrace::sagemaker::built_in {

void JobLog::line(std::string_view level, std::string_view text) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char when[32];
  std::strftime(when, sizeof when, "%m/%d/%Y %H:%M:%S", &parts);
  const std::string whole = fmt::format("[{} {} {}] {}\n", when, level, ::getpid(), text);
  std::fwrite(whole.data(), 1, whole.size(), stdout);
  std::fflush(stdout);
}

}  // namespace millrace::sagemaker::built_in
