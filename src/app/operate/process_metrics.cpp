#include "app/operate/process_metrics.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

constexpr std::size_t kStatBytes = 4096;

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::size_t entries_of(const char* directory) {
  std::error_code error;
  std::size_t count = 0;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) ++count;
  return count;
}

}  // namespace

void append(std::string& text, const Sample& sample) {
  text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0}{3} {4}\n", sample.name, sample.help, sample.type,
                      sample.labels, sample.value);
}

void append_process(std::string& text) {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0)
    append(text, {"process_cpu_seconds_total", "User and system time.", "counter", "",
                  seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)});
  // size resident shared …, in pages: proc(5).
  if (const auto memory = read_file("/proc/self/statm", kStatBytes)) {
    const auto words = split(*memory, ' ');
    if (words.size() > 1)
      append(text,
             {"process_resident_memory_bytes", "Resident memory.", "gauge", "",
              std::strtod(std::string(words[1]).c_str(), nullptr) * static_cast<double>(::sysconf(_SC_PAGESIZE))});
  }
  append(text, {"process_open_fds", "Open files.", "gauge", "", static_cast<double>(entries_of("/proc/self/fd"))});
  append(text, {"process_threads", "Threads.", "gauge", "", static_cast<double>(entries_of("/proc/self/task"))});
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    append(text, {"process_max_fds", "Files that may be open.", "gauge", "", static_cast<double>(limit.rlim_cur)});
}

void append_storage(std::string& text, const DataLayout& layout) {
  std::error_code error;
  text += "# HELP millrace_database_bytes Size of the database and of its log.\n# TYPE millrace_database_bytes gauge\n";
  for (const auto& [label, suffix] : {std::pair{"main", ""}, std::pair{"wal", "-wal"}}) {
    const auto size = std::filesystem::file_size(layout.database().string() + suffix, error);
    if (!error) text += fmt::format("millrace_database_bytes{{file=\"{}\"}} {}\n", label, size);
  }
  struct statvfs disk{};
  if (::statvfs(layout.root.c_str(), &disk) != 0) return;
  const auto unit = static_cast<double>(disk.f_frsize);
  append(text, {"millrace_disk_size_bytes", "File system of the data directory.", "gauge", "",
                unit * static_cast<double>(disk.f_blocks)});
  append(text, {"millrace_disk_free_bytes", "Of it, what this server may still use.", "gauge", "",
                unit * static_cast<double>(disk.f_bavail)});
}

}  // namespace millrace::app
