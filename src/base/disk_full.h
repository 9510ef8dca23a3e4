#pragma once
// A full disk, said alike everywhere: it is the one failure of the server's own that an operator can end at once.

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

// Error::reason of a full disk, with Code::resource_exhausted. It is what AWS's services call it.
inline constexpr std::string_view kDiskFullReason = "ServiceUnavailable";
inline constexpr int kInsufficientStorage = 507;  // the HTTP status (RFC 4918) of APIs that are not AWS's

// "the disk is full: <what failed>; free space, …"
Error disk_full(std::string_view what);
bool is_disk_full(const Error& error);
bool is_disk_full(int error_number);  // ENOSPC, EDQUOT

}  // namespace millrace
