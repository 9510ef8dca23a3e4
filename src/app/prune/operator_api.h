#pragma once
// What the data directory's owner may ask of the server as a whole: /millrace/operator/…, JSON, with a bearer token
// that only who reads the directory's key can make. Neither a page in a browser nor a child of the server has it.
//
//   POST …/prune   {"older_than_seconds", "keep", "max_bytes", "orphans": true, "dry_run": true}, each optional →
//                  {"dry_run", "removed": [{"kind", "name", "id", "bytes"}], "bytes", "left", "failed"}
//                  One call removes a bounded number of runs; while "left" is not 0, there are more.

#include <string>
#include <string_view>

#include "app/prune/pruner.h"
#include "net/http.h"

namespace millrace::app {

class OperatorApi {
 public:
  OperatorApi(Pruner& pruner, std::string_view encryption_key);
  static bool handles(const net::Request& request);
  net::Response handle(net::Request& request);

  static std::string token_of(std::string_view encryption_key);

 private:
  Result<Value> answer(net::Request& request);

  Pruner& pruner_;
  std::string token_;
};

}  // namespace millrace::app
