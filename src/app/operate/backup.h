#pragma once
// A copy of a data directory that a server may use meanwhile, from which another server goes on.

#include <filesystem>
#include <optional>

#include "app/options.h"
#include "base/result.h"
#include "base/time.h"

namespace millrace::app {

// Makes the directory `to` (0700), whose parent exists; it is there only once it is whole. The database is as it was at
// one moment. Files are copied before and after that moment, so that each which the database speaks of is there; an
// object that is made and deleted again while the second copy runs may be missing, as after its deletion.
// Left out is what a start makes again (Python environments, sockets, clients' files), and the launcher's journal: what
// ran at that moment is no child of the copy's server, which begins it again. Needs tar.
// Errors: already_exists where `to` is; not_found without a database; those of copying.
Status back_up(const DataLayout& from, const std::filesystem::path& to);

// nullopt: the directory was not made by back_up(). Errors: its mark cannot be read.
Result<std::optional<Time>> time_of_copy(const DataLayout& layout);

}  // namespace millrace::app
