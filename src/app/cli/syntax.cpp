#include "app/cli/syntax.h"

#include <limits>

#include <CLI/CLI.hpp>

#include "app/cli/exit_codes.h"

namespace millrace::app {

void Syntax::argument(const std::string& name, std::string& value, const std::string& what, bool required) {
  app_.add_option(name, value, what)->required(required);
}

void Syntax::arguments(const std::string& name, std::vector<std::string>& values, const std::string& what) {
  app_.add_option(name, values, what)->required();
}

void Syntax::text(const std::string& names, std::string& value, const std::string& what) {
  app_.add_option(names, value, what);
}

void Syntax::texts(const std::string& names, std::vector<std::string>& values, const std::string& what) {
  app_.add_option(names, values, what)->allow_extra_args(false);
}

void Syntax::flag(const std::string& names, bool& value, const std::string& what) { app_.add_flag(names, value, what); }

void Syntax::number(const std::string& names, std::size_t& value, std::size_t first, std::size_t last,
                    const std::string& what) {
  app_.add_option(names, value, what)->capture_default_str()->check(CLI::Range(first, last));
}

void Syntax::count(const std::string& names, std::optional<std::size_t>& value, const std::string& what) {
  app_.add_option(names, value, what)->check(CLI::NonNegativeNumber);
}

void Syntax::bytes(const std::string& names, std::optional<std::uint64_t>& value, const std::string& what) {
  app_.add_option(names, value, what)->transform(CLI::AsSizeValue(false));
}

void Syntax::check(const std::string& name, std::function<std::string(std::string&)> read) {
  app_.get_option(name)->transform(CLI::Validator(std::move(read), std::string()));
}

void Syntax::required(const std::string& name) { app_.get_option(name)->required(); }

void Syntax::needs(const std::string& name, const std::string& other) {
  app_.get_option(name)->needs(app_.get_option(other));
}

void Syntax::excludes(const std::string& name, const std::string& other) {
  app_.get_option(name)->excludes(app_.get_option(other));
}

void Syntax::examples(const std::string& lines, const std::string& more) {
  app_.footer("Examples:\n" + lines + (more.empty() ? "" : "\n" + more) + "\n" + exit_code_table());
}

std::vector<Syntax::Described> Syntax::described() const {
  const CLI::App* root = &app_;
  while (root->get_parent() != nullptr) root = root->get_parent();
  const auto all = [](const CLI::App*) { return true; };
  std::vector<Described> commands;
  for (const CLI::App* sub : root->get_subcommands(all)) {
    Described command{sub->get_name(), sub->get_description(), {}, {}, {}};
    for (const CLI::App* below : sub->get_subcommands(all)) command.commands.push_back(below->get_name());
    for (const CLI::Option* option : sub->get_options()) {
      for (const std::string& name : option->get_lnames())
        command.options.emplace_back("--" + name, option->get_description());
      for (const std::string& name : option->get_snames())
        command.options.emplace_back("-" + name, option->get_description());
      if (option->get_positional()) command.positions.push_back(option->get_name(true));
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

}  // namespace millrace::app
