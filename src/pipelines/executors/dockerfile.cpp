#include "pipelines/executors/dockerfile.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kShown = 60;  // bytes of an instruction that is left out

// They say how an image is run, shown or kept, not what is in it; a pipeline's command takes the place of the image's.
constexpr std::string_view kWithoutEffect[] = {"ARG",   "CMD",        "ENTRYPOINT", "EXPOSE",     "HEALTHCHECK",
                                               "LABEL", "MAINTAINER", "SHELL",      "STOPSIGNAL", "VOLUME"};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    const std::size_t start = at;
    while (at < text.size() && !is_blank(text[at])) ++at;
    words.emplace_back(text.substr(start, at - start));
  }
  return words;
}

struct Instruction {
  std::size_t line = 0;
  std::string name, arguments;
};

// Lines put together at their backslashes; comments and empty lines are not among them.
std::vector<Instruction> instructions_of(std::string_view text) {
  std::vector<Instruction> out;
  std::string whole;
  std::size_t number = 0, first = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    std::string_view line = trim(raw);
    if (line.starts_with('#') || (line.empty() && whole.empty())) continue;
    if (whole.empty()) first = number;
    const bool goes_on = line.ends_with('\\');
    if (goes_on) line.remove_suffix(1);
    whole += std::string(line) + (goes_on ? " " : "");
    if (goes_on) continue;
    const std::size_t end = std::min(whole.find_first_of(" \t"), whole.size());
    out.push_back({first, to_upper(std::string_view(whole).substr(0, end)),
                   std::string(trim(std::string_view(whole).substr(end)))});
    whole.clear();
  }
  return out;
}

bool is_pip_install(const std::vector<std::string>& words) {
  const auto begins = [&](std::initializer_list<std::string_view> with) {
    return words.size() > with.size() && std::equal(with.begin(), with.end(), words.begin());
  };
  return begins({"pip", "install"}) || begins({"pip3", "install"}) || begins({"python", "-m", "pip", "install"}) ||
         begins({"python3", "-m", "pip", "install"});
}

// Several with && between them too. nullopt: it does something else.
std::optional<std::vector<std::string>> installs_of(const std::string& command) {
  std::vector<std::string> out;
  const std::string parts = replace_all(command, "&&", "\n");
  for (const std::string_view part : split(parts, '\n')) {
    std::vector<std::string> words = words_of(part);
    if (!is_pip_install(words) || part.find_first_of("|&;$`<") != std::string_view::npos) return std::nullopt;
    // For the size of an image; here what was downloaded serves the next environment.
    std::erase(words, "--no-cache-dir");
    out.push_back(join(words, " "));
  }
  return out;
}

// KEY=value …; nullopt: one that is written in another way, or holds a variable.
std::optional<std::vector<std::pair<std::string, std::string>>> variables_of(const std::string& text) {
  if (text.find_first_of("$\\'") != std::string::npos) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& word : words_of(text)) {
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == std::string::npos) return std::nullopt;
    std::string value = word.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (value.find('"') != std::string::npos) return std::nullopt;
    out.emplace_back(word.substr(0, equals), std::move(value));
  }
  return out;
}

// Files that are put where they are in the context: COPY . ., COPY runtime-requirements.txt runtime-requirements.txt.
bool stays_in_place(const std::string& arguments) {
  const std::vector<std::string> words = words_of(arguments);
  if (words.size() != 2) return false;
  const auto place = [](const std::string& word) {
    std::string path = std::filesystem::path(word).lexically_normal().native();
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
  };
  const std::string from = place(words[0]), to = place(words[1]);
  return from == to || (to == "." && from.find('/') == std::string::npos && from.front() != '-');
}

}  // namespace

Dockerfile read_dockerfile(std::string_view text) {
  Dockerfile out;
  for (const Instruction& one : instructions_of(text)) {
    bool done = false;
    if (one.name == "FROM") {
      out = {};
      done = true;
    } else if (one.name == "WORKDIR") {
      const bool plain = one.arguments.find('$') == std::string::npos;
      const auto path = (std::filesystem::path(out.working_directory) / one.arguments).lexically_normal();
      out.working_directory = plain && path.is_absolute() ? path.native() : "";
      while (out.working_directory.size() > 1 && out.working_directory.back() == '/') out.working_directory.pop_back();
      done = true;  // one that is not known is the context's own directory: its files are found there as well
    } else if (one.name == "RUN") {
      if (auto installs = installs_of(one.arguments)) {
        out.installs.insert(out.installs.end(), installs->begin(), installs->end());
        done = true;
      }
    } else if (one.name == "ENV") {
      if (auto variables = variables_of(one.arguments)) {
        out.environment.insert(out.environment.end(), variables->begin(), variables->end());
        done = true;
      }
    } else if (one.name == "COPY" || one.name == "ADD") {
      done = stays_in_place(one.arguments);
    } else {
      done = std::ranges::find(kWithoutEffect, one.name) != std::end(kWithoutEffect);
    }
    if (!done) {
      const std::string whole = one.name + " " + one.arguments;
      out.left_out.push_back(
          fmt::format("line {}: {}{}", one.line, whole.substr(0, kShown), whole.size() > kShown ? "…" : ""));
    }
  }
  return out;
}

}  // namespace millrace::pipelines::executors
