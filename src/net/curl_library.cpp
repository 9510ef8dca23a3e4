#include "net/curl_library.h"

namespace millrace::net {

Status load_curl() {
  MR_TRY(curl_library.load());
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  return {};
}

}  // namespace millrace::net
