#pragma once
// Opening a database, beyond Database::open().

#include <memory>
#include <string>

#include "base/result.h"
#include "db/database.h"

namespace millrace::db {

enum class Expected {
  anything,  // a new database is made where there is none
  existing,  // there is data that its rows speak of: an empty or foreign one is refused (failed_precondition)
};

// As Database::open(). A small database (kCheckedBytes) is read as a whole: data_loss when it is damaged; in a larger
// one, for which that would take longer than a start may, damage is reported where it is met.
inline constexpr std::uintmax_t kCheckedBytes = 64u << 20;
Result<std::unique_ptr<Database>> open_database(const std::string& path, Expected expected,
                                                const Options& options = {});

}  // namespace millrace::db
