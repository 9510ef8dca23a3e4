#pragma once
// The server's parts and the order they live in: server.cpp opens and stops them, server_requests.cpp passes requests
// to them, server_hooks.cpp is what pipelines have of the others.

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "app/callers.h"
#include "app/client_files.h"
#include "app/commands.h"
#include "app/container_credentials.h"
#include "app/controller_client.h"
#include "app/data_directory.h"
#include "app/disk_reserve.h"
#include "app/identity/api.h"
#include "app/live_children.h"
#include "app/operate/operation_metrics.h"
#include "app/operate/request_metrics.h"
#include "app/operate/run_traces.h"
#include "app/prune/operator_api.h"
#include "app/prune/pruner.h"
#include "app/router.h"
#include "app/server.h"
#include "app/upkeep.h"
#include "blob/blob_store.h"
#include "console/console.h"
#include "db/database.h"
#include "kube/kube.h"
#include "logs/logs.h"
#include "net/server.h"
#include "pipelines/pipelines.h"
#include "s3/s3.h"
#include "sagemaker/sagemaker.h"
#include "work/container_backend.h"
#include "work/process_backend.h"

namespace millrace::app {

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(ServeOptions options) : options_(std::move(options)), layout_(options_.data_dir) {}
  ~ServerImpl() override {
    StopPhase unseen{nullptr};
    stop(Children::keep_if_busy, unseen);
  }

  Status open();
  std::string endpoint() const override { return endpoint_; }
  const ServeOptions& options() const override { return options_; }
  Result<aws::Credentials> administrator() override { return iam_->administrator(); }
  Status wait_for_sample_data() override { return sample_data_.get(); }
  UnderWay stop(Children children, StopPhase& phase) override;

 private:
  Status open_services();
  Status open_network();
  pipelines::Hooks hooks();
  net::Response handle(net::Request& request);
  net::Response dispatch(net::Request& request);
  net::Response pass_on(Api api, net::Request& request, std::string_view refused_because);
  bool prune_some();
  net::Response for_operator(net::Request& request);
  std::optional<net::Response> probe(const net::Request& request) const;
  net::Response metrics(const net::Request& request);
  net::Response unavailable(const net::Request& head, std::string_view message) const;
  net::Response for_caller(Api api, net::Request& request, const pipelines::Caller& caller);

  ServeOptions options_;
  DataLayout layout_;
  SystemClock clock_;
  Fd lock_;
  std::filesystem::path key_file_;
  std::string key_, endpoint_, kubernetes_endpoint_, node_role_;
  ServerTls tls_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<blob::BlobStore> blobs_;
  std::unique_ptr<iam::Iam> iam_;
  std::unique_ptr<s3::S3> s3_;
  std::unique_ptr<logs::Logs> logs_;
  OperationMetrics operation_metrics_;
  std::unique_ptr<aws::Gateway> gateway_;
  std::unique_ptr<ContainerCredentials> credentials_;
  std::unique_ptr<LiveChildren> launcher_;
  std::unique_ptr<work::ProcessBackend> processes_;
  std::unique_ptr<work::ContainerBackend> backend_;
  std::unique_ptr<kube::Kube> kube_;
  std::unique_ptr<sagemaker::SageMaker> sagemaker_;
  std::unique_ptr<ControllerClient> controller_client_;
  std::unique_ptr<pipelines::Pipelines> pipelines_;
  std::unique_ptr<console::Console> console_;
  std::unique_ptr<Preflight> preflight_;
  std::unique_ptr<IdentityApi> identity_;
  std::unique_ptr<Pruner> pruner_;
  std::unique_ptr<OperatorApi> operator_;
  std::unique_ptr<DiskReserve> reserve_;
  std::unique_ptr<RunTraces> run_traces_;  // none unless a collector is named
  std::unique_ptr<Upkeep> upkeep_;
  std::unique_ptr<Callers> callers_;
  std::unique_ptr<net::Server> net_;
  // Children's exits are passed on only between the opening of the services and their stop. One that ends before is
  // seen by resume(), which asks for every child's status.
  std::atomic<bool> services_open_{false};
  std::atomic<bool> recovered_{false};  // what was under way when the server last ended goes on
  // Shared with answers that come after the server has gone.
  std::shared_ptr<RequestMetrics> request_metrics_ = std::make_shared<RequestMetrics>();
  std::promise<bool> opened_;
  std::shared_future<bool> opened_future_{opened_.get_future().share()};
  std::thread background_;
  std::promise<Status> sample_data_promise_;
  std::shared_future<Status> sample_data_{sample_data_promise_.get_future().share()};
  std::atomic<bool> stopping_{false};  // what the start does in the background is not finished
  bool stopped_ = false;
};

}  // namespace millrace::app
