#pragma once
// What `millrace doctor` looks at, on this machine and in a data directory. Nothing is changed.

#include <string>
#include <vector>

#include "app/options.h"

namespace millrace::app {

enum class Health { good, limited, bad };  // limited: works, but something that the sentence names does not

struct CheckResult {
  std::string name;  // "sandbox"
  Health finding = Health::good;
  std::string what;  // a sentence: what was found, and for anything but good what to do
};

std::vector<CheckResult> check_machine();
// Also of a directory that a server uses. Reads the whole database.
std::vector<CheckResult> check_data(const DataLayout& layout);

}  // namespace millrace::app
