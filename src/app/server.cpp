#include "app/server.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <fmt/core.h>

#include "app/client_files.h"
#include "app/connection_limit.h"
#include "app/node.h"
#include "app/operate/backup.h"
#include "app/request_plan.h"
#include "app/server_impl.h"
#include "base/descriptor_limit.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/thread_name.h"
#include "db/open.h"
#include "proc/child_user.h"
#include "work/container_engine.h"

namespace millrace::app {
namespace {

constexpr Millis kStopGrace{2'000};
constexpr Millis kChildGrace{2'000};

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

std::optional<uid_t> child_user_number() {
  const auto user = proc::child_user();
  return user ? std::optional<uid_t>(user->user) : std::nullopt;
}

}  // namespace

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
                                            clock_, [this](const aws::CallRecord& record) {
                                              operation_metrics_.record(record.service, record.operation);
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
  pipelines_options.copied = MR_TRY(time_of_copy(layout_));
  if (pipelines_options.copied) pipelines_options.boot += fmt::format("/{}", to_epoch_ms(*pipelines_options.copied));
  pipelines_ =
      MR_TRY(pipelines::Pipelines::open({*database_, clock_, *backend_}, std::move(pipelines_options), hooks()));
  kube_->set_pipelines(*pipelines_);
  if (!options_.traces_url.empty()) run_traces_ = std::make_unique<RunTraces>(*pipelines_, options_.traces_url);
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

// By the operator's retention. true: there is more to remove.
bool ServerImpl::prune_some() {
  const auto report = pruner_->prune_runs(options_.retention, false);
  if (!report) log::warn("retention: {}", report.error().message);
  if (report && !report->removed.empty())
    log::info("retention: {} runs removed, {} bytes", report->removed.size(), report->bytes);
  return report && report->left > 0;
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
    // Where either cannot be known, nothing is ended.
    const auto runs = pipelines_->under_way();
    for (const auto& [state, count] : runs.value_or(std::map<std::string, std::size_t>{{"", 1}})) left.runs += count;
    left.jobs = sagemaker_->under_way().value_or(1);
  }
  // From here an exit is left to the next start: nobody may write to a service that is going away.
  services_open_ = false;
  phase = "the runs' work";
  pipelines_->stop();
  phase = "the traces of runs";
  if (run_traces_) run_traces_->stop();
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
  run_traces_.reset();
  pipelines_.reset();
  kube_.reset();
  sagemaker_.reset();
  backend_.reset();
  phase = "the database";
  return left;
}

Result<std::unique_ptr<Server>> Server::start(ServeOptions options) {
  auto server = std::make_unique<ServerImpl>(std::move(options));
  MR_TRY(server->open());
  return server;
}

}  // namespace millrace::app
