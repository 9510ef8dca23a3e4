// millrace doctor

#include <algorithm>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/operate/checks.h"
#include "app/options.h"
#include "base/json.h"
#include "base/terminal_text.h"

namespace millrace::app {
namespace {

std::string_view word_of(Health finding) {
  switch (finding) {
    case Health::good:
      return "ok";
    case Health::limited:
      return "limited";
    case Health::bad:
      return "bad";
  }
  return "";
}

class Doctor final : public Command {
 public:
  void declare(Syntax& syntax) override {
    syntax.text("--data-dir", data_dir_, kDataDirHelp);
    declare_json(syntax);
    syntax.examples("  millrace doctor\n  millrace doctor --json\n",
                    "Nothing is changed, and no server is needed. The exit code is 1 when something is bad.\n");
  }

  Result<int> run() override {
    const DataLayout layout(
        std::filesystem::absolute(data_dir_.empty() ? default_data_dir() : std::filesystem::path(data_dir_)));
    auto found = check_machine();
    for (CheckResult& one : check_data(layout)) found.push_back(std::move(one));
    if (json())
      print_json(found);
    else
      print_text(found);
    const bool bad = std::ranges::any_of(found, [](const CheckResult& one) { return one.finding == Health::bad; });
    return bad ? kFailed : kSucceeded;
  }

 private:
  static void print_text(const std::vector<CheckResult>& found) {
    for (const CheckResult& one : found)
      fmt::print("{:<12} {:<8} {}\n", one.name, word_of(one.finding), terminal_line(one.what));
  }

  static void print_json(const std::vector<CheckResult>& found) {
    Value checks = Value::array();
    for (const CheckResult& one : found)
      checks.push(
          Value::object({{"name", one.name}, {"finding", std::string(word_of(one.finding))}, {"what", one.what}}));
    fmt::print("{}\n", to_json_pretty(Value::object({{"checks", std::move(checks)}})));
  }

  std::string data_dir_;
};

}  // namespace

std::unique_ptr<Command> make_doctor() { return std::make_unique<Doctor>(); }

}  // namespace millrace::app
