#pragma once
// The web console: embedded assets, the small JSON API beneath them (/console/api/…), one event stream per tab.

#include <memory>

#include "base/result.h"
#include "logs/logs.h"
#include "net/http.h"
#include "pipelines/pipelines.h"
#include "s3/s3.h"
#include "sagemaker/sagemaker.h"

namespace millrace::console {

class Console {
 public:
  struct Needs {
    pipelines::Pipelines& pipelines;
    sagemaker::SageMaker& sagemaker;
    s3::S3& s3;
    logs::Logs& logs;
  };
  static std::unique_ptr<Console> make(Needs needs);
  virtual ~Console() = default;
  // GET /, /assets/…, /console/api/…
  virtual bool handles(const net::Request& request) const = 0;
  // A child of the server's gets the logs of its run's family and nothing else of the API.
  virtual net::Response handle(net::Request& request, const pipelines::Caller& caller) = 0;
  net::Response handle(net::Request& request) { return handle(request, pipelines::Caller()); }
};

}  // namespace millrace::console
