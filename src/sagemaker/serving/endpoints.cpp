#include "sagemaker/serving/endpoints.h"

#include <array>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/strings.h"
#include "net/client.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/machine.h"
#include "sagemaker/jobs/reconciler.h"
#include "sagemaker/jobs/served_model.h"
#include "sagemaker/serving/deployment.h"
#include "sagemaker/serving/sockets.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kThreads = 2;
constexpr std::size_t kMaxEndpointCount = 50;
constexpr Millis kPoll{5}, kSlowPoll{50};  // of a server that starts
constexpr Millis kFastPolling{2'000};      // then slower
constexpr Millis kStartLimit{120'000};     // until it must answer /ping
constexpr Millis kPingTimeout{2'000};
constexpr Millis kSteady{60'000};  // up so long: earlier failures are forgotten
constexpr Millis kGrace{5'000};    // between SIGTERM and SIGKILL
constexpr Millis kRetryDelay{500};
constexpr int kMaxRetries = 10;
constexpr Millis kInvocationTimeout{60'000};              // a model's own limit on SageMaker
constexpr Millis kReconnect{20}, kReconnectLimit{3'000};  // an invocation waits so long for a restarted server
constexpr std::size_t kMaxAnswer = 6u << 20;

}  // namespace

struct Endpoints::Impl {
  struct Target {
    std::string variant, socket;
    double weight = 1;
  };
  struct Route {
    std::vector<Target> targets;
    std::vector<double> weights;
  };
  // What is known of a variant's server beyond its row: gone with the process, found out again.
  struct Server {
    bool ready = false;
    bool stopping = false;
    int failures = 0;
    Steady::time_point since = Steady::now();
    Steady::time_point not_before{};
  };
  enum class Up { ready, waiting, failed };

  Impl(World& w, LogFollower& f, Alarm& a)
      : world(w), follower(f), alarm(a), reconciler(kThreads, [this](const std::string& name) { drive(name); }) {}

  World& world;
  LogFollower& follower;
  Alarm& alarm;
  net::Client client;
  std::mutex mutex;
  std::optional<Sockets> sockets;
  std::map<std::string, std::shared_ptr<const Route>> routes;  // shared: an invocation keeps the one it began with
  std::map<std::string, Server> servers;                       // by variant_id
  std::map<std::string, int> retries;
  Reconciler reconciler;

  Result<Sockets*> open_sockets() {
    const std::lock_guard lock(mutex);
    if (!sockets) sockets.emplace(MR_TRY(Sockets::open(world.options.directory / "sockets")));
    return &*sockets;
  }
  void poke(const std::string& name) { reconciler.poke(to_lower(name)); }
  void poke_after(const std::string& name, Millis delay) {
    alarm.after(delay, [this, name = to_lower(name)] { reconciler.poke(name); });
  }
  fs::path root_of(const Resource& endpoint) const {
    return world.options.directory / "endpoint" /
           fmt::format("{}-{}", to_lower(endpoint.name), to_epoch_ms(endpoint.created));
  }
  static std::string variant_id(const Resource& endpoint, const Deployment& d, const Variant& v) {
    return fmt::format("{}/{}/{}/{}", endpoint.name, to_epoch_ms(endpoint.created), d.number, v.name);
  }

  // --- carrying an endpoint on -------------------------------------------------------------------------------------

  void drive(const std::string& name) {
    const Status done = drive_endpoint(name);
    int attempt = 0;
    {
      const std::lock_guard lock(mutex);
      if (done) {
        retries.erase(name);
        return;
      }
      attempt = ++retries[name];
    }
    log::warn("endpoint {}: {} (try {})", name, done.error().message, attempt);
    poke_after(name, kRetryDelay * std::min(attempt, kMaxRetries));
  }

  Status drive_endpoint(const std::string& name) {
    const auto endpoint = MR_TRY(world.store.find(Kind::endpoint, name));
    if (!endpoint) {
      const std::lock_guard lock(mutex);
      routes.erase(name);
      return {};
    }
    const std::int64_t serving = endpoint->state["serving"].int_or(0), pending = endpoint->state["pending"].int_or(0);
    const bool deleting = endpoint->status == "Deleting";
    if (deleting) withdraw(*endpoint);
    bool all_down = true;
    for (auto& deployment : deployments_of(*endpoint)) {
      const bool wanted = !deleting && (deployment.number == serving || deployment.number == pending);
      if (!wanted) {
        all_down = MR_TRY(take_down(*endpoint, deployment)) && all_down;
        continue;
      }
      all_down = false;
      MR_TRY(deployment.number == pending ? bring_up(*endpoint, deployment) : keep_up(*endpoint, deployment));
    }
    if (deleting && all_down) {
      std::error_code error;
      fs::remove_all(root_of(*endpoint), error);
      MR_TRY(world.store.erase(Kind::endpoint, name));
      world.changed(Kind::endpoint, endpoint->name);
    }
    return {};
  }

  // A deployment on its way to its first answer.
  Status bring_up(const Resource& endpoint, Deployment& deployment) {
    std::string reason;
    switch (MR_TRY(servers_up(endpoint, deployment, reason))) {
      case Up::waiting:
        return {};
      case Up::failed:
        return give_up(endpoint, deployment, reason);
      case Up::ready:
        break;
    }
    const auto changed = world.store.change(Kind::endpoint, endpoint.name, [&](Resource& row) -> Status {
      if (row.state["pending"].int_or(0) != deployment.number || row.status == "Deleting") return {};
      const Time now = world.clock.now();
      row.state.set("pending", 0).set("serving", deployment.number);
      row.status = "InService";
      row.modified = now;
      row.body.set("EndpointStatus", row.status).set("EndpointConfigName", deployment.config);
      row.body.set("ProductionVariants", variants_summary(deployment, now)).set("LastModifiedTime", seconds(now));
      row.body.erase("FailureReason");
      return {};
    });
    if (!changed) return fail(changed.error());
    publish(*changed);
    world.changed(Kind::endpoint, endpoint.name);
    poke(endpoint.name);  // the deployment before it comes down
    return {};
  }

  // The deployment that answers.
  Status keep_up(const Resource& endpoint, Deployment& deployment) {
    std::string reason;
    const Up up = MR_TRY(servers_up(endpoint, deployment, reason));
    if (up == Up::failed) return give_up(endpoint, deployment, reason);
    publish(endpoint);
    return {};
  }

  Status give_up(const Resource& endpoint, const Deployment& deployment, const std::string& reason) {
    const auto changed = world.store.change(Kind::endpoint, endpoint.name, [&](Resource& row) -> Status {
      if (row.status == "Deleting") return {};
      const bool pending = row.state["pending"].int_or(0) == deployment.number;
      row.state.set(pending ? "pending" : "serving", 0);
      // A failed update leaves the deployment that answers as it was.
      const bool still_served = row.state["serving"].int_or(0) != 0;
      row.status = still_served ? "InService" : "Failed";
      row.modified = world.clock.now();
      row.body.set("EndpointStatus", row.status).set("FailureReason", cut_reason(reason));
      row.body.set("LastModifiedTime", seconds(row.modified));
      return {};
    });
    if (!changed) return fail(changed.error());
    if (changed->status == "Failed") withdraw(*changed);
    world.changed(Kind::endpoint, endpoint.name);
    poke(endpoint.name);
    return {};
  }

  Result<Up> servers_up(const Resource& endpoint, Deployment& deployment, std::string& reason) {
    Up all = Up::ready;
    for (auto& variant : deployment.variants) {
      const Up up = MR_TRY(server_up(endpoint, deployment, variant, reason));
      if (up == Up::failed) return up;
      if (up == Up::waiting) all = Up::waiting;
    }
    return all;
  }

  Result<Up> server_up(const Resource& endpoint, const Deployment& deployment, Variant& variant, std::string& reason) {
    const std::string id = variant_id(endpoint, deployment, variant);
    const std::string key = server_key(endpoint, deployment, variant);
    const auto now = Steady::now();
    auto child = MR_TRY(world.launcher.status(key));
    if (!child) {
      {
        const std::lock_guard lock(mutex);
        if (servers[id].not_before > now) return Up::waiting;  // an alarm is set
      }
      auto launched = launch(endpoint, deployment, variant);
      if (!launched) {
        if (launched.error().code == Code::unavailable || launched.error().code == Code::internal) {
          return fail(launched.error());
        }
        reason = launched.error().message;
        return Up::failed;
      }
      child = *launched;
      const std::lock_guard lock(mutex);
      servers[id].since = Steady::now();
      servers[id].ready = false;
    }
    follow(endpoint, deployment, variant);
    if (child->state != proc::ChildStatus::State::running) {
      return ended(endpoint, deployment, variant, *child, reason);
    }
    {
      const std::lock_guard lock(mutex);
      if (servers[id].ready) return Up::ready;
    }
    if (MR_TRY(answers_ping(key))) {
      const std::lock_guard lock(mutex);
      servers[id].ready = true;
      return Up::ready;
    }
    const auto waited = now - started_since(id);
    if (waited > kStartLimit) {
      // Told to stop; its end is counted as a failure.
      MR_TRY(world.launcher.stop(key, kGrace));
    }
    poke_after(endpoint.name, waited > kFastPolling ? kSlowPoll : kPoll);
    return Up::waiting;
  }

  Steady::time_point started_since(const std::string& id) {
    const std::lock_guard lock(mutex);
    return servers[id].since;
  }

  Result<proc::ChildStatus> launch(const Resource& endpoint, const Deployment& deployment, const Variant& variant) {
    const auto model = MR_TRY(served_model(variant.model));
    const fs::path directory = root_of(endpoint) / std::to_string(deployment.number) / variant.name;
    MR_TRY(make_directories(directory, 0700));
    MR_TRY(fetch_model(world, model, directory / "model", endpoint.origin()));
    const std::string key = server_key(endpoint, deployment, variant);
    Sockets& all = *MR_TRY(open_sockets());
    all.remove(key);
    auto spec =
        worker_spec(world.options, {"serve", (directory / "model").string(), model.algorithm, Sockets::name_of(key)});
    spec.key = key;
    spec.working_directory = all.directory();
    spec.stdout_path = spec.stderr_path = log_of(endpoint, deployment, variant);
    return world.launcher.launch(spec);
  }

  // A server that ended by itself is started again, unless it keeps ending.
  Result<Up> ended(const Resource& endpoint, const Deployment& deployment, Variant& variant,
                   const proc::ChildStatus& child, std::string& reason) {
    const std::string id = variant_id(endpoint, deployment, variant);
    int failures = 0;
    {
      const std::lock_guard lock(mutex);
      Server& server = servers[id];
      if (child.ended - child.started > kSteady) server.failures = 0;
      failures = ++server.failures;
      server.ready = false;
      server.not_before = Steady::now() + restart_delay(failures);
    }
    const std::string key = server_key(endpoint, deployment, variant);
    if (auto stored = follower.finish(key); !stored) log::warn("{}: {}", key, stored.error().message);
    if (failures >= kMaxFailures) {
      reason = fmt::format(
          "The primary container for production variant {} did not pass the ping health check. Please check CloudWatch "
          "logs for this endpoint.",
          variant.name);
      return Up::failed;
    }
    log::warn("the model server {} ended with exit code {}; it is started again", id, child.exit_code);
    variant.attempt += 1;
    // Written before it is started: after a crash the same attempt is looked for.
    const auto changed = world.store.change(Kind::endpoint, endpoint.name, [&](Resource& row) -> Status {
      for (auto& stored : deployments_of(row)) {
        if (stored.number != deployment.number) continue;
        for (auto& v : stored.variants) {
          if (v.name == variant.name) v.attempt = variant.attempt;
        }
        put_deployment(row, stored);
      }
      return {};
    });
    if (!changed) return fail(changed.error());
    if (auto forgotten = world.launcher.forget(key); !forgotten) log::warn("{}: {}", key, forgotten.error().message);
    if (auto all = open_sockets()) (*all)->remove(key);
    poke_after(endpoint.name, restart_delay(failures) + Millis(1));
    return Up::waiting;
  }

  Result<bool> answers_ping(const std::string& key) {
    net::ClientRequest request;
    request.url = "http://localhost/ping";
    request.unix_socket = (*MR_TRY(open_sockets())).path_of(key);
    request.timeout = request.connect_timeout = kPingTimeout;
    const auto answer = client.send(request);
    return answer && answer->status == 200;
  }

  // True once nothing of it is left.
  Result<bool> take_down(const Resource& endpoint, const Deployment& deployment) {
    bool down = true;
    for (const auto& variant : deployment.variants) {
      const std::string key = server_key(endpoint, deployment, variant);
      const auto child = MR_TRY(world.launcher.status(key));
      if (child && child->state == proc::ChildStatus::State::running) {
        down = false;
        const std::lock_guard lock(mutex);
        Server& server = servers[variant_id(endpoint, deployment, variant)];
        if (!std::exchange(server.stopping, true)) MR_TRY(world.launcher.stop(key, kGrace));
      }
    }
    if (!down) return false;  // its exit pokes
    for (const auto& variant : deployment.variants) {
      const std::string key = server_key(endpoint, deployment, variant);
      if (auto stored = follower.finish(key); !stored) log::warn("{}: {}", key, stored.error().message);
      MR_TRY(world.launcher.forget(key));
      (*MR_TRY(open_sockets())).remove(key);
      const std::lock_guard lock(mutex);
      servers.erase(variant_id(endpoint, deployment, variant));
    }
    std::error_code error;
    fs::remove_all(root_of(endpoint) / std::to_string(deployment.number), error);
    const auto changed = world.store.change(Kind::endpoint, endpoint.name, [&](Resource& row) -> Status {
      erase_deployment(row, deployment.number);
      row.active = row.status == "Deleting" || !row.state["deployments"].empty();
      return {};
    });
    if (!changed) return fail(changed.error());
    return true;
  }

  fs::path log_of(const Resource& endpoint, const Deployment& deployment, const Variant& variant) const {
    return root_of(endpoint) / std::to_string(deployment.number) /
           fmt::format("{}.{}.log", variant.name, variant.attempt);
  }

  void follow(const Resource& endpoint, const Deployment& deployment, const Variant& variant) {
    const std::string key = server_key(endpoint, deployment, variant);
    follower.follow(key, {log_of(endpoint, deployment, variant),
                          "/aws/sagemaker/Endpoints/" + endpoint.name,
                          fmt::format("{}/i-{}", variant.name, sha256_hex(key).substr(0, 17)),
                          {}});
  }

  // --- answering ---------------------------------------------------------------------------------------------------

  void publish(const Resource& endpoint) {
    auto route = make_route(endpoint);
    const std::lock_guard lock(mutex);
    routes[to_lower(endpoint.name)] = std::move(route);
  }
  void withdraw(const Resource& endpoint) {
    const std::lock_guard lock(mutex);
    routes.erase(to_lower(endpoint.name));
  }

  std::shared_ptr<const Route> make_route(const Resource& endpoint) {
    const auto all = open_sockets();
    if (!all) return nullptr;
    auto route = std::make_shared<Route>();
    const std::int64_t serving = endpoint.state["serving"].int_or(0);
    for (const auto& deployment : deployments_of(endpoint)) {
      if (deployment.number != serving) continue;
      for (const auto& variant : deployment.variants) {
        route->targets.push_back(
            {variant.name, (*all)->path_of(server_key(endpoint, deployment, variant)), variant.weight});
        route->weights.push_back(variant.weight);
      }
    }
    return route;
  }

  // From memory; after a restart of the server from the row. ValidationError when it does not answer.
  Result<std::shared_ptr<const Route>> route_of(const std::string& name) {
    const std::string key = to_lower(name);
    {
      const std::lock_guard lock(mutex);
      if (const auto found = routes.find(key); found != routes.end()) return found->second;
    }
    const auto endpoint = MR_TRY(world.store.find(Kind::endpoint, name));
    const bool answers = endpoint && endpoint->status != "Deleting" && endpoint->state["serving"].int_or(0) != 0;
    if (!answers) {
      return fail(Code::invalid_argument,
                  fmt::format("Endpoint {} of account {} not found.", name, world.place.account), "ValidationError");
    }
    auto route = make_route(*endpoint);
    if (!route) return fail(Code::internal, "the sockets' directory cannot be opened");
    return route;
  }

  Result<Answer> invoke(const Invocation& invocation) {
    const auto give_up_at = Steady::now() + kReconnectLimit;
    const double u = static_cast<double>(random_u64() >> 11) * 0x1.0p-53;
    while (true) {
      const auto route = MR_TRY(route_of(invocation.endpoint));
      const Target* target = nullptr;
      if (!invocation.target_variant.empty()) {
        for (const auto& t : route->targets) {
          if (t.variant == invocation.target_variant) target = &t;
        }
        if (target == nullptr) {
          return fail(Code::invalid_argument,
                      fmt::format("Variant {} not found for Request", invocation.target_variant), "ValidationError");
        }
      } else if (const int at = choose_variant(route->weights, u); at >= 0) {
        target = &route->targets[static_cast<std::size_t>(at)];
      } else {
        return fail(Code::invalid_argument, "No variant of the endpoint has a weight above 0.", "ValidationError");
      }
      net::ClientRequest request;
      request.method = "POST";
      request.url = "http://localhost/invocations";
      request.unix_socket = target->socket;
      request.timeout = kInvocationTimeout;
      request.max_response_bytes = kMaxAnswer;
      request.body = invocation.body;
      if (!invocation.content_type.empty()) request.headers.set("Content-Type", invocation.content_type);
      if (!invocation.accept.empty()) request.headers.set("Accept", invocation.accept);
      if (!invocation.custom_attributes.empty()) {
        request.headers.set("X-Amzn-SageMaker-Custom-Attributes", invocation.custom_attributes);
      }
      auto answer = client.send(request);
      if (answer) {
        return Answer{answer->status, std::string(answer->headers.get("Content-Type")), std::move(answer->body),
                      target->variant, std::string(answer->headers.get("X-Amzn-SageMaker-Custom-Attributes"))};
      }
      if (answer.error().code == Code::deadline_exceeded) {
        return Answer{500, "text/plain",
                      "Your invocation timed out while waiting for a response from container primary.", target->variant,
                      ""};
      }
      if (answer.error().code != Code::unavailable) return fail(answer.error());
      // Nobody listens: the server was just restarted, or the model server is. It will be back in a moment.
      if (answer.error().reason != "ConnectionRefused" || Steady::now() > give_up_at) {
        return fail(Code::unavailable, "The model server does not answer; try again.", "ServiceUnavailable");
      }
      poke(invocation.endpoint);
      std::this_thread::sleep_for(kReconnect);
    }
  }

  // --- the operations ----------------------------------------------------------------------------------------------

  // Reads the configuration and its models, and makes them a deployment.
  Result<Deployment> deployment_of(const std::string& config_name, std::int64_t number) {
    const auto config = MR_TRY(world.store.get(Kind::endpoint_config, config_name, world.place));
    std::vector<Value> models;
    for (const auto& variant : config.body["ProductionVariants"].items()) {
      models.push_back(MR_TRY(world.store.get(Kind::model, variant["ModelName"].string_or(), world.place)).body);
    }
    return make_deployment(number, config.body, models);
  }

  Error in_progress(const std::string& name) {
    return Error(Code::invalid_argument,
                 fmt::format("Cannot update in-progress endpoint \"{}\".", arn_of(world.place, Kind::endpoint, name)),
                 "ValidationException");
  }
};

Endpoints::Endpoints(World& world, LogFollower& follower, Alarm& alarm)
    : impl_(std::make_unique<Impl>(world, follower, alarm)) {}
Endpoints::~Endpoints() { stop(); }

Result<Resource> Endpoints::create(const std::string& name, const std::string& config, const Tags& tags,
                                   const std::string& origin, Time now) {
  World& world = impl_->world;
  const Deployment deployment = MR_TRY(impl_->deployment_of(config, 1));
  if (MR_TRY(world.store.count_active(Kind::endpoint)) >= kMaxEndpointCount) {
    return limit_exceeded(
        fmt::format("The account-level service limit 'Number of endpoints' is {}.", kMaxEndpointCount));
  }
  Resource endpoint;
  endpoint.kind = Kind::endpoint;
  endpoint.name = name;
  endpoint.arn = arn_of(world.place, Kind::endpoint, name);
  endpoint.status = "Creating";
  endpoint.created = endpoint.modified = now;
  endpoint.active = true;
  endpoint.state.set("serving", 0).set("pending", 1).set("next", 2);
  if (!origin.empty()) endpoint.state.set("origin", origin);
  put_deployment(endpoint, deployment);
  endpoint.body.set("EndpointName", name).set("EndpointArn", endpoint.arn).set("EndpointConfigName", deployment.config);
  endpoint.body.set("EndpointStatus", endpoint.status);
  endpoint.body.set("CreationTime", seconds(now)).set("LastModifiedTime", seconds(now));
  MR_TRY(world.store.insert(endpoint, tags));
  world.changed(Kind::endpoint, name);
  impl_->poke(name);
  return endpoint;
}

Result<Resource> Endpoints::update(const std::string& name, const std::string& config, Time now) {
  World& world = impl_->world;
  const auto present = MR_TRY(world.store.get(Kind::endpoint, name, world.place));
  Deployment deployment = MR_TRY(impl_->deployment_of(config, 0));
  auto changed = MR_TRY(world.store.change(Kind::endpoint, name, [&](Resource& row) -> Status {
    if (row.status == "Failed") {
      return validation_error(
          fmt::format("Cannot update failed endpoint \"{}\"; delete it and create it anew.", row.arn));
    }
    if (row.status != "InService") return fail(impl_->in_progress(name));
    deployment.number = row.state["next"].int_or(2);
    put_deployment(row, deployment);
    row.state.set("pending", deployment.number).set("next", deployment.number + 1);
    row.status = "Updating";
    row.modified = now;
    row.body.set("EndpointStatus", row.status).set("LastModifiedTime", seconds(now));
    return {};
  }));
  world.changed(Kind::endpoint, name);
  impl_->poke(name);
  return changed;
}

Result<Resource> Endpoints::update_weights(const std::string& name, const Value& desired, Time now) {
  World& world = impl_->world;
  MR_TRY(world.store.get(Kind::endpoint, name, world.place));
  auto changed = MR_TRY(world.store.change(Kind::endpoint, name, [&](Resource& row) -> Status {
    if (row.status != "InService") return fail(impl_->in_progress(name));
    for (auto& deployment : deployments_of(row)) {
      if (deployment.number != row.state["serving"].int_or(0)) continue;
      for (const auto& wish : desired.items()) {
        bool found = false;
        for (auto& variant : deployment.variants) {
          if (variant.name != wish["VariantName"].string_or()) continue;
          found = true;
          variant.weight = wish["DesiredWeight"].double_or(variant.weight);
          variant.instances = wish["DesiredInstanceCount"].int_or(variant.instances);
        }
        if (!found) {
          return validation_error(
              fmt::format("The variant {} is not one of the endpoint's.", wish["VariantName"].string_or()));
        }
      }
      put_deployment(row, deployment);
      row.body.set("ProductionVariants", variants_summary(deployment, now));
    }
    row.modified = now;
    row.body.set("LastModifiedTime", seconds(now));
    return {};
  }));
  impl_->publish(changed);
  world.changed(Kind::endpoint, name);
  return changed;
}

Status Endpoints::remove(const std::string& name, Time now) {
  World& world = impl_->world;
  MR_TRY(world.store.get(Kind::endpoint, name, world.place));
  const auto changed = MR_TRY(world.store.change(Kind::endpoint, name, [&](Resource& row) -> Status {
    if (row.status != "InService" && row.status != "Failed") return fail(impl_->in_progress(name));
    row.status = "Deleting";
    row.active = true;
    row.modified = now;
    row.body.set("EndpointStatus", row.status).set("LastModifiedTime", seconds(now));
    return {};
  }));
  impl_->withdraw(changed);
  world.changed(Kind::endpoint, name);
  impl_->poke(name);
  return {};
}

Result<Endpoints::Answer> Endpoints::invoke(const Invocation& invocation) { return impl_->invoke(invocation); }

bool Endpoints::on_child_exit(const std::string& key) {
  const std::string name = endpoint_of_key(key);
  if (name.empty()) return false;
  impl_->reconciler.poke(name);
  return true;
}

Status Endpoints::resume() {
  for (const auto& resource : MR_TRY(impl_->world.store.active())) {
    if (resource.kind == Kind::endpoint) impl_->poke(resource.name);
  }
  return {};
}

void Endpoints::stop() { impl_->reconciler.stop(); }

}  // namespace millrace::sagemaker
