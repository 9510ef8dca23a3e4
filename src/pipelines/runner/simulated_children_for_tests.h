#pragma once
// The children of a simulated runner: a backend that starts nothing, what each attempt comes to, and the files that it
// leaves. Scripts are "<what it does> <input> <file of its output> [<file of its artifact>]".

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/strings.h"
#include "work/fake_backend.h"

namespace millrace::pipelines::runner {

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}
  bool one_in(std::uint32_t n) { return random_() % n == 0; }
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  std::mt19937 random_;
};

class SimulatedChildren {
 public:
  using Note = std::function<void(std::string)>;
  SimulatedChildren(Dice& dice, Note note) : dice_(dice), note_(std::move(note)) {}

  work::FakeBackend backend;

  // The program has died: what was stuck for it may end.
  void begin_life() {
    stuck_.clear();
    stops_before_ = backend.stopped().size();
  }

  // Those that may end. `alive`: the program is; of this life's children only those whose start was answered, as a
  // backend promises.
  std::vector<std::string> able_to_end(bool alive) {
    const auto unanswered = backend.unanswered();
    std::vector<std::string> keys;
    for (std::string& key : backend.running()) {
      if (alive && std::ranges::find(unanswered, key) != unanswered.end()) continue;
      if (!stuck_.contains(key)) keys.push_back(std::move(key));
    }
    return keys;
  }

  // false: none can.
  bool end_one(bool alive) {
    const auto keys = able_to_end(alive);
    if (keys.empty()) return false;
    const std::string& key = keys[dice_.below(keys.size())];
    const std::size_t fate = dice_.below(16);
    const bool stopped = is_stopped(key);
    note_(fmt::format("{} ends: {}{}", key, fate, stopped ? ", stopped" : ""));
    if (alive && fate == 0 && is_stopped_in_this_life(key))
      stuck_.insert(key);  // in the kernel: nobody sees it end
    else
      end(key, fate, stopped);
    if (alive && dice_.one_in(5)) backend.repeat_end(key);
    return true;
  }

  // The machine is started anew.
  void lose_all() {
    for (const std::string& key : backend.running()) {
      succeeded_[key] = false;
      backend.lose(key);
    }
  }

  // The data are another machine's now.
  void stay_behind() {
    backend.know_nothing();
    begin_life();
  }

  bool is_stopped(const std::string& key) {
    const auto stopped = backend.stopped();
    return std::ranges::find(stopped, key) != stopped.end();
  }
  // With what it was to leave. nullopt: it has not ended.
  std::optional<bool> has_succeeded(const std::string& key) const {
    const auto found = succeeded_.find(key);
    return found == succeeded_.end() ? std::nullopt : std::optional(found->second);
  }
  const std::string& written_by(const std::string& key) { return written_[key]; }
  // `does`: what a script does, and its input. Has any attempt at that left this?
  bool has_left(const std::string& does, const std::string& value) { return results_[does].contains(value); }

 private:
  // A program that does not know that it has stopped a child does not wonder where its end is.
  bool is_stopped_in_this_life(const std::string& key) {
    const auto stopped = backend.stopped();
    return std::find(stopped.begin() + static_cast<std::ptrdiff_t>(stops_before_), stopped.end(), key) != stopped.end();
  }

  void end(const std::string& key, std::size_t fate, bool stopped) {
    succeeded_[key] = false;
    if (stopped && fate < 12) {
      backend.kill(key, 15);
    } else if (fate == 13) {
      backend.kill(key, 9);
    } else if (fate == 14) {
      backend.lose(key);
    } else if (fate == 15) {
      backend.end(key, 1);
    } else {
      if (fate != 0) write_output(key);  // else it ends well without it, and so has failed
      backend.end(key);
    }
  }

  void write_output(const std::string& key) {
    const std::string script = backend.workload(key)->command.back();
    const auto words = split(script, ' ');
    ASSERT_GE(words.size(), 3u) << script;
    const std::string value = fmt::format("v{}", ++values_);
    EXPECT_TRUE(write_file(std::string(words[2]), value)) << script;
    if (words.size() > 3) {
      EXPECT_TRUE(write_file(std::string(words[3]), value)) << script;
    }
    succeeded_[key] = true;
    written_[key] = value;
    results_[fmt::format("{} {}", words[0], words[1])].insert(value);
  }

  Dice& dice_;
  const Note note_;
  std::set<std::string> stuck_;
  std::size_t stops_before_ = 0;
  std::map<std::string, bool> succeeded_;                 // by launch key
  std::map<std::string, std::string> written_;            // by launch key
  std::map<std::string, std::set<std::string>> results_;  // by what the script does
  int values_ = 0;
};

}  // namespace millrace::pipelines::runner
