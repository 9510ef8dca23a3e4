// millrace completion SHELL

#include <algorithm>
#include <cstdio>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

struct Described : Syntax::Described {
  bool takes(std::string_view what) const {
    return std::find(positions.begin(), positions.end(), what) != positions.end();
  }
};

// In single quotes, for all three shells.
std::string quoted(const std::string& text, std::string_view quote) {
  return "'" + replace_all(text, "'", quote) + "'";
}

std::string words(const Described& command) {
  std::string text;
  for (const auto& [name, what] : command.options) text += (text.empty() ? "" : " ") + name;
  return text;
}

void print_bash(const std::vector<Described>& commands) {
  std::string names, cases;
  for (const Described& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    const std::string rest = command.takes("RUN")     ? "$(millrace runs --quiet 2>/dev/null) latest"
                             : command.takes("SHELL") ? "bash zsh fish"
                                                      : join(command.commands, " ");
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

void print_zsh(const std::vector<Described>& commands) {
  std::string list, cases;
  const auto plain = [](const std::string& text) { return replace_all(replace_all(text, "[", "("), "]", ")"); };
  for (const Described& command : commands) {
    list += "    " + quoted(command.name + ":" + replace_all(command.what, ":", ","), "'\\''") + "\n";
    cases += fmt::format("    {})\n      options=(\n", command.name);
    for (const auto& [name, what] : command.options)
      cases += "        " + quoted(name + ":" + replace_all(plain(what), ":", ","), "'\\''") + "\n";
    cases += "      )\n";
    if (command.takes("RUN")) cases += "      others=(${(f)\"$(millrace runs --quiet 2>/dev/null)\"} latest)\n";
    if (command.takes("SHELL")) cases += "      others=(bash zsh fish)\n";
    if (!command.commands.empty()) cases += fmt::format("      others=({})\n", join(command.commands, " "));
    if (command.takes("FILE")) cases += "      files=1\n";
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

void print_fish(const std::vector<Described>& commands) {
  fmt::print(
      "# Completion of millrace for fish: millrace completion fish > ~/.config/fish/completions/millrace.fish\n");
  for (const Described& command : commands) {
    fmt::print("complete -c millrace -n __fish_use_subcommand -f -a {} -d {}\n", command.name,
               quoted(command.what, "\\'"));
    const std::string in = fmt::format("complete -c millrace -n '__fish_seen_subcommand_from {}'", command.name);
    if (command.takes("RUN")) fmt::print("{} -f -a '(millrace runs --quiet 2>/dev/null) latest'\n", in);
    if (command.takes("SHELL")) fmt::print("{} -f -a 'bash zsh fish'\n", in);
    if (!command.commands.empty()) fmt::print("{} -f -a '{}'\n", in, join(command.commands, " "));
    for (const auto& [name, what] : command.options)
      fmt::print("{} {} {} -d {}\n", in, name.starts_with("--") ? "-l" : "-s",
                 name.substr(name.starts_with("--") ? 2 : 1), quoted(what, "\\'"));
  }
}

class Completion final : public Command {
 public:
  void declare(Syntax& syntax) override {
    syntax_ = &syntax;
    syntax.argument("SHELL", shell_, "bash, zsh or fish");
    syntax.check("SHELL", [](std::string& shell) {
      return shell == "bash" || shell == "zsh" || shell == "fish" ? "" : "a shell is bash, zsh or fish";
    });
    syntax.examples(
        "  eval \"$(millrace completion bash)\"\n"
        "  millrace completion zsh > ~/.zfunc/_millrace\n"
        "  millrace completion fish > ~/.config/fish/completions/millrace.fish\n");
  }

  Result<int> run() override {
    std::vector<Described> commands;
    for (Syntax::Described& one : syntax_->described()) commands.push_back({std::move(one)});
    if (shell_ == "bash") print_bash(commands);
    if (shell_ == "zsh") print_zsh(commands);
    if (shell_ == "fish") print_fish(commands);
    return kSucceeded;
  }

 private:
  Syntax* syntax_ = nullptr;
  std::string shell_;
};

}  // namespace

std::unique_ptr<Command> make_completion() { return std::make_unique<Completion>(); }

}  // namespace millrace::app
