#pragma once
// What the data directory's owner may ask about identity: /millrace/identity/…, JSON. AWS has no operations for it, so
// it has an API of its own, and a bearer token that only those who read the directory's key can make.
//
//   GET  …/decisions?request_id=&denied=true&run=&limit=   the latest decisions, each with all it looked at
//   GET  …/runs/{run}/policies                             the smallest policies for what the run did
//   POST …/runs/{run}/verify                               runs it again under just those; {"run_id"}
//   POST …/preflight                                       what a run would be denied (preflight.h)

#include <string>
#include <string_view>

#include "app/identity/preflight.h"
#include "iam/iam.h"
#include "net/http.h"
#include "pipelines/pipelines.h"

namespace millrace::app {

class IdentityApi {
 public:
  IdentityApi(iam::Iam& iam, pipelines::Pipelines& pipelines, Preflight& preflight, std::string_view encryption_key);
  static bool handles(const net::Request& request);
  net::Response handle(net::Request& request);

  static std::string token_of(std::string_view encryption_key);

 private:
  Result<Value> answer(net::Request& request);
  Result<Value> decisions(const net::Request& request);
  Result<Value> policies(const std::string& run_id);
  Result<Value> verify(const std::string& run_id);

  iam::Iam& iam_;
  pipelines::Pipelines& pipelines_;
  Preflight& preflight_;
  std::string token_;
};

}  // namespace millrace::app
