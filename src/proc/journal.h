#pragma once
// The launcher's memory on disk: one append-only file of JSON lines, <directory>/journal. It names keys, processes,
// where their output goes and how they ended; never arguments or environments, which hold secrets.
//
//   launching  written, and synced where the child's spec asks for that, before the child is started: a launcher killed
//              in between leaves `lost`, never a second start
//   started    written by the child itself just before exec, so that no running child is unknown
//   ended      written, and synced likewise, before the server hears of it
//   forgotten

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "proc/launcher.h"

namespace millrace::proc {

// When a process started, as process_info.h counts; known from before and after, which costs less than to ask.
struct StartTicks {
  std::uint64_t from = 0, until = 0;
};

struct Record {
  ChildStatus status;
  StartTicks start;  // of status.pid
  std::string boot;  // the boot in which it was started
  std::string log;   // where its output goes, while it runs
};
using Records = std::map<std::string, Record, std::less<>>;  // by key

class Journal {
 public:
  // Reads what is there; a torn last line (a crash) is dropped.
  static Result<Records> load(const std::filesystem::path& file);
  // Replaces the file by one that says exactly `records`, durable, and opens it for appending.
  Status start(const std::filesystem::path& file, const Records& records);

  void launching(const std::string& key, Time at, const std::string& log);
  void ended(const std::string& key, const ChildStatus& status);
  void forgotten(const std::string& key);
  // The line of `started` up to its numbers; the child completes it (spawn.h).
  static std::string started_prefix(const std::string& key, const std::string& boot);

  // Appends the lines collected since the last flush. On an error the file is as before, and so are the lines.
  enum class Sync { no, yes };
  Status flush(Sync sync);
  void drop_unflushed() { lines_.clear(); }
  int descriptor() const { return file_.get(); }
  std::uint64_t size() const;  // bytes on disk

 private:
  std::filesystem::path path_;
  Fd file_;
  std::string lines_;
};

}  // namespace millrace::proc
