#pragma once
// SQLite's result codes as this program's errors.

#include <sqlite3.h>

#include <string_view>

#include "base/result.h"

namespace millrace::db {

// The connection's present error. `what` says what was tried; the message names the database file.
Error sqlite_error(sqlite3* handle, std::string_view what);

}  // namespace millrace::db
