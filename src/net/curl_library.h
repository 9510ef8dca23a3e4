#pragma once

/// libcurl, loaded at the first request that the program sends (base/lazy_library.h says why).

#include <curl/curl.h>

#include "base/lazy_library.h"

namespace millrace::net {

/// Loads libcurl and prepares it, once. Error: unavailable, with the package to install.
Status load_curl();

inline constinit LazyLibrary curl_library{"libcurl.so.4", "libcurl4", "curl_easy_init"};

#ifdef curl_easy_setopt
#undef curl_easy_setopt  // a macro that checks arguments in C
#endif
MR_LAZY_FUNCTION(curl_library, curl_easy_cleanup)
MR_LAZY_FUNCTION(curl_library, curl_easy_init)
MR_LAZY_FUNCTION(curl_library, curl_easy_perform)
MR_LAZY_FUNCTION(curl_library, curl_easy_reset)
MR_LAZY_FUNCTION(curl_library, curl_easy_setopt)
MR_LAZY_FUNCTION(curl_library, curl_easy_strerror)
MR_LAZY_FUNCTION(curl_library, curl_global_init)
MR_LAZY_FUNCTION(curl_library, curl_multi_add_handle)
MR_LAZY_FUNCTION(curl_library, curl_multi_cleanup)
MR_LAZY_FUNCTION(curl_library, curl_multi_info_read)
MR_LAZY_FUNCTION(curl_library, curl_multi_init)
MR_LAZY_FUNCTION(curl_library, curl_multi_perform)
MR_LAZY_FUNCTION(curl_library, curl_multi_poll)
MR_LAZY_FUNCTION(curl_library, curl_multi_remove_handle)
MR_LAZY_FUNCTION(curl_library, curl_multi_wakeup)
MR_LAZY_FUNCTION(curl_library, curl_slist_append)
MR_LAZY_FUNCTION(curl_library, curl_slist_free_all)

}  // namespace millrace::net
