#include "app/server.h"
#include "app/artifact_transfer.h"
#include "app/browser_checks.h"
#include "app/callers.h"
#include "app/commands.h"
#include "app/request_plan.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <future>
#include <thread>

#include <fmt/core.h>

#include "app/client_files.h"
#include "app/connection_limit.h"
#include "app/container_credentials.h"
#include "app/controller_client.h"
#include "app/data_directory.h"
#include "app/disk_reserve.h"
#include "app/identity/api.h"
#include "app/live_children.h"
#include "app/node.h"
#include "app/operate/access_log.h"
#include "app/operate/process_metrics.h"
#include "app/operate/request_metrics.h"
#include "app/prune/operator_api.h"
#include "app/prune/pruner.h"
#include "app/router.h"
#include "app/task_token.h"
#include "app/upkeep.h"
#include "aws/origin.h"
#include "base/descriptor_limit.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/thread_name.h"
#include "blob/blob_store.h"
#include "components/components.h"
#include "console/console.h"
#include "db/open.h"
#include "kube/kube.h"
#include "kube/status.h"
#include "logs/logs.h"
#include "net/server.h"
#include "pipelines/pipelines.h"
#include "proc/child_user.h"
#include "s3/s3.h"
#include "sagemaker/sagemaker.h"
#include "work/container_backend.h"
#include "work/container_engine.h"
#include "work/process_backend.h"

