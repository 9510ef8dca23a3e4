#pragma once
// The part of the Kubernetes API that the lab and its debugging need: discovery, namespaces, secrets, pods (a view of
// tasks) with logs, events; what unmodified kubectl asks for; and SageMaker's custom resources (aws_resources/).

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "db/database.h"
#include "kube/aws_resources/aws_api.h"
#include "net/http.h"
#include "pipelines/pipelines.h"

namespace millrace::kube {

struct Options {
  std::string encryption_key;  // 32 bytes; secrets at rest are sealed with it
  std::string bearer_token;    // what a request must carry
};

class Kube {
 public:
  static Result<std::unique_ptr<Kube>> open(db::Database& database, const Clock& clock, Options options);
  virtual ~Kube() = default;
  // Pods come from here; set once while wiring (kube is opened first: pipelines needs its secrets).
  virtual void set_pipelines(pipelines::Pipelines& pipelines) = 0;
  // /api, /apis, /version, /openapi, /healthz… on the TLS side of the port. 401 without the token.
  virtual net::Response handle(net::Request& request) = 0;
  // The custom resources are brought in step with the services behind them, by a thread, until stop_controllers(),
  // which joins it. `api` outlives that. note_aws_change(): from any thread, once something of the service's changed.
  virtual void start_controllers(AwsApi& api) = 0;
  virtual void stop_controllers() = 0;
  virtual void note_aws_change() = 0;
  // Decoded data of a secret. not_found: `secrets "aws-secret" not found in namespace "kubeflow"; …`
  virtual Result<std::map<std::string, std::string>> secret(const std::string& name_space, const std::string& name) = 0;
  // The same of a config map, its binary data decoded.
  virtual Result<std::map<std::string, std::string>> config_map(const std::string& name_space,
                                                                const std::string& name) = 0;
};

}  // namespace millrace::kube
