#pragma once
// The compiler of one dag template: its tasks, where their inputs come from, and the tasks that are made beside them
// for files and for the items of loops.

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "pipelines/v1/dag.h"

namespace millrace::pipelines::v1 {

inline constexpr std::string_view kItem = "loop.item", kItems = "loop.items";
// Any image would do: what is run in it are commands of every machine.
inline constexpr std::string_view kHelperImage = "python:3";

inline Value input_source(std::string_view name) { return Value::object({{"componentInputParameter", name}}); }

class DagCompiler {
 public:
  DagCompiler(const Place& place, const Value& spec, const std::string& name, Scope& scope, const FindTemplate& find,
              Compiled& compiled, Output& output)
      : place_(place), spec_(spec), name_(name), scope_(scope), find_(find), compiled_(compiled), output_(output) {}

  Result<Value> compile();

 private:
  // dag.cpp
  Status add(const Place& at);
  Value wrap(const std::string& name, const Compiled& callee, Value task, Value inputs, Value files);
  Result<Value> dag_outputs();

  // dag_sources.cpp
  Result<Value> source(const Place& at, const Tag& tag, bool loop);
  Result<Value> run_source(const Place& at, const std::string& input);
  Status set_parameter(const Place& at, Value& parameters, const std::string& name, const Text& text, bool loop);
  Result<Text> read(const Place& at);
  Status arguments(const Place& at, const std::string& name, const Compiled& callee, bool loop, Value& inputs,
                   Value& files);
  Result<Value> artifact_source(const Place& at);
  Result<std::string> condition(const Place& at, bool loop, Value& inputs);

  // dag_files.cpp
  Result<Value> file_task(const Place& at, const std::string& task, const std::string& artifact, const Text& text,
                          bool loop, Value& tasks);
  Result<Value> constant_file(const Place& at, const std::string& name, const std::string& artifact,
                              const Compiled& callee, const Text& constant, const std::map<std::string, Text>& texts,
                              bool loop, Value& files);
  Result<Value> root_file(const Place& at, const std::pair<const std::string, Text>& file);

  // dag_loops.cpp
  Status iterate(const Place& at, const std::string& name, const Compiled& callee, Value& outer, Value& after);
  Result<Value> with_marks(const Place& at, const Value& value, Text& tags, std::size_t depth);
  Result<Value> items_task(const Place& at, const std::string& loop, const Value& marked, const Text& tags);

  const Place& place_;
  const Value& spec_;
  const std::string& name_;
  Scope& scope_;
  const FindTemplate& find_;
  Compiled& compiled_;
  Output& output_;
  std::map<std::string, const Compiled*> callees_;
  std::set<std::string> awaited_;  // tasks that others wait for
  std::string current_;
  std::map<std::string, Value> root_files_;  // where they come from
  Value tasks_ = Value::object();
};

}  // namespace millrace::pipelines::v1