namespace millrace::app {
namespace {

constexpr Millis kStopGrace{2'000};
constexpr Millis kChildGrace{2'000};
constexpr std::size_t kRunsLookedAt = 1'000;  // when counting those under way

// One server per data directory: the lock goes with the process, however it ends.
Result<Fd> take_lock(const DataLayout& layout) {
  Fd lock(::open(layout.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) {
    Error error = system_error("cannot use the data directory " + layout.root.string(), errno);
    error.message += "; choose another with --data-dir";
    return fail(std::move(error));
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::failed_precondition,
                fmt::format("another server uses the data directory {}; stop it, or choose another with --data-dir",
                            layout.root.string()));
  }
  return lock;
}

// Deletes and stops, which may use what is kept back for a full disk.
bool frees_space(const net::Request& request) {
  if (request.method == "DELETE") return true;
  if (request.method != "POST") return false;
  const std::string_view target = request.headers.get("x-amz-target");
  const std::string_view operation =
      target.substr(target.find('.') == std::string_view::npos ? 0 : target.find('.') + 1);
  return operation.starts_with("Delete") || operation.starts_with("Stop") || request.path.ends_with("terminate") ||
         net::query_parameter(request, "delete").has_value() || OperatorApi::handles(request);
}

std::optional<uid_t> child_user_number() {
  const auto user = proc::child_user();
  return user ? std::optional<uid_t>(user->user) : std::nullopt;
}

bool is_metrics(const net::Request& request) {
  return request.path == "/metrics" && request.method == "GET" && !aws::Gateway::is_aws_request(request);
}

net::Response refusal(const Error& error) {
  const bool unknown = error.code == Code::unauthenticated;
  return net::Response::json(unknown ? 401 : 403,
                             to_json(Value::object({{"code", unknown ? 16 : 7}, {"message", error.message}})));
}

Error not_for_children() {
  return Error(Code::permission_denied, "This is not for steps of pipelines and other children of the server.");
}

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
  std::string metrics_text();
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

Status ServerImpl::open() {
  if (!options_.allow_remote && !is_loopback(options_.address)) {
    return fail(Code::failed_precondition,
                fmt::format("{} can be reached from other machines, and not every API here asks for a signature; "
                            "listen on 127.0.0.1, or add --allow-remote if the network is trusted",
                            options_.address));
  }
  // Directories that children are to pass through are passable whatever the operator's mask says; the data directory
  // above them is closed, and what is secret names its mode.
  ::umask(022);
  MR_TRY(make_directories(layout_.root, 0700));
  MR_TRY(make_private(layout_));
  lock_ = MR_TRY(take_lock(layout_));
  MR_TRY(check_complete(layout_));
  reserve_ = std::make_unique<DiskReserve>(
      layout_.root,
      std::vector<std::filesystem::path>{layout_.database().string() + "-wal", layout_.launcher() / "journal"});
  reserve_->open();
  key_file_ = options_.key_file.empty() ? key_file_of(layout_) : options_.key_file;
  key_ = MR_TRY(open_key(layout_, key_file_));
  tls_ = MR_TRY(open_server_tls(layout_, options_.address));
  // The port first, so that a port in use is said before anything is changed; requests wait for the services.
  MR_TRY(open_network());
  Status services = open_services();
  if (services) {
    services = write_client_files(layout_, options_, key_file_, endpoint_, kubernetes_endpoint_, tls_.authority_pem,
                                  kubernetes_token(key_));
  }
  opened_.set_value(services.has_value());
  if (!services) {
    net_->stop(Millis(0));
    return services;
  }
  std::function<bool()> prune;
  if (options_.retention.any()) prune = [this] { return prune_some(); };
  upkeep_ = std::make_unique<Upkeep>(*reserve_, std::move(prune), options_.prune_every);
  background_ = std::thread([this] {
    name_thread("recovery");
    if (auto status = sagemaker_->resume(); !status) log::error("jobs and endpoints: {}", status.error().message);
    if (auto status = pipelines_->resume(); !status) log::error("runs: {}", status.error().message);
    recovered_ = true;
    kube_->start_controllers(*controller_client_);
    const Status sample = ensure_sample_data(*s3_, layout_.root, stopping_);
    if (!sample && sample.error().code != Code::cancelled) log::error("sample data: {}", sample.error().message);
    ::malloc_trim(0);  // the digits passed through the heap once; an idle server need not hold on to it
    sample_data_promise_.set_value(sample);
  });
  return {};
}

Status ServerImpl::open_network() {
  net::ServerOptions net_options;
  net_options.address = options_.address;
  net_options.port = options_.port;
  net_options.tls_certificate_pem = tls_.server.certificate_pem;
  net_options.tls_key_pem = tls_.server.key_pem;
  net_options.request_plan = request_plan;
  net_options.shares = handler_shares();
  net_options.unavailable = [this](const net::Request& head, std::string_view message) {
    return unavailable(head, message);
  };
  net_options.max_connections = connections_for(raise_descriptor_limit(kMostDescriptors));
  net_ = MR_TRY(net::Server::start(std::move(net_options), [this](net::Request& request) { return handle(request); }));
  options_.port = net_->port();
  const bool any = options_.address == "0.0.0.0" || options_.address == "::";
  const std::string host = any ? "127.0.0.1" : options_.address;
  const std::string authority = host.find(':') == std::string::npos ? fmt::format("{}:{}", host, options_.port)
                                                                    : fmt::format("[{}]:{}", host, options_.port);
  endpoint_ = "http://" + authority;
  kubernetes_endpoint_ = "https://" + authority;
  return {};
}

Status ServerImpl::open_services() {
  database_ = MR_TRY(db::open_database(layout_.database().string(),
                                       holds_data(layout_) ? db::Expected::existing : db::Expected::anything));
  blobs_ = MR_TRY(blob::open_directory_store(layout_.blobs()));
  iam_ = MR_TRY(iam::Iam::open(*database_, clock_, {options_.account, key_}));
  // Another key than the directory's opens nothing in it: said now, before anything is written with it.
  MR_TRY(iam_->administrator());
  const std::string sealing_key(as_chars(hmac_sha256(key_, "keys of encrypted objects")));
  s3_ = MR_TRY(s3::S3::open(*database_, *blobs_, clock_, options_.account, options_.region, sealing_key,
                            options_.encrypt_s3 ? s3::S3::Encrypts::by_default : s3::S3::Encrypts::on_request));
  logs_ = MR_TRY(logs::Logs::open(*database_, clock_, options_.account, options_.region));
  iam_->set_resource_policy("s3", s3_->resource_policy());
  iam_->set_resource_tags("s3", s3_->condition_tags());
  iam_->set_resource_tags("logs", logs_->condition_tags());
  gateway_ = std::make_unique<aws::Gateway>(aws::GatewayOptions{options_.account, options_.region}, *iam_, *iam_,
                                            clock_, [](const aws::CallRecord& record) {
                                              log::debug("{} {}:{} by {} {}", record.request_id, record.service,
                                                         record.operation, record.principal_arn, record.error_code);
                                            });
  credentials_ = std::make_unique<ContainerCredentials>(
      *iam_, key_, [this](const std::string& launch_key) { return launcher_->runs(launch_key); });
  node_role_ = MR_TRY(ensure_node_role(*database_, *iam_, options_.cluster_name));

  MR_TRY(make_directories(layout_.launcher(), 0700));
  launcher_ = std::make_unique<LiveChildren>(
      layout_.launcher(), own_executable(),
      [this](const std::string& key, const proc::ChildStatus& status) {
        if (!services_open_.load()) return;
        processes_->ended(key, status);
      },
      options_.child_log_limit);
  processes_ = std::make_unique<work::ProcessBackend>(*launcher_, layout_.launcher() / "sandbox");
  // Without --executor container an engine is looked for when the first job's image is.
  std::filesystem::path engine;
  if (options_.containers || !options_.container_engine.empty())
    engine = MR_TRY(work::find_container_engine(options_.container_engine));
  backend_ = std::make_unique<work::ContainerBackend>(
      *processes_, work::ContainerBackend::Options{std::move(engine), layout_.launcher() / "containers"});
  MR_TRY(make_directories(layout_.sagemaker(), 0700));
  sagemaker::Options sagemaker_options;
  sagemaker_options.account = options_.account;
  sagemaker_options.region = options_.region;
  sagemaker_options.directory = layout_.sagemaker();
  sagemaker_options.executable = own_executable();
  sagemaker_options.endpoint_url = endpoint_;
  sagemaker_options.hidden = {layout_.root, key_file_};
  sagemaker_ = MR_TRY(sagemaker::SageMaker::open({*database_, clock_, *iam_, *s3_, *logs_, *backend_, *gateway_},
                                                 std::move(sagemaker_options)));
  iam_->set_resource_tags("sagemaker", sagemaker_->condition_tags());
  kube_ = MR_TRY(kube::Kube::open(*database_, clock_, {key_, kubernetes_token(key_)}));
  MR_TRY(make_directories(layout_.pipelines(), 0700));
  pipelines::Options pipelines_options{layout_.pipelines(), own_executable(), options_.max_running_tasks};
  pipelines_options.hidden = {layout_.root, key_file_};
  pipelines_options.version = kVersion;
  pipelines_options.sandbox = options_.sandbox;
  pipelines_options.task_api = options_.task_api;
  pipelines_options.cron_time_zone = options_.cron_time_zone;
  pipelines_options.containers = options_.containers;
  pipelines_options.images = options_.images;
  pipelines_options.node_labels = options_.node_labels;
  pipelines_options.import_directories = options_.import_directories;
  pipelines_ =
      MR_TRY(pipelines::Pipelines::open({*database_, clock_, *backend_}, std::move(pipelines_options), hooks()));
  kube_->set_pipelines(*pipelines_);
  controller_client_ = std::make_unique<ControllerClient>(
      *iam_, clock_, ControllerClient::Options{endpoint_, options_.account, options_.region});
  sagemaker_->on_change([this](const std::string&, const std::string&) { kube_->note_aws_change(); });
  console_ = console::Console::make({*pipelines_, *sagemaker_, *s3_, *logs_});
  preflight_ = std::make_unique<Preflight>(
      Preflight::Needs{*iam_, *gateway_, *kube_, *pipelines_, clock_, node_role_, own_executable().string()});
  identity_ = std::make_unique<IdentityApi>(*iam_, *pipelines_, *preflight_, key_);
  pruner_ = std::make_unique<Pruner>(Pruner::Needs{*database_, *pipelines_, *sagemaker_, clock_}, layout_);
  operator_ = std::make_unique<OperatorApi>(*pruner_, key_);
  callers_ = std::make_unique<Callers>(Callers::Needs{*launcher_, *pipelines_, key_, layout_.launcher(),
                                                      [this] { return backend_->any(); }, child_user_number()});
  services_open_ = true;

  for (aws::Service service : {iam_->iam_service(), iam_->sts_service(), s3_->service(), logs_->service(),
                               sagemaker_->control_service(), sagemaker_->runtime_service()}) {
    gateway_->add(std::move(service));
  }
  return {};
}

pipelines::Hooks ServerImpl::hooks() {
  pipelines::Hooks hooks;
  hooks.task_environment = [this](const std::string& run_id,
                                  const std::string& launch_key) -> std::vector<std::pair<std::string, std::string>> {
    return {{"AWS_ENDPOINT_URL", endpoint_},
            {"AWS_REGION", options_.region},
            {"AWS_DEFAULT_REGION", options_.region},
            {aws::kApplicationIdVariable, aws::application_id(run_id)},
            {std::string(kTaskTokenVariable), task_token(key_, launch_key)}};
  };
  hooks.secret = [this](const std::string& name) { return kube_->secret("kubeflow", name); };
  hooks.config_map = [this](const std::string& name) { return kube_->config_map("kubeflow", name); };
  const auto objects = [this](const std::string& run_id) {
    return [this, run_id]() -> Result<std::unique_ptr<s3::Access>> {
      aws::Principal node = MR_TRY(iam_->assume_for_service(node_role_, "ec2.amazonaws.com", "pipelines"));
      node.origin = run_id;
      return s3_->access(*gateway_, std::move(node));
    };
  };
  hooks.look_up = [objects](const std::string& run_id, const std::string& uri) {
    return look_up_artifact(objects(run_id), uri);
  };
  hooks.fetch = [objects](const std::string& run_id, const std::string& uri, const std::filesystem::path& path) {
    return fetch_artifact(objects(run_id), uri, path);
  };
  hooks.store = [objects](const std::string& run_id, const UntrustedTree& tree, const std::string& path,
                          const std::string& uri) { return store_artifact(objects(run_id), tree, path, uri); };
  hooks.node_credentials = [this](const std::string& run_id,
                                  const std::string& key) -> Result<std::vector<std::pair<std::string, std::string>>> {
    return credentials_->environment(endpoint_, node_role_, "ec2.amazonaws.com", key, run_id);
  };
  hooks.native_image = [executable = own_executable().string()](const std::string& image,
                                                                const std::vector<std::string>& command_line) {
    return components::native_command(executable, image, command_line);
  };
  return hooks;
}

// For what supervises the server: asked before anything else, answered without a statement. Over TLS these paths are
// the Kubernetes API's.
std::optional<net::Response> ServerImpl::probe(const net::Request& request) const {
  if (request.tls || request.method != "GET" || aws::Gateway::is_aws_request(request)) return std::nullopt;
  if (request.path == "/healthz") return net::Response::text(200, "ok\n");
  if (request.path != "/readyz") return std::nullopt;
  if (stopping_) return net::Response::text(503, "stopping\n");
  if (!services_open_) return net::Response::text(503, "starting\n");
  if (!recovered_) return net::Response::text(503, "recovering what was under way\n");
  return net::Response::text(200, "ok\n");
}

net::Response ServerImpl::handle(net::Request& request) {
  if (auto answer = probe(request)) return *std::move(answer);
  if (!opened_future_.get()) return net::Response::text(503, "The server could not start.\n");
  return dispatch(request);
}

// By the operator's retention. true: there is more to remove.
bool ServerImpl::prune_some() {
  const auto report = pruner_->prune_runs(options_.retention, false);
  if (!report) log::warn("retention: {}", report.error().message);
  if (report && !report->removed.empty())
    log::info("retention: {} runs removed, {} bytes", report->removed.size(), report->bytes);
  return report && report->left > 0;
}

net::Response ServerImpl::dispatch(net::Request& request) {
  const auto began = std::chrono::steady_clock::now();
  if (frees_space(request)) reserve_->before_freeing();
  std::string_view refused_because;
  const Api api = route(request, is_loopback(options_.address), console_->handles(request), refused_because);
  std::shared_ptr<const AccessRecord> access;
  if (log::enabled(log::Level::info)) access = std::make_shared<const AccessRecord>(access_record(request));
  net::Response response = is_metrics(request)             ? metrics(request)
                           : OperatorApi::handles(request) ? for_operator(request)
                                                           : pass_on(api, request, refused_because);
  set_browser_headers(response);
  net::amend(response, [counts = request_metrics_, api, began, access](net::Response& answer) {
    const auto took = std::chrono::steady_clock::now() - began;
    counts->record(api, answer.status, took);
    if (access) log_access(*access, answer, took);
  });
  return response;
}

net::Response ServerImpl::metrics(const net::Request& request) {
  const std::string_view objection = browser_objection(request, {is_loopback(options_.address), false});
  if (!objection.empty()) return refusal(Error(Code::permission_denied, std::string(objection)));
  const auto caller = callers_->of(request);
  if (!caller) return refusal(caller.error());
  if (!caller->is_person()) return refusal(not_for_children());
  return net::Response::text(200, metrics_text(), "text/plain; version=0.0.4; charset=utf-8");
}

std::string ServerImpl::metrics_text() {
  std::string text;
  append(text,
         {"millrace_build_info", "The program's version.", "gauge", fmt::format("{{version=\"{}\"}}", kVersion), 1});
  request_metrics_->append(text);
  // By the index of those under way, whatever the number of finished runs.
  const Status runs = database_->read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT state, count(*) FROM kfp_runs WHERE finished = 0 GROUP BY state"));
    text +=
        "# HELP millrace_runs_under_way Pipeline runs that have not finished, by state.\n"
        "# TYPE millrace_runs_under_way gauge\n";
    while (MR_TRY(select.step()))
      text += fmt::format("millrace_runs_under_way{{state=\"{}\"}} {}\n", select.text(0), select.integer(1));
    return {};
  });
  if (!runs) log::warn("metrics: {}", runs.error().message);
  if (const auto jobs = sagemaker_->under_way())
    append(text, {"millrace_sagemaker_under_way", "SageMaker jobs under way and endpoints with model servers.", "gauge",
                  "", static_cast<double>(*jobs)});
  append(text, {"millrace_children", "Processes of steps, jobs and model servers.", "gauge", "",
                static_cast<double>(launcher_->count())});
  append(text, {"millrace_task_slots", "Tasks that may run at once.", "gauge", "",
                static_cast<double>(options_.max_running_tasks)});
  append_storage(text, layout_);
  append_process(text);
  return text;
}

net::Response ServerImpl::pass_on(Api api, net::Request& request, std::string_view refused_because) {
  if (api == Api::pipelines || api == Api::console || api == Api::identity) {
    const auto caller = callers_->of(request);
    return caller ? for_caller(api, request, *caller) : refusal(caller.error());
  }
  switch (api) {
    case Api::container_credentials:
      return credentials_->handle(request);
    case Api::aws:
      return gateway_->handle(request);
    case Api::kubernetes:
      return kube_->handle(request);
    case Api::identity:
    case Api::pipelines:
    case Api::console:
    case Api::refused:
      break;
  }
  return refusal(Error(Code::permission_denied, std::string(refused_because)));
}

// A limit of the network layer, in the words of the API that the request is for.
net::Response ServerImpl::unavailable(const net::Request& head, std::string_view message) const {
  const Error error(Code::unavailable, std::string(message));
  std::string_view unused;
  switch (route(head, is_loopback(options_.address), head.path.starts_with("/console/"), unused)) {
    case Api::kubernetes:
      return kube::failure(error);
    case Api::aws:
      return services_open_ ? gateway_->refuse(head, error) : net::Response::text(503, error.message + "\n");
    case Api::pipelines:
    case Api::console:
    case Api::identity:
    case Api::container_credentials:
    case Api::refused:
      break;
  }
  return net::Response::json(503, to_json(Value::object({{"code", 14}, {"message", error.message}})));
}

// The APIs that ask for no signature, or for one that a child might have got hold of.
net::Response ServerImpl::for_caller(Api api, net::Request& request, const pipelines::Caller& caller) {
  if (api == Api::pipelines) return pipelines_->handle(request, caller);
  if (api == Api::console) return console_->handle(request, caller);
  return caller.is_person() ? identity_->handle(request) : refusal(not_for_children());
}

net::Response ServerImpl::for_operator(net::Request& request) {
  const auto caller = callers_->of(request);
  if (!caller) return refusal(caller.error());
  return caller->is_person() ? operator_->handle(request) : refusal(not_for_children());
}

Server::UnderWay ServerImpl::stop(Children children, StopPhase& phase) {
  UnderWay left;
  if (stopped_) return left;
  stopped_ = true;
  stopping_ = true;
  phase = "what the start recovers";
  if (background_.joinable()) background_.join();
  phase = "the retention";
  if (upkeep_) upkeep_->stop();
  phase = "requests under way";
  if (net_) net_->stop(kStopGrace);
  if (!services_open_) return left;
  phase = "the custom resources";
  kube_->stop_controllers();
  if (children == Children::keep_if_busy) {
    if (const auto runs = pipelines_->runs(kRunsLookedAt)) {
      for (const auto& run : *runs) left.runs += run.finished ? 0 : 1;
    }
    // Where that cannot be known, nothing is ended.
    left.jobs = sagemaker_->under_way().value_or(1);
  }
  // From here an exit is left to the next start: nobody may write to a service that is going away.
  services_open_ = false;
  phase = "the runs' work";
  pipelines_->stop();
  phase = "the jobs' and endpoints' work";
  sagemaker_->stop();
  phase = "the children";
  if (left.runs + left.jobs == 0) {
    if (auto status = backend_->shutdown(kChildGrace); !status) log::warn("children: {}", status.error().message);
  }
  upkeep_.reset();
  operator_.reset();
  pruner_.reset();
  // Above before beneath: the console reads what the others own, the launcher's thread calls into them.
  console_.reset();
  net_.reset();
  launcher_.reset();
  pipelines_.reset();
  kube_.reset();
  sagemaker_.reset();
  backend_.reset();
  phase = "the database";
  return left;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServeOptions options) {
  auto server = std::make_unique<ServerImpl>(std::move(options));
  MR_TRY(server->open());
  return server;
}

}  // namespace millrace::app
