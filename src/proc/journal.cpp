#include "proc/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>

#include <fmt/format.h>

#include "base/disk_full.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"

namespace millrace::proc {
namespace {

constexpr std::size_t kMaxJournalBytes = 1u << 30;

// A line's beginning, of an object that is still open. Put together here, for each child has three: a Value of each
// costs more than all the rest of a line.
void begin_line(std::string& out, std::string_view what, const std::string& key) {
  out += R"({"op":")";
  out += what;
  out += R"(","key":)";
  append_json_string(out, key);
}

void append_launching(std::string& out, const std::string& key, Time at, const std::string& log) {
  begin_line(out, "launching", key);
  if (!log.empty()) {
    out += R"(,"log":)";
    append_json_string(out, log);
  }
  fmt::format_to(std::back_inserter(out), ",\"at\":{}}}\n", to_epoch_ms(at));
}

// The child itself writes the rest: what the kernel calls it is known when it is there.
void append_started(std::string& out, const std::string& key, const std::string& boot) {
  begin_line(out, "started", key);
  out += R"(,"boot":)";
  append_json_string(out, boot);
  out += R"(,"pid":)";
}

void append_ended(std::string& out, const std::string& key, const ChildStatus& status) {
  begin_line(out, "ended", key);
  if (status.errors_end != 0) fmt::format_to(std::back_inserter(out), ",\"errors\":{}", status.errors_end);
  fmt::format_to(std::back_inserter(out), ",\"lost\":{},\"code\":{},\"signal\":{},\"at\":{}}}\n",
                 status.state == ChildStatus::State::lost, status.exit_code, status.signal, to_epoch_ms(status.ended));
}

void apply(Records& records, const Value& line) {
  const std::string op = line["op"].string_or(), key = line["key"].string_or();
  if (op == "forgotten") {
    records.erase(key);
    return;
  }
  Record& record = records[key];
  if (op == "launching") {
    record = {};
    record.status.started = from_epoch_ms(line["at"].int_or(0));
    record.log = line["log"].string_or();
  } else if (op == "started") {
    record.status.pid = line["pid"].int_or(0);
    const std::int64_t start = line["start"].int_or(0);
    record.start = {static_cast<std::uint64_t>(start), static_cast<std::uint64_t>(line["until"].int_or(start))};
    record.boot = line["boot"].string_or();
  } else if (op == "ended") {
    record.status.state = line["lost"].bool_or(true) ? ChildStatus::State::lost : ChildStatus::State::exited;
    record.status.exit_code = static_cast<int>(line["code"].int_or(0));
    record.status.signal = static_cast<int>(line["signal"].int_or(0));
    record.status.errors_end = static_cast<std::uint64_t>(line["errors"].int_or(0));
    record.status.ended = from_epoch_ms(line["at"].int_or(0));
  }
}

}  // namespace

Result<Records> Journal::load(const std::filesystem::path& file) {
  Records records;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return records;
  const std::string text = MR_TRY(read_file(file, kMaxJournalBytes));
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    const auto value = parse_json(line);
    if (value && value->is_object()) {
      apply(records, *value);
    } else {
      log::warn("{}: an unreadable line of {} bytes is left out", file.string(), line.size());
    }
  }
  return records;
}

Status Journal::start(const std::filesystem::path& file, const Records& records) {
  path_ = file;
  std::string text;
  for (const auto& [key, record] : records) {
    const bool runs = record.status.state == ChildStatus::State::running;
    append_launching(text, key, record.status.started, runs ? record.log : std::string());
    if (record.status.pid != 0) {
      append_started(text, key, record.boot);
      fmt::format_to(std::back_inserter(text), "{},\"start\":{},\"until\":{}}}\n", record.status.pid, record.start.from,
                     record.start.until);
    }
    if (!runs) append_ended(text, key, record.status);
  }
  const Status written = write_file_atomic(file, text, 0600);
  // At a full disk the lines that are there serve: `records` are what they say, but for ends that are found out again.
  std::error_code error;
  if (!written && !(is_disk_full(written.error()) && std::filesystem::exists(file, error))) return written;
  file_ = Fd(::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file_) return fail(system_error("cannot open " + file.string(), errno));
  return {};
}

void Journal::launching(const std::string& key, Time at, const std::string& log) {
  append_launching(lines_, key, at, log);
}
void Journal::ended(const std::string& key, const ChildStatus& status) { append_ended(lines_, key, status); }
void Journal::forgotten(const std::string& key) {
  begin_line(lines_, "forgotten", key);
  lines_ += "}\n";
}

std::string Journal::started_prefix(const std::string& key, const std::string& boot) {
  std::string text;
  append_started(text, key, boot);
  return text;
}

std::uint64_t Journal::size() const {
  struct stat info{};
  return ::fstat(file_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

Status Journal::flush(Sync sync) {
  if (!lines_.empty()) {
    const off_t before = ::lseek(file_.get(), 0, SEEK_END);
    std::string_view rest = lines_;
    while (!rest.empty()) {
      const ssize_t n = ::write(file_.get(), rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        Error error = system_error("cannot write " + path_.string(), errno);
        if (::ftruncate(file_.get(), before) != 0) log::error("cannot cut {} back", path_.string());
        return fail(std::move(error));
      }
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  if (sync == Sync::yes && ::fdatasync(file_.get()) != 0) {
    return fail(system_error("cannot sync " + path_.string(), errno));
  }
  lines_.clear();
  return {};
}

}  // namespace millrace::proc
