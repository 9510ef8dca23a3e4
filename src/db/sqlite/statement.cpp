#include <fmt/core.h>

#include "db/sqlite/connection.h"
#include "db/sqlite/error.h"

namespace millrace::db {

Status SqliteStatement::prepare() {
  const char* tail = nullptr;
  if (sqlite3_prepare_v3(owner_.handle(), sql_.data(), static_cast<int>(sql_.size() + 1), SQLITE_PREPARE_PERSISTENT,
                         &handle_, &tail) != SQLITE_OK)
    return fail(sqlite_error(owner_.handle(), fmt::format("cannot prepare \"{}\"", sql_)));
  if (handle_ == nullptr) return fail(Code::internal, "cannot prepare an empty statement");
  return {};
}

// The position to bind next; a bind after a step starts the statement anew.
int SqliteStatement::next_position() {
  if (stepped_) {
    sqlite3_reset(handle_);
    sqlite3_clear_bindings(handle_);
    stepped_ = false;
    position_ = 0;
    bound_ = {};
  }
  return ++position_;
}

void SqliteStatement::keep_error(int code) {
  if (code == SQLITE_OK || !bound_) return;
  bound_ = fail(sqlite_error(owner_.handle(), fmt::format("cannot bind parameter {} of \"{}\"", position_, sql_)));
}

void SqliteStatement::bind(std::int64_t value) {
  const int position = next_position();
  keep_error(sqlite3_bind_int64(handle_, position, value));
}

void SqliteStatement::bind(double value) {
  const int position = next_position();
  keep_error(sqlite3_bind_double(handle_, position, value));
}

void SqliteStatement::bind_text(std::string_view value) {
  const int position = next_position();
  // An empty view may have no address, which SQLite would take for NULL.
  const char* data = value.data() != nullptr ? value.data() : "";
  keep_error(sqlite3_bind_text64(handle_, position, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void SqliteStatement::bind_blob(std::string_view value) {
  const int position = next_position();
  const char* data = value.data() != nullptr ? value.data() : "";
  keep_error(sqlite3_bind_blob64(handle_, position, data, value.size(), SQLITE_TRANSIENT));
}

void SqliteStatement::bind_null() {
  const int position = next_position();
  keep_error(sqlite3_bind_null(handle_, position));
}

Result<bool> SqliteStatement::step() {
  if (!bound_) return fail(bound_.error());
  stepped_ = true;
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(handle_);  // ends the implicit read transaction; bindings stay until the next bind
    return false;
  }
  Error error = sqlite_error(owner_.handle(), fmt::format("cannot run \"{}\"", sql_));
  sqlite3_reset(handle_);
  return fail(std::move(error));
}

std::string SqliteStatement::text(int column) const {
  const void* data = sqlite3_column_blob(handle_, column);  // TEXT reads as its bytes
  const int size = sqlite3_column_bytes(handle_, column);
  return data != nullptr ? std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)) : std::string();
}

void SqliteStatement::release() noexcept {
  if (!kept_) {
    delete this;
    return;
  }
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  position_ = 0;
  stepped_ = false;
  bound_ = {};
  in_use_ = false;
}

}  // namespace millrace::db
