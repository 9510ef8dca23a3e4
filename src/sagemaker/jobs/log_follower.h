#pragma once
// Follows the files that children write to, line by line, into CloudWatch Logs. The position needs no record of its
// own: every non-empty line is one event, so the number of stored events says where to go on after a restart.
//
// A child may print for ever, make its log shorter or put holes into it. Of one file so much is kept as the limits say,
// then a line that says so; zero bytes are left out; no file takes more than its turn.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "logs/logs.h"

namespace millrace::sagemaker {

class LogFollower {
 public:
  struct Limits {                            // of one file
    std::uint64_t stored_bytes = 64u << 20;  // of its first bytes
    std::size_t stored_events = 1'000'000;
    std::uint64_t turn_bytes = 4u << 20;  // read before the next file's turn; ten turns a second
    std::uint64_t tail_bytes = 4u << 20;  // of what is not kept, so much of the end is still shown to on_line
  };
  static constexpr std::string_view kFullLine =
      "[millrace] This log is larger than what is kept of a log here: what follows is left out.";

  LogFollower(logs::Logs& logs, const Clock& clock);
  enum class Reads {
    as_it_grows,      // on a thread
    when_it_is_over,  // in finish(), for simulations
  };
  LogFollower(logs::Logs& logs, const Clock& clock, Limits limits, Reads reads = Reads::as_it_grows);
  ~LogFollower();  // stop()

  struct Source {
    std::filesystem::path file;  // need not exist yet
    std::string group, stream;
    // Each line from the file's start, also those stored before a restart, in order; past the limits those of the
    // file's end. Called on the follower's thread
    // or finish()'s, never both at once.
    std::function<void(std::string_view line, Time at)> on_line;
  };
  // Starts to follow; a key that is followed already is left as it is (false).
  bool follow(const std::string& key, Source source);
  // Stores what is left, the unfinished last line too, and stops following. Call it once the child has ended.
  Status finish(const std::string& key);
  void drop(const std::string& key);
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Cuts `pending` + `bytes` into lines; pure. Lines lose "\n" and "\r\n"; empty ones are left out (CloudWatch stores no
// empty message); one longer than the limit comes in pieces.
class LineCutter {
 public:
  static constexpr std::size_t kMaxLine = 200'000;  // below CloudWatch's 256 KB an event
  void add(std::string_view bytes, const std::function<void(std::string_view)>& line);
  void end(const std::function<void(std::string_view)>& line);  // the last line without its newline

 private:
  std::string pending_;
};

}  // namespace millrace::sagemaker
