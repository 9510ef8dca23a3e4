#pragma once
// What a command's line may have, declared without the library that reads it: syntax.cpp alone knows that one.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace millrace::app {

// Each value is written when the line is read; the variables must outlive that. Names are "--output" or "-o,--output".
class Syntax {
 public:
  explicit Syntax(CLI::App& app) : app_(app) {}

  // By its position: "RUN". A required one without a value is a fault of the line.
  void argument(const std::string& name, std::string& value, const std::string& what, bool required = true);
  void arguments(const std::string& name, std::vector<std::string>& values, const std::string& what);  // one or more
  void text(const std::string& names, std::string& value, const std::string& what);
  void texts(const std::string& names, std::vector<std::string>& values, const std::string& what);  // repeated
  void flag(const std::string& names, bool& value, const std::string& what);
  // A whole number from `first` to `last`; its default is shown.
  void number(const std::string& names, std::size_t& value, std::size_t first, std::size_t last,
              const std::string& what);
  void count(const std::string& names, std::optional<std::size_t>& value, const std::string& what);
  void bytes(const std::string& names, std::optional<std::uint64_t>& value, const std::string& what);  // 20GiB

  // Makes of the value what it means; the sentence that is returned refuses it, an empty one does not.
  void check(const std::string& name, std::function<std::string(std::string&)> read);
  void required(const std::string& name);
  void needs(const std::string& name, const std::string& other);
  void excludes(const std::string& name, const std::string& other);
  void examples(const std::string& lines, const std::string& more = {});  // the end of its help

  // All commands of the program, as they were declared: for the completion of shells.
  struct Described {
    std::string name, what;
    std::vector<std::pair<std::string, std::string>> options;  // "--watch" and its description
    std::vector<std::string> positions;                        // "RUN"
    std::vector<std::string> commands;                         // below it
  };
  std::vector<Described> described() const;

 private:
  CLI::App& app_;
};

}  // namespace millrace::app
