#pragma once
// A job's lines on standard output, as SageMaker's containers print them.

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace millrace::sagemaker::built_in {

// "[11/23/2026 15:09:01 INFO 4711] text": UTC and the process's number. Each line is written through at once.
class JobLog {
 public:
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    line("INFO", fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    line("ERROR", fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  void line(std::string_view level, std::string_view text);
};

}  // namespace millrace::sagemaker::built_in
