#include "db/sqlite/error.h"

#include <fmt/core.h>

#include "base/disk_full.h"

namespace millrace::db {
namespace {

std::string_view file_of(sqlite3* handle) {
  const char* name = handle != nullptr ? sqlite3_db_filename(handle, "main") : nullptr;
  return name != nullptr ? name : "the database";
}

bool is_full(sqlite3* handle, int code) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  if ((code & 0xff) != SQLITE_IOERR || handle == nullptr) return false;
  const int reason = sqlite3_system_errno(handle);
  return is_disk_full(reason);
}

}  // namespace

Error sqlite_error(sqlite3* handle, std::string_view what) {
  const int code = handle != nullptr ? sqlite3_extended_errcode(handle) : SQLITE_NOMEM;
  const char* text = handle != nullptr ? sqlite3_errmsg(handle) : "out of memory";
  if (is_full(handle, code)) {
    return disk_full(fmt::format("{} cannot grow", file_of(handle)));
  }
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return {Code::already_exists, fmt::format("{}: {}", what, text)};
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_READONLY:
      return {Code::failed_precondition, fmt::format("{} is read-only: {}", file_of(handle), text)};
    case SQLITE_NOTADB:
      return {Code::failed_precondition,
              fmt::format("{} is not a database of this program; move it away or choose another data directory",
                          file_of(handle))};
    case SQLITE_CORRUPT:
      return {Code::data_loss, fmt::format("{} is damaged: {}; restore it from a backup", file_of(handle), text)};
    default:
      return {Code::internal, fmt::format("{}: {} (SQLite code {}, {})", what, text, code, file_of(handle))};
  }
}

}  // namespace millrace::db
