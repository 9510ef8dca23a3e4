#include "sagemaker/frameworks/run_script.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"

namespace millrace::sagemaker::frameworks {
namespace {

namespace fs = std::filesystem;

constexpr int kFailed = 1;
constexpr int kKilled = 137;  // 128 + SIGKILL
constexpr mode_t kRunnable = 0777;

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// "ValueError: …", "torch.cuda.OutOfMemoryError", "KeyboardInterrupt", "SystemExit".
bool names_error(std::string_view line) {
  for (const std::string_view end : {"Error", "Exception", "Interrupt", "Exit", "Invalid requirement"}) {
    for (std::size_t at = line.find(end); at != std::string_view::npos; at = line.find(end, at + 1)) {
      const std::size_t after = at + end.size();
      if (after >= line.size() || !is_letter(line[after])) return true;
    }
  }
  return false;
}

std::string shell_word(const std::string& text) {
  const bool is_plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || std::string_view("@%+=:,./-").find(c) != std::string_view::npos;
  });
  if (is_plain) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
  return out + "'";
}

struct Ended {
  int exit_code = 0;  // 128 + the signal's number for one that a signal ended
  std::string message;
};

void pass_on(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return;  // nobody reads it: the program goes on
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Until no process has it open.
std::string read_errors(int from) {
  ErrorText errors;
  std::array<char, 1u << 16> buffer{};
  while (true) {
    const ssize_t size = ::read(from, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    errors.add(bytes);
    pass_on(bytes);
  }
  return errors.text();
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return kFailed;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Ended run(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {kFailed, system_error("no pipe", errno).message};
  Fd reading(ends[0]), writing(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, writing.get(), STDERR_FILENO);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return {kFailed, system_error(command[0] + " cannot be started", failed).message};
  writing = Fd();
  Ended out;
  out.message = read_errors(reading.get());
  out.exit_code = wait_for(child);
  return out;
}

void print_line(std::string_view line) { pass_on(fmt::format("{}\n", line)); }

void ignore_signal(int) {}

// A stop is for the program, which gets it too: what it then writes is still the job's.
void outlive_stops() {
  struct sigaction action{};
  action.sa_handler = ignore_signal;
  ::sigaction(SIGTERM, &action, nullptr);
}

class Script {
 public:
  Script(fs::path ml, bool installs, std::string program, std::vector<std::string> arguments)
      : output_(ml / "output"),
        code_(ml / "code"),
        installs_(installs),
        program_(std::move(program)),
        arguments_(std::move(arguments)) {}

  int run_all() {
    std::error_code error;
    fs::current_path(code_, error);
    if (error) return fail_with(fmt::format("Framework Error: \nThere is no {}.", code_.native()));
    // trusted-path: this role is the job's own, and sees nothing else
    const ProgramType type = program_type(program_, fs::exists("setup.py", error));
    if (type != ProgramType::package && !fs::is_regular_file(program_, error))
      return fail_with(
          fmt::format("Framework Error: \nThe archive of sagemaker_submit_directory has no {}.", program_));
    if (type == ProgramType::command) ::chmod(program_.c_str(), kRunnable);
    if (const int failed = install(type); failed != 0) return failed;
    const auto command = program_command(type, program_, arguments_, "python3");
    print_line(fmt::format("Invoking user script: {}", join(command, " ")));
    return conclude("ExecuteUserScriptError", command, run(command));
  }

 private:
  int install(ProgramType type) {
    std::error_code error;
    const bool has_requirements = fs::exists("requirements.txt", error);
    std::vector<std::string> command{"python3", "-m", "pip", "install"};
    if (type == ProgramType::package) {
      command.emplace_back(".");
      if (has_requirements && installs_) command.insert(command.end(), {"-r", "requirements.txt"});
      const Ended ended = run(command);
      return ended.exit_code == 0 ? 0 : conclude("InstallModuleError", command, ended);
    }
    if (type != ProgramType::script || !has_requirements || !installs_) return 0;
    command.insert(command.end(), {"-r", "requirements.txt"});
    const Ended ended = run(command);
    return ended.exit_code == 0 ? 0 : conclude("InstallRequirementsError", command, ended);
  }

  int conclude(std::string_view error, const std::vector<std::string>& command, const Ended& ended) {
    if (ended.exit_code == 0) {
      write(output_ / "success", "");
      print_line("Reporting training SUCCESS");
      return 0;
    }
    return fail_with(failure_text(error, ended.exit_code, ended.message, command));
  }

  int fail_with(const std::string& text) {
    std::error_code error;
    print_line("Reporting training FAILURE");
    print_line(text);
    if (!fs::exists(output_ / "failure", error)) write(output_ / "failure", text);
    return kFailed;
  }

  static void write(const fs::path& file, const std::string& text) {
    // trusted-path: this role is the job's own, and sees nothing else
    if (const Status written = write_file(file, text); !written) print_line(written.error().message);
  }

  const fs::path output_, code_;
  const bool installs_;
  const std::string program_;
  const std::vector<std::string> arguments_;
};

}  // namespace

ProgramType program_type(std::string_view program, bool has_setup) {
  if (program.ends_with(".sh")) return ProgramType::command;
  if (has_setup) return ProgramType::package;
  return program.ends_with(".py") ? ProgramType::script : ProgramType::command;
}

std::vector<std::string> program_command(ProgramType type, const std::string& program,
                                         const std::vector<std::string>& arguments, const std::string& python) {
  std::vector<std::string> command;
  if (type == ProgramType::command) {
    std::string line = "./" + program;
    for (const std::string& argument : arguments) line += " " + shell_word(argument);
    return {"/bin/sh", "-c", line};
  }
  if (type == ProgramType::package) {
    const bool is_file = program.ends_with(".py");
    command = {python, "-m", is_file ? program.substr(0, program.size() - 3) : program};
  } else {
    command = {python, program};
  }
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

void ErrorText::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    pending_.append(bytes.substr(0, std::min(end, kMaxBytes - std::min(kMaxBytes, pending_.size()))));
    if (end == std::string_view::npos) return;
    line(pending_);
    pending_.clear();
    bytes.remove_prefix(end + 1);
  }
}

void ErrorText::line(std::string_view text) {
  const auto is_left_out = [](char c) { return c == ' ' || c == ':' || c == '\r'; };
  while (!text.empty() && is_left_out(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_left_out(text.front())) text.remove_prefix(1);
  if (text.empty()) return;
  last_ = text;
  if (size_ >= kMaxBytes || (lines_.empty() && !names_error(text))) return;
  if (std::find(lines_.begin(), lines_.end(), last_) != lines_.end()) return;
  size_ += text.size() + 1;
  lines_.push_back(last_);
}

std::string ErrorText::text() {
  line(pending_);
  pending_.clear();
  return lines_.empty() ? last_ : join(lines_, "\n ");
}

std::string failure_text(std::string_view error, int exit_code, std::string_view message,
                         const std::vector<std::string>& command) {
  std::string text = fmt::format("{}:\nExitCode {}\nErrorMessage \"{}\"\n", error, exit_code, message);
  if (exit_code == kKilled) text += "ExtraInfo \"OutOfMemory: Process killed by SIGKILL (signal 9)\"\n";
  return text + fmt::format("Command \"{}\"", join(command, " "));
}

int script_main(const std::vector<std::string>& arguments) {
  constexpr std::size_t kFixed = 3;
  if (arguments.size() < kFixed) {
    print_line("usage: millrace worker script <ml directory> <install|installed> <program> [arguments…]");
    return kFailed;
  }
  outlive_stops();
  return Script(arguments[0], arguments[1] == "install", arguments[2], {arguments.begin() + kFixed, arguments.end()})
      .run_all();
}

}  // namespace millrace::sagemaker::frameworks
