#pragma once
// The removal of a directory of any size, which its owner can end. See untrusted_tree.h for what is never followed.

#include <atomic>
#include <filesystem>

#include "base/result.h"

namespace millrace {

// As remove_tree(place). Errors, in addition: cancelled: `stop` became true; what was not removed by then is there.
Status remove_tree(const std::filesystem::path& place, const std::atomic<bool>& stop);

}  // namespace millrace
