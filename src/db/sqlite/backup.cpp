#include "db/backup.h"

#include <fcntl.h>

#include <cerrno>
#include <memory>

#include "base/file.h"
#include "db/sqlite/error.h"

namespace millrace::db {
namespace {

constexpr int kBusyTimeoutMs = 10'000;

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};
using Handle = std::unique_ptr<sqlite3, Close>;

Result<Handle> open_file(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Handle handle(raw);
  if (code != SQLITE_OK) return fail(sqlite_error(handle.get(), "cannot open " + path));
  sqlite3_busy_timeout(handle.get(), kBusyTimeoutMs);
  int persist = 1;  // as the server leaves its log (sqlite/connection.cpp)
  sqlite3_file_control(handle.get(), "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
  return handle;
}

Status make_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return file ? Status() : Status(fail(system_error("cannot make " + path, errno)));
}

}  // namespace

Status copy_database(const std::string& from, const std::string& to) {
  const Handle source = MR_TRY(open_file(from));
  MR_TRY(make_file(to));
  const Handle copy = MR_TRY(open_file(to));
  sqlite3_backup* backup = sqlite3_backup_init(copy.get(), "main", source.get(), "main");
  if (backup == nullptr) return fail(sqlite_error(copy.get(), "cannot copy to " + to));
  // All pages in one step: a read transaction, which in WAL mode holds no writer up and sees one moment. In several
  // steps the copy would begin anew with each write of another process.
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code == SQLITE_DONE) return {};
  return fail(sqlite_error(copy.get(), "cannot copy " + from + " to " + to));
}

Result<std::vector<std::string>> damage_of(const std::string& path) {
  const Handle handle = MR_TRY(open_file(path));
  sqlite3_stmt* raw = nullptr;
  const int prepared = sqlite3_prepare_v2(handle.get(), "PRAGMA quick_check(100)", -1, &raw, nullptr);
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw, &sqlite3_finalize);
  std::vector<std::string> found;
  int code = prepared;
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(statement.get());
    if (code == SQLITE_ROW) found.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0)));
  }
  if (code != SQLITE_DONE) return std::vector<std::string>{sqlite3_errmsg(handle.get())};
  if (found.size() == 1 && found.front() == "ok") found.clear();
  return found;
}

}  // namespace millrace::db
