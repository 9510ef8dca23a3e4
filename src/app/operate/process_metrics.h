#pragma once
// What Prometheus calls the process's own figures, and those of the data directory's file system.

#include <string>

#include "app/options.h"

namespace millrace::app {

// One family with one sample. `type` is gauge or counter; `labels` with their braces, or empty.
struct Sample {
  std::string name, help, type, labels;
  double value = 0;
};
void append(std::string& text, const Sample& sample);

// CPU time, resident memory, threads, open files; the database's size; space on its disk. What cannot be read is left
// out.
void append_process(std::string& text);
void append_storage(std::string& text, const DataLayout& layout);

}  // namespace millrace::app
