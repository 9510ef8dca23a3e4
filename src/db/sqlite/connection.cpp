#include "db/sqlite/connection.h"

#include <fcntl.h>

#include <fmt/core.h>

#include "base/file.h"

#include "db/sqlite/error.h"

namespace millrace::db {

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, Role role) {
  // SQLite would count every allocation under one lock for all threads, and nobody asks for the sum.
  [[maybe_unused]] static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection);
  // SQLite would make it as the umask lets it; its other files take on this one's mode.
  if (role == Role::writer) Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (role == Role::writer ? SQLITE_OPEN_CREATE : 0);
  if (sqlite3_open_v2(path.c_str(), &connection->handle_, flags, nullptr) != SQLITE_OK) {
    return fail(sqlite_error(connection->handle_, "cannot open " + path));
  }
  sqlite3_extended_result_codes(connection->handle_, 1);
  MR_TRY(connection->configure(role));
  return connection;
}

Status SqliteConnection::configure(Role role) {
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  const bool writer = role == Role::writer;
  // secure_delete is on in Debian's build and doubles the pages written by a DELETE. Secrets are sealed before they
  // reach a row, so nothing readable is left behind.
  MR_TRY(
      execute(fmt::format("{}PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=OFF;"
                          "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA journal_size_limit=16777216;"
                          "PRAGMA cache_size=-{};{}",
                          writer ? "PRAGMA journal_mode=WAL;" : "", writer ? kWriterCacheKib : kReaderCacheKib,
                          writer ? "" : "PRAGMA query_only=ON;")));
  // The log and its index stay when the last connection closes, the log empty (as a size limit has it): at a full disk
  // they could not be made again.
  int persist = 1;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
  return {};
}

SqliteConnection::~SqliteConnection() {
  by_text_.clear();
  cache_.clear();
  sqlite3_close(handle_);
}

Result<Statement> SqliteConnection::prepare(std::string_view sql) {
  const auto found = by_text_.find(sql);
  if (found != by_text_.end() && !(*found->second)->in_use()) {
    cache_.splice(cache_.begin(), cache_, found->second);
    cache_.front()->lend();
    return Statement(cache_.front().get());
  }
  auto statement = std::make_unique<SqliteStatement>(*this, sql);
  MR_TRY(statement->prepare());
  statement->lend();
  if (found != by_text_.end()) return Statement(statement.release());  // a second one of the same text at the same time
  if (cache_.size() >= kCachedStatements) drop_least_recently_used();
  statement->keep();
  cache_.push_front(std::move(statement));
  by_text_.emplace(cache_.front()->sql(), cache_.begin());
  return Statement(cache_.front().get());
}

void SqliteConnection::drop_least_recently_used() {
  for (auto it = cache_.end(); it != cache_.begin();) {
    --it;
    if ((*it)->in_use()) continue;
    by_text_.erase((*it)->sql());
    cache_.erase(it);
    return;
  }
}

Status SqliteConnection::run_cached(std::string_view sql) { return MR_TRY(prepare(sql)).run(); }

Status SqliteConnection::execute(std::string_view sql) {
  const std::string text(sql);
  if (sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(sqlite_error(handle_, fmt::format("cannot execute \"{}\"", text.substr(0, 120))));
  }
  return {};
}

}  // namespace millrace::db
