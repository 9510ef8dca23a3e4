#pragma once
// What `millrace stop` and `millrace retry` share: one request about a run, which may then be watched.

#include <string>
#include <string_view>

#include "app/cli/command.h"

namespace millrace::app {

class ActOnRun : public ClientCommand {
 public:
  void declare(Syntax& syntax) override;
  Result<int> run() override;

 protected:
  // `verb`: of the API (":retry"); `outcome`: the sentence behind the run's name; `examples`: for --help.
  ActOnRun(std::string_view verb, std::string_view outcome, std::string_view examples)
      : verb_(verb), outcome_(outcome), examples_(examples) {}
  // Of one that was watched to its end.
  virtual int exit_code(const Value& ended) const = 0;

 private:
  const std::string_view verb_, outcome_, examples_;
  std::string run_;
  bool watch_ = false;
};

}  // namespace millrace::app
