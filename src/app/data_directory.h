#pragma once
// A data directory at the server's start: is all there that belongs together, and is it private?

#include "app/options.h"
#include "base/result.h"

namespace millrace::app {

// Is there anything that rows of a database speak of: objects, files of runs, of jobs, of endpoints?
bool holds_data(const DataLayout& layout);

// Refuses what a start would otherwise replace in silence: a database that is missing or empty where there are objects
// or runs, a launcher's journal that is missing where there are runs. Error: failed_precondition, one sentence that
// names the file and the ways out. (A missing key is found when it is read.)
Status check_complete(const DataLayout& layout);

// What the server keeps there (its own files, and the directories around what children are given) loses the permissions
// that others have on it, as an older server may have left them. The root itself only where all in it is the server's:
// it may be a directory that somebody had before.
Status make_private(const DataLayout& layout);

}  // namespace millrace::app
