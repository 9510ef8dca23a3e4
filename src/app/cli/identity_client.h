#pragma once
// The APIs for the data directory's owner as `millrace iam` and `millrace prune` see them: only on the machine of the
// data directory, whose key opens it.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "app/cli/client.h"
#include "base/result.h"
#include "base/value.h"
#include "net/client.h"

namespace millrace::app {

class IdentityClient {
 public:
  // `data_dir` empty: the default one. Errors: unavailable when no server has used it; those of reading its key.
  enum class Api { identity, operator_ };  // /millrace/identity/, /millrace/operator/
  static Result<std::unique_ptr<IdentityClient>> open(const std::string& data_dir, Text text, Api api = Api::identity);
  // `path` is under that and encoded. Waits kPatience at most. Errors carry the server's sentence.
  Result<Value> call(std::string_view method, const std::string& path, const Value& body = {});
  const std::string& endpoint() const { return endpoint_; }

 private:
  static constexpr std::chrono::minutes kPatience{30};
  std::string endpoint_, token_, root_;
  Text text_ = Text::printable;
  net::Client http_;
};

}  // namespace millrace::app
