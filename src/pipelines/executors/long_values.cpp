#include "pipelines/executors/long_values.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/placeholders.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::string_view kDirectory = "arguments", kInput = "--executor_input";
constexpr std::string_view kModules[] = {"kfp.dsl.executor_main", "kfp.components.executor_main"};
constexpr std::string_view kWritesCode = "printf \"%s\" \"$0\"", kReadsCode = "cat \"$0\"";
constexpr std::size_t kMostBytes = 6u << 20;  // of all words, whatever the stack's limit
constexpr std::size_t kReserve = 8u << 10;    // for what else the kernel puts there
constexpr std::size_t kCompared = 4'096;      // bytes of a value that is looked for in a word

// The module with its input read from the file that is named in its place; then as after `python3 -m`.
constexpr std::string_view kReadInput = R"py(import os, runpy, sys
at = sys.argv.index("--executor_input") + 1
with open(sys.argv[at], encoding="utf-8") as file:
    sys.argv[at] = file.read()
sys.path[0] = os.getcwd()
runpy.run_module("{}", run_name="__main__", alter_sys=True)
)py";

bool is_long(const std::string& word) { return word.size() > kMaxWord; }

std::string_view module_of(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    for (const std::string_view module : kModules) {
      if (word.size() <= kMaxWord && word.find(module) != std::string::npos) return module;
    }
  }
  return {};
}

class Files {
 public:
  explicit Files(const std::filesystem::path& attempt) : attempt_(attempt) {}
  // The path by which the task finds it.
  Result<std::string> add(std::string_view name, std::string_view content) {
    const UntrustedTree tree = MR_TRY(UntrustedTree::open(attempt_));
    const std::string inside = fmt::format("{}/{}", kDirectory, name);
    MR_TRY(tree.make_directories(std::string(kDirectory), 0755));
    MR_TRY(tree.write(inside, content, 0644));
    return (attempt_ / inside).native();
  }

 private:
  const std::filesystem::path& attempt_;
};

// In the place of `-m module`, as words or within a script.
void run_program(std::vector<std::string>& words, std::string_view module, const std::string& program) {
  const std::string in_script = fmt::format("-m {}", module);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == module && i > 0 && words[i - 1] == "-m") {
      words[i - 1] = program;
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
      return;
    }
    if (!is_long(words[i])) words[i] = replace_all(words[i], in_script, fmt::format("'{}'", program));
  }
}

std::size_t most_bytes() {
  static const std::size_t limit = [] {
    const long all = ::sysconf(_SC_ARG_MAX);
    return std::min(all > 0 ? static_cast<std::size_t>(all) : kMostBytes, kMostBytes) - kReserve;
  }();
  return limit;
}

// The parameter with the longest value that the word holds; empty: none of any length.
std::string parameter_in(const Value& input, std::string_view word) {
  std::string name;
  std::size_t longest = 0;
  for (const auto& [parameter, value] : input["inputs"]["parameterValues"].members()) {
    const std::string text = text_of(value);
    if (text.size() <= longest || word.find(std::string_view(text).substr(0, kCompared)) == std::string_view::npos)
      continue;
    longest = text.size();
    name = parameter;
  }
  return name;
}

Status too_long(const Value& input, std::string_view what, std::string_view word, std::size_t limit) {
  const std::string parameter = parameter_in(input, word);
  const std::string whose =
      parameter.empty() ? std::string(what) : fmt::format("the input {}, in {},", parameter, what);
  return fail(Code::invalid_argument,
              fmt::format("{} is too long for a command line: {} bytes, where Linux passes at most {}; pass it as an "
                          "artifact, or to a Python component, which gets its inputs by file",
                          whose, word.size(), limit));
}

Status pass_words_by_file(const std::filesystem::path& directory, std::vector<std::string>& command_line) {
  if (std::ranges::none_of(command_line, is_long)) return {};
  const std::string_view module = module_of(command_line);
  if (module.empty()) return {};
  Files files(directory);
  bool by_file = false;
  for (std::size_t i = 0; i + 1 < command_line.size(); ++i) {
    std::string& word = command_line[i];
    std::string& next = command_line[i + 1];
    if (!is_long(next)) continue;
    if (word == kInput) {
      next = MR_TRY(files.add("executor_input.json", next));
      by_file = true;
    } else if (word.find(kWritesCode) != std::string::npos) {
      word = replace_all(word, kWritesCode, kReadsCode);
      next = MR_TRY(files.add("component.py", next));
    }
  }
  if (!by_file) return {};
  const std::string text = replace_all(std::string(kReadInput), "{}", module);
  run_program(command_line, module, MR_TRY(files.add("executor_main.py", text)));
  return {};
}

}  // namespace

Status pass_by_file(const std::filesystem::path& directory, std::vector<std::string>& command,
                    std::vector<std::string>& arguments) {
  std::vector<std::string> words = command;
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (std::ranges::none_of(words, is_long)) return {};
  MR_TRY(pass_words_by_file(directory, words));
  // A program in the place of `-m module` is a word less, of the command.
  const auto end = words.end() - static_cast<std::ptrdiff_t>(std::min(arguments.size(), words.size()));
  command.assign(words.begin(), end);
  arguments.assign(end, words.end());
  return {};
}

Status check_lengths(const Value& executor_input, const work::Workload& step) {
  std::size_t all = 0;
  std::string_view longest;
  for (const auto* words : {&step.command, &step.arguments}) {
    for (const std::string& word : *words) {
      if (is_long(word)) return too_long(executor_input, "an argument", word, kMaxWord);
      all += word.size() + 1 + sizeof(char*);
      if (word.size() > longest.size()) longest = word;
    }
  }
  for (const auto& [name, value] : step.environment) {
    if (name.size() + 1 + value.size() > kMaxWord)
      return too_long(executor_input, "the variable " + name, value, kMaxWord - name.size() - 1);
    all += name.size() + value.size() + 2 + sizeof(char*);
    if (value.size() > longest.size()) longest = value;
  }
  if (all <= kMaxWord || all <= most_bytes()) return {};
  const std::string parameter = parameter_in(executor_input, longest);
  return fail(
      Code::invalid_argument,
      fmt::format("the arguments and variables of the task have {} bytes together, where Linux passes at most {}{}",
                  all, most_bytes(), parameter.empty() ? "" : "; the longest is of the input " + parameter));
}

}  // namespace millrace::pipelines::executors
