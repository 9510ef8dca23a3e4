#pragma once
// A dag template's tasks, in the IR.

#include <functional>
#include <map>
#include <set>
#include <string>

#include "pipelines/v1/compiled.h"

namespace millrace::pipelines::v1 {

// Finds a template, translated, or what is declared of it where it is under way: a template may call itself.
using FindTemplate = std::function<Result<const Compiled*>(const Place& from, const std::string& name)>;

// The component whose dag is being made: what its tasks may name.
struct Scope {
  bool is_root = false;  // its inputs are the workflow's parameters
  std::set<std::string> parameters, artifacts;
  std::map<std::string, Text> files;  // of the root: input artifacts that the workflow gives as text
  std::string exit_group;             // of the root: the task whose end is the workflow's, where an exit task follows
  std::set<std::string> of_the_run;   // filled: what its tasks need of the run
};

// Translates the template's dag; its component's inputs and outputs are the caller's to write.
Result<Value> compile_dag(const Place& place, const Value& spec, const std::string& name, Scope& scope,
                          const FindTemplate& find, Compiled& compiled, Output& output);

}  // namespace millrace::pipelines::v1
