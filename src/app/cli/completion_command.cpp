// millrace completion SHELL

#include <cstdio>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "app/cli/commands.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

struct Command {
  std::string name, what;
  std::vector<std::pair<std::string, std::string>> options;  // "--watch" and its description
  bool takes_run = false, takes_file = false, takes_shell = false;
};

std::vector<Command> commands_of(const CLI::App& app) {
  std::vector<Command> commands;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    Command command{sub->get_name(), sub->get_description(), {}};
    for (const CLI::Option* option : sub->get_options()) {
      for (const std::string& name : option->get_lnames())
        command.options.emplace_back("--" + name, option->get_description());
      for (const std::string& name : option->get_snames())
        command.options.emplace_back("-" + name, option->get_description());
      command.takes_run |= option->get_name(true) == "RUN";
      command.takes_file |= option->get_name(true) == "FILE";
      command.takes_shell |= option->get_name(true) == "SHELL";
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

// In single quotes, for all three shells.
std::string quoted(const std::string& text, std::string_view quote) {
  return "'" + replace_all(text, "'", quote) + "'";
}

std::string words(const Command& command) {
  std::string text;
  for (const auto& [name, what] : command.options) text += (text.empty() ? "" : " ") + name;
  return text;
}

void print_bash(const std::vector<Command>& commands) {
  std::string names, cases;
  for (const Command& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    const std::string rest = command.takes_run     ? "$(millrace runs --quiet 2>/dev/null) latest"
                             : command.takes_shell ? "bash zsh fish"
                                                   : "";
    cases += fmt::format("    {}) options=\"{}\"; others=\"{}\" ;;\n", command.name, words(command), rest);
  }
  fmt::print(R"sh(# Completion of millrace for bash: eval "$(millrace completion bash)"
_millrace() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" command="" word options="" others=""
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) ;; *) command="$word"; break ;; esac
  done
  if [ -z "$command" ]; then
    COMPREPLY=($(compgen -W "{} --help --version" -- "$current"))
    return
  fi
  case "$command" in
{}  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$others" -- "$current")) ;;
  esac
}}
complete -o bashdefault -o default -F _millrace millrace
)sh",
             names, cases);
}

void print_zsh(const std::vector<Command>& commands) {
  std::string list, cases;
  const auto plain = [](const std::string& text) { return replace_all(replace_all(text, "[", "("), "]", ")"); };
  for (const Command& command : commands) {
    list += "    " + quoted(command.name + ":" + replace_all(command.what, ":", ","), "'\\''") + "\n";
    cases += fmt::format("    {})\n      options=(\n", command.name);
    for (const auto& [name, what] : command.options)
      cases += "        " + quoted(name + ":" + replace_all(plain(what), ":", ","), "'\\''") + "\n";
    cases += "      )\n";
    if (command.takes_run) cases += "      others=(${(f)\"$(millrace runs --quiet 2>/dev/null)\"} latest)\n";
    if (command.takes_shell) cases += "      others=(bash zsh fish)\n";
    if (command.takes_file) cases += "      files=1\n";
    cases += "      ;;\n";
  }
  fmt::print(R"sh(#compdef millrace
# Completion of millrace for zsh: millrace completion zsh > a directory of $fpath, as _millrace
_millrace() {{
  local -a commands options others
  local files=0
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "${{words[2]}}" in
{}  esac
  if [[ "${{words[CURRENT]}}" == -* ]]; then
    _describe option options
  elif (( files )); then
    _files
  else
    compadd -a others
  fi
}}
if [[ "$funcstack[1]" == _millrace ]]; then _millrace "$@"; else compdef _millrace millrace; fi
)sh",
             list, cases);
}

void print_fish(const std::vector<Command>& commands) {
  fmt::print(
      "# Completion of millrace for fish: millrace completion fish > ~/.config/fish/completions/millrace.fish\n");
  for (const Command& command : commands) {
    fmt::print("complete -c millrace -n __fish_use_subcommand -f -a {} -d {}\n", command.name,
               quoted(command.what, "\\'"));
    const std::string in = fmt::format("complete -c millrace -n '__fish_seen_subcommand_from {}'", command.name);
    if (command.takes_run) fmt::print("{} -f -a '(millrace runs --quiet 2>/dev/null) latest'\n", in);
    if (command.takes_shell) fmt::print("{} -f -a 'bash zsh fish'\n", in);
    for (const auto& [name, what] : command.options)
      fmt::print("{} {} {} -d {}\n", in, name.starts_with("--") ? "-l" : "-s",
                 name.substr(name.starts_with("--") ? 2 : 1), quoted(what, "\\'"));
  }
}

}  // namespace

int completion_command(const CLI::App& app, const std::string& shell) {
  const auto commands = commands_of(app);
  if (shell == "bash") print_bash(commands);
  if (shell == "zsh") print_zsh(commands);
  if (shell == "fish") print_fish(commands);
  return kSucceeded;
}

}  // namespace millrace::app
