#include <climits>

#include <fmt/core.h>

#include "db/connection.h"
#include "db/sqlite_error.h"

namespace millrace::db {
namespace {

// The position to bind next; a bind after a step starts the statement anew.
int next_position(Statement::Impl& impl) {
  if (impl.stepped) {
    sqlite3_reset(impl.handle);
    sqlite3_clear_bindings(impl.handle);
    impl.stepped = false;
    impl.position = 0;
    impl.bound = {};
  }
  return ++impl.position;
}

void keep_error(Statement::Impl& impl, int code) {
  if (code == SQLITE_OK || !impl.bound) return;
  impl.bound = fail(
      sqlite_error(impl.owner->handle(), fmt::format("cannot bind parameter {} of \"{}\"", impl.position, impl.sql)));
}

}  // namespace

Statement::Statement(Statement&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}

Statement::~Statement() {
  if (impl_ != nullptr) impl_->owner->give_back(impl_);
}

Statement& Statement::bind(std::int64_t value) {
  const int position = next_position(*impl_);
  keep_error(*impl_, sqlite3_bind_int64(impl_->handle, position, value));
  return *this;
}

Statement& Statement::bind(double value) {
  const int position = next_position(*impl_);
  keep_error(*impl_, sqlite3_bind_double(impl_->handle, position, value));
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  const int position = next_position(*impl_);
  // An empty view may have no address, which SQLite would take for NULL.
  const char* data = value.data() != nullptr ? value.data() : "";
  keep_error(*impl_, sqlite3_bind_text64(impl_->handle, position, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_blob(std::string_view value) {
  const int position = next_position(*impl_);
  const char* data = value.data() != nullptr ? value.data() : "";
  keep_error(*impl_, sqlite3_bind_blob64(impl_->handle, position, data, value.size(), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind_null() {
  const int position = next_position(*impl_);
  keep_error(*impl_, sqlite3_bind_null(impl_->handle, position));
  return *this;
}

Statement& Statement::bind(const std::optional<std::string>& value) {
  return value ? bind(std::string_view(*value)) : bind_null();
}

Result<bool> Statement::step() {
  if (!impl_->bound) return fail(impl_->bound.error());
  impl_->stepped = true;
  const int code = sqlite3_step(impl_->handle);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(impl_->handle);  // ends the implicit read transaction; bindings stay until the next bind
    return false;
  }
  Error error = sqlite_error(impl_->owner->handle(), fmt::format("cannot run \"{}\"", impl_->sql));
  sqlite3_reset(impl_->handle);
  return fail(std::move(error));
}

Status Statement::run() {
  while (MR_TRY(step())) {
  }
  return {};
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(impl_->handle, column); }
double Statement::real(int column) const { return sqlite3_column_double(impl_->handle, column); }

std::string Statement::text(int column) const {
  const void* data = sqlite3_column_blob(impl_->handle, column);  // TEXT reads as its bytes
  const int size = sqlite3_column_bytes(impl_->handle, column);
  return data != nullptr ? std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)) : std::string();
}

bool Statement::is_null(int column) const { return sqlite3_column_type(impl_->handle, column) == SQLITE_NULL; }

}  // namespace millrace::db
