#pragma once
// A database file as a whole: copied while others use it, and looked through for damage.

#include <string>
#include <vector>

#include "base/result.h"

namespace millrace::db {

// `from` as it is at one moment, into the new file `to` (0600). Writers of `from`, also in other processes, go on
// meanwhile. Errors: already_exists where `to` is; those of opening; resource_exhausted for a full disk.
Status copy_database(const std::string& from, const std::string& to);

// What SQLite finds wrong with the file, a sentence each, at most a hundred; empty: nothing. Reads all of it.
Result<std::vector<std::string>> damage_of(const std::string& path);

}  // namespace millrace::db
