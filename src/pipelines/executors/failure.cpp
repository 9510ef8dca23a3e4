#include "pipelines/executors/failure.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include "base/strings.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/quoted.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kRead = 64u << 10;  // bytes of a log, before the end of what is looked at
constexpr std::size_t kMaxCause = 2'000;  // an error of AWS names role, action and resource
constexpr std::size_t kMaxImage = 200;
constexpr int kNotFound = 127;  // of a shell: it found no such program

constexpr std::string_view kTraceback = "Traceback (most recent call last):";
constexpr std::string_view kGroup = "+ Exception Group Traceback (most recent call last):";

// At most kRead bytes that end at `end`, from the beginning of a line on where it can be.
std::string read_before(const Fd& log, std::uint64_t end) {
  const std::uint64_t begin = end > kRead ? end - kRead : 0;
  std::string text(static_cast<std::size_t>(end - begin), '\0');
  const ssize_t n = ::pread(log.get(), text.data(), text.size(), static_cast<off_t>(begin));
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  const std::size_t line = begin > 0 ? text.find('\n') : std::string::npos;
  if (line != std::string::npos) return text.substr(line + 1);
  const auto is_inside = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  if (begin > 0) text.erase(text.begin(), std::ranges::find_if_not(text, is_inside));  // of a character
  return text;
}

// What a line of an exception group is, without the rule at its left.
std::string_view without_rule(std::string_view line) {
  const std::size_t rule = line.find_first_not_of(' ');
  if (rule == std::string_view::npos || line[rule] != '|') return line;
  line.remove_prefix(std::min(rule + 2, line.size()));
  return line;
}

// Frames are indented, and what comes after them is not.
std::string exception_after(const std::vector<std::string_view>& lines, std::size_t traceback, bool is_group) {
  for (std::size_t i = traceback + 1; i < lines.size(); ++i) {
    const std::string_view line = is_group ? without_rule(lines[i]) : lines[i];
    if (trim(line).empty() || line.front() == ' ') continue;
    std::string exception(trim(line));
    // With its message on the next line, as some programs put it.
    if (exception.ends_with(':') && i + 1 < lines.size() && !trim(lines[i + 1]).empty())
      exception.append(1, ' ').append(trim(lines[i + 1]));
    return exception;
  }
  return {};
}

std::optional<std::string> last_exception(const std::vector<std::string_view>& lines) {
  for (std::size_t i = lines.size(); i-- > 0;) {
    const bool is_group = trim(lines[i]) == kGroup;
    if (!is_group && !lines[i].starts_with(kTraceback)) continue;
    if (std::string exception = exception_after(lines, i, is_group); !exception.empty()) return exception;
  }
  return std::nullopt;
}

std::string cause_of(const Options& options, const RunContext& run, const engine::Node& node,
                     const work::WorkStatus& status) {
  const auto log = open_log(options, run.run_id, node.path, node.attempt);
  struct stat info{};
  if (!log || ::fstat(log->get(), &info) != 0) return {};
  const auto size = static_cast<std::uint64_t>(std::max<off_t>(info.st_size, 0));
  std::string cause;
  // Of a log that was cut meanwhile the position says nothing.
  if (status.errors_end != 0 && status.errors_end <= size) cause = find_cause(read_before(*log, status.errors_end));
  return cause.empty() ? find_cause(read_before(*log, size)) : cause;
}

bool says_any(std::string_view text, std::initializer_list<std::string_view> pieces) {
  return std::ranges::any_of(pieces,
                             [&](std::string_view piece) { return text.find(piece) != std::string_view::npos; });
}

// What an image would have brought. Empty: it has nothing to do with it.
std::string way_out(const Options& options, const Hooks& hooks, const Executor& executor,
                    const work::WorkStatus& status, std::string_view cause) {
  const std::string& image = executor.image;
  if (image.empty() || is_contained(options, hooks, executor) || options.images.contains(image)) return {};
  const bool package = says_any(cause, {"ModuleNotFoundError: ", "ImportError: "});
  const bool plain = image.starts_with("python:");  // has no packages but those that the component asks for
  // Of this machine's shell, in the place of the image's.
  const bool shell =
      status.exit_code == kNotFound || says_any(cause, {": not found", "Syntax error: ", "Bad substitution"});
  if (!(package && !plain) && !shell) return {};
  return fmt::format(
      "; the image {0} is not run here, its command runs with {1} of this machine: start the server with "
      "--executor container, or with --image {0}=DIRECTORY, a directory with its files{2}",
      quoted(image, kMaxImage), package ? "the packages" : "the shell and the programs",
      package ? ", or name the packages in packages_to_install" : "");
}

}  // namespace

std::string find_cause(std::string_view log) {
  const std::vector<std::string_view> lines = split(trim(log), '\n');
  std::string cause = last_exception(lines).value_or(lines.empty() ? std::string() : std::string(trim(lines.back())));
  return is_valid_utf8(cause) ? quoted(cause, kMaxCause) : std::string();
}

std::string describe_failure(const Options& options, const Hooks& hooks, const RunContext& run,
                             const engine::Node& node, const Executor& executor, const work::WorkStatus& status) {
  std::string what;
  if (status.state == work::WorkStatus::State::lost)
    what = "the process was lost: nobody saw how it ended";
  else if (status.signal != 0)
    what = fmt::format("the process was ended by signal {}", status.signal);
  else
    what = fmt::format("the process ended with exit code {}", status.exit_code);
  const std::string cause = cause_of(options, run, node, status);
  if (!cause.empty()) what += ": " + cause;
  return what + way_out(options, hooks, executor, status, cause);
}

}  // namespace millrace::pipelines::executors
