#pragma once
// The identity door as `millrace iam` sees it: only on the machine of the data directory, whose key opens it.

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "net/client.h"

namespace millrace::app {

class IdentityClient {
 public:
  // `data_dir` empty: the default one. Errors: unavailable when no server has used it; those of reading its key.
  static Result<std::unique_ptr<IdentityClient>> open(const std::string& data_dir);
  // `path` is under /millrace/identity/ and encoded. Errors carry the server's sentence.
  Result<Value> call(std::string_view method, const std::string& path, const Value& body = {});
  const std::string& endpoint() const { return endpoint_; }

 private:
  std::string endpoint_, token_;
  net::Client http_;
};

}  // namespace millrace::app
