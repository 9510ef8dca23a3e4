#include "sagemaker/serving/endpoints.h"

#include <atomic>
#include <map>

#include <fmt/core.h>

#include "base/ids.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/machine.h"
#include "sagemaker/serving/capture.h"
#include "sagemaker/serving/deployment.h"
#include "sagemaker/serving/invoker.h"
#include "sagemaker/serving/machine.h"
#include "sagemaker/serving/model_loader.h"
#include "sagemaker/serving/rollout.h"
#include "sagemaker/serving/routes.h"
#include "sagemaker/serving/servers.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kThreads = 8;  // fetching a model holds one
constexpr std::size_t kSideThreads = 4;
constexpr std::size_t kMaxEndpointCount = 50;
constexpr Millis kRetryDelay{500};
constexpr int kMaxRetries = 10;

constexpr std::string_view kCaptureKey = "/capture", kLoadKey = "/load", kAsyncKey = "/async";  // no endpoint's names

tl::unexpected<Error> invalid(std::string sentence) {
  return fail(Code::invalid_argument, std::move(sentence), "ValidationError");
}

double uniform() { return static_cast<double>(random_u64() >> 11) * 0x1.0p-53; }  // in [0, 1)

}  // namespace

struct Endpoints::Impl {
  using Up = Servers::Up;

  Impl(Dependencies& w, LogFollower& follower, const Execution& e, const Send& send)
      : dependencies(w),
        execution(e),
        routes(w.store, w.clock, w.account_region.account),
        servers({w, follower, e, send, [this](const std::string& endpoint) { poke(endpoint); },
                 [this](const std::string& id) { invoker.pump(id); },
                 [this]() -> Status {
                   if (ending) return fail(Code::cancelled, "the server is stopping");
                   return {};
                 }}),
        invoker({[this](const std::string& endpoint, const std::string& variant) -> Result<Route::Target> {
                   return MR_TRY(routes.find(endpoint))->choose(variant, uniform());
                 },
                 [this](const std::string& id) { return servers.address_of(id); },
                 [this](const std::string& endpoint) { poke(endpoint); }, send, e,
                 [this](const auto& stage, const auto& model, const auto& server, auto done) {
                   loader.load(stage.id, stage.multi, model, server, std::move(done));
                 }}),
        loader({w, e, send,
                [this](const std::string& key, std::function<void()> work) {
                  return side_queue->post(fmt::format("{}/{}", kLoadKey, key), std::move(work));
                }}),
        async({w, e,
               [this](const std::string& endpoint) -> Result<std::shared_ptr<const AsyncConfig>> {
                 const auto route = MR_TRY(routes.find(endpoint));
                 if (route->async) return route->async;
                 return invalid(fmt::format("Endpoint {} has no AsyncInferenceConfig: use InvokeEndpoint.", endpoint));
               },
               [this](Invocation invocation, Invoker::Done done) {
                 invoker.invoke(std::move(invocation), std::move(done), {});
               },
               [this](const std::string& key, std::function<void()> work) {
                 return side_queue->post(fmt::format("{}/{}", kAsyncKey, key), std::move(work));
               }}),
        capture(w, e, [this](std::function<void()> work) { queue->post(std::string(kCaptureKey), std::move(work)); }),
        side_queue(e.queue(kSideThreads, "sagemaker-data", [](const std::string&) {})),
        queue(e.queue(kThreads, "sagemaker-serve", [this](const std::string& name) {
          if (!name.starts_with('/')) drive(name);
        })) {}

  Dependencies& dependencies;
  const Execution& execution;
  std::atomic<bool> ending{false};
  Mutex mutex;
  std::map<std::string, int> retries MR_GUARDED_BY(mutex);  // by the endpoint's name in lower case
  Routes routes;
  Servers servers;
  Invoker invoker;
  ModelLoader loader;
  AsyncInference async;
  Capture capture;
  std::unique_ptr<KeyedQueue> side_queue;  // for what invocations read from S3 and write there
  std::unique_ptr<KeyedQueue> queue;       // last: its threads end before the rest goes

  void poke(const std::string& name) { sagemaker::poke(execution, *queue, to_lower(name)); }
  void poke_after(const std::string& name, Millis delay) {
    execution.timers.after(delay, [this, name] { poke(name); });
  }

  // --- carrying an endpoint on -------------------------------------------------------------------------------------

  void drive(const std::string& name) {
    const Status done = drive_endpoint(name);
    if (ending || (!done && done.error().code == Code::cancelled)) return;  // the next start looks
    int attempt = 0;
    {
      const MutexLock lock(mutex);
      if (done) {
        retries.erase(name);
        return;
      }
      attempt = ++retries[name];
    }
    log::warn("endpoint {}: {} (try {})", name, done.error().message, attempt);
    if (attempt % kMaxRetries == 0) give_up_pending(name, "InternalServerError: " + done.error().message);
    poke_after(name, kRetryDelay * std::min(attempt, kMaxRetries));
  }

  // What cannot be brought up, for a reason of ours, is not tried for ever. What answers already goes on.
  void give_up_pending(const std::string& name, const std::string& reason) {
    const auto endpoint = dependencies.store.find(Kind::endpoint, name);
    if (!endpoint || !*endpoint) return;
    for (const auto& deployment : deployments_of(**endpoint)) {
      if (deployment.number == (*endpoint)->state["pending"].int_or(0)) (void)give_up(**endpoint, deployment, reason);
    }
  }

  Status drive_endpoint(const std::string& name) {
    const auto endpoint = MR_TRY(dependencies.store.find(Kind::endpoint, name));
    if (!endpoint) {
      routes.withdraw(name);
      return {};
    }
    const std::int64_t serving = endpoint->state["serving"].int_or(0), pending = endpoint->state["pending"].int_or(0);
    const bool deleting = endpoint->status == "Deleting";
    if (deleting) routes.withdraw(name);
    bool all_down = true;
    for (auto& deployment : deployments_of(*endpoint)) {
      const bool wanted = !deleting && (deployment.number == serving || deployment.number == pending);
      if (!wanted) {
        const bool down = MR_TRY(servers.take_down(*endpoint, deployment));
        if (down) MR_TRY(forget(*endpoint, deployment));
        all_down = down && all_down;
        continue;
      }
      all_down = false;
      MR_TRY(deployment.number == pending ? bring_up(*endpoint, deployment) : keep_up(*endpoint, deployment));
    }
    if (deleting && all_down) {
      MR_TRY(remove_tree(servers.root_of(*endpoint)));
      MR_TRY(async.forget(name));
      MR_TRY(dependencies.store.erase(Kind::endpoint, name));
      dependencies.changed(Kind::endpoint, endpoint->name);
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
    const std::int64_t deadline = endpoint.state["deadline"].int_or(0);
    if (deadline != 0 && dependencies.clock.now() > from_epoch_ms(deadline))
      return give_up(endpoint, deployment, "The update exceeded MaximumExecutionTimeoutInSeconds.");
    if (MR_TRY(is_moving(endpoint, deployment))) return {};
    return complete(endpoint, deployment);
  }

  // While an update moves the traffic, in steps and with waits. It is looked at again with each answer to /ping, and at
  // a step that is due before the next of those.
  Result<bool> is_moving(const Resource& endpoint, const Deployment& deployment) {
    if (endpoint.state["serving"].int_or(0) == 0) return false;
    const Rollout rollout = rollout_of(endpoint.body["LastDeploymentConfig"], total_instances(deployment));
    if (!shift_at(rollout, Millis(0)).until) return false;
    const Time now = dependencies.clock.now();
    Resource row = endpoint;
    if (row.state["begun"].int_or(0) == 0) {
      row = MR_TRY(dependencies.store.change(Kind::endpoint, endpoint.name, [&](Resource& present) -> Status {
        present.state.set("begun", to_epoch_ms(now));
        return {};
      }));
    }
    const Shift shift = shift_at(rollout, now - from_epoch_ms(row.state["begun"].int_or(0)));
    if (!shift.until) return false;
    routes.publish(row);
    if (*shift.until < kHealthInterval) poke_after(endpoint.name, *shift.until);
    return true;
  }

  Status complete(const Resource& endpoint, const Deployment& deployment) {
    const auto changed = dependencies.store.change(Kind::endpoint, endpoint.name, [&](Resource& row) -> Status {
      if (row.state["pending"].int_or(0) != deployment.number || row.status == "Deleting") return {};
      const Time now = dependencies.clock.now();
      end_update(row);
      row.state.set("pending", 0).set("serving", deployment.number);
      row.status = "InService";
      row.modified = now;
      row.body.set("EndpointStatus", row.status).set("EndpointConfigName", deployment.config);
      row.body.set("ProductionVariants", variants_summary(deployment, now)).set("LastModifiedTime", seconds(now));
      row.body.erase("FailureReason");
      row.body.erase("AsyncInferenceConfig");
      row.body.set_if(!deployment.async.is_null(), "AsyncInferenceConfig", deployment.async);
      row.body.erase("DataCaptureConfig");
      if (const auto captured = capture_config(deployment.capture)) {
        row.body.set("DataCaptureConfig", Value::object({{"EnableCapture", true},
                                                         {"CaptureStatus", "Started"},
                                                         {"CurrentSamplingPercentage", captured->percent},
                                                         {"DestinationS3Uri", captured->destination}}));
      }
      return {};
    });
    if (!changed) return fail(changed.error());
    routes.publish(*changed);
    dependencies.changed(Kind::endpoint, endpoint.name);
    poke(endpoint.name);  // the deployment before it comes down
    return {};
  }

  static void end_update(Resource& row) {
    row.state.erase("begun");
    row.state.erase("deadline");
    row.body.erase("PendingDeploymentSummary");
  }

  // The deployment that answers.
  Status keep_up(const Resource& endpoint, Deployment& deployment) {
    std::string reason;
    const Up up = MR_TRY(servers_up(endpoint, deployment, reason));
    if (up == Up::failed) return give_up(endpoint, deployment, reason);
    routes.publish(endpoint);
    return {};
  }

  Status give_up(const Resource& endpoint, const Deployment& deployment, const std::string& reason) {
    const auto changed = dependencies.store.change(Kind::endpoint, endpoint.name, [&](Resource& row) -> Status {
      if (row.status == "Deleting") return {};
      const bool pending = row.state["pending"].int_or(0) == deployment.number;
      row.state.set(pending ? "pending" : "serving", 0);
      if (pending) end_update(row);
      // A failed update leaves the deployment that answers as it was.
      const bool still_served = row.state["serving"].int_or(0) != 0;
      row.status = still_served ? "InService" : "Failed";
      row.modified = dependencies.clock.now();
      row.body.set("EndpointStatus", row.status).set("FailureReason", cut_reason(reason));
      row.body.set("LastModifiedTime", seconds(row.modified));
      return {};
    });
    if (!changed) return fail(changed.error());
    if (changed->status == "Failed") {
      routes.withdraw(endpoint.name);
    } else if (changed->status == "InService") {
      routes.publish(*changed);  // what an update had moved goes back
    }
    dependencies.changed(Kind::endpoint, endpoint.name);
    poke(endpoint.name);
    return {};
  }

  Status forget(const Resource& endpoint, const Deployment& deployment) {
    const auto changed = dependencies.store.change(Kind::endpoint, endpoint.name, [&](Resource& row) -> Status {
      erase_deployment(row, deployment.number);
      row.active = row.status == "Deleting" || !row.state["deployments"].empty();
      return {};
    });
    if (!changed) return fail(changed.error());
    return {};
  }

  Result<Up> servers_up(const Resource& endpoint, const Deployment& deployment, std::string& reason) {
    Up all = Up::ready;
    for (const auto& variant : deployment.variants) {
      const Up up = MR_TRY(servers.keep_up(endpoint, deployment, variant, reason));
      if (up == Up::failed) return up;
      if (up == Up::waiting) all = Up::waiting;
    }
    return all;
  }

  // --- the operations ----------------------------------------------------------------------------------------------

  // Reads the configuration and its models, and makes them a deployment.
  Result<Deployment> deployment_of(const std::string& config_name, std::int64_t number) {
    const auto config = MR_TRY(dependencies.store.get(Kind::endpoint_config, config_name, dependencies.account_region));
    std::vector<Value> models;
    for (const auto& variant : config.body["ProductionVariants"].items()) {
      models.push_back(
          MR_TRY(dependencies.store.get(Kind::model, variant["ModelName"].string_or(), dependencies.account_region))
              .body);
    }
    return make_deployment(number, config.body, models);
  }

  Error in_progress(const std::string& name) {
    return Error(Code::invalid_argument,
                 fmt::format("Cannot update in-progress endpoint \"{}\".",
                             arn_of(dependencies.account_region, Kind::endpoint, name)),
                 "ValidationException");
  }
};

Endpoints::Endpoints(Dependencies& dependencies, LogFollower& follower, const Execution& execution, Send send)
    : impl_(std::make_unique<Impl>(dependencies, follower, execution, send)) {}
Endpoints::~Endpoints() { stop(); }

Result<Resource> Endpoints::create(const std::string& name, const std::string& config, const Value& deployment_config,
                                   const Tags& tags, const std::string& origin, Time now) {
  Dependencies& dependencies = impl_->dependencies;
  const Deployment deployment = MR_TRY(impl_->deployment_of(config, 1));
  Resource endpoint;
  endpoint.kind = Kind::endpoint;
  endpoint.name = name;
  endpoint.arn = arn_of(dependencies.account_region, Kind::endpoint, name);
  endpoint.status = "Creating";
  endpoint.created = endpoint.modified = now;
  endpoint.active = true;
  endpoint.state.set("serving", 0).set("pending", 1).set("next", 2);
  if (!origin.empty()) endpoint.state.set("origin", origin);
  put_deployment(endpoint, deployment);
  endpoint.body.set("EndpointName", name).set("EndpointArn", endpoint.arn).set("EndpointConfigName", deployment.config);
  endpoint.body.set("EndpointStatus", endpoint.status);
  endpoint.body.set_if(!deployment_config.is_null(), "LastDeploymentConfig", deployment_config);
  endpoint.body.set("CreationTime", seconds(now)).set("LastModifiedTime", seconds(now));
  MR_TRY(dependencies.store.insert(endpoint, tags, [](db::Connection& connection) -> Status {
    if (MR_TRY(Store::count_active_in(connection, Kind::endpoint)) < kMaxEndpointCount) return {};
    return limit_exceeded(
        fmt::format("The account-level service limit 'Number of endpoints' is {}.", kMaxEndpointCount));
  }));
  dependencies.changed(Kind::endpoint, name);
  impl_->poke(name);
  return endpoint;
}

Result<Resource> Endpoints::update(const std::string& name, const Update& update, Time now) {
  Dependencies& dependencies = impl_->dependencies;
  const auto present = MR_TRY(dependencies.store.get(Kind::endpoint, name, dependencies.account_region));
  Deployment deployment = MR_TRY(impl_->deployment_of(update.config, 0));
  auto changed = MR_TRY(dependencies.store.change(Kind::endpoint, name, [&](Resource& row) -> Status {
    if (row.status == "Failed") {
      return validation_error(
          fmt::format("Cannot update failed endpoint \"{}\"; delete it and create it anew.", row.arn));
    }
    if (row.status != "InService") return fail(impl_->in_progress(name));
    deployment.number = row.state["next"].int_or(2);
    for (const auto& serving : deployments_of(row)) {
      if (update.retain_properties && serving.number == row.state["serving"].int_or(0))
        retain_properties(deployment, serving, update.excluded);
    }
    put_deployment(row, deployment);
    if (!update.retain_deployment_config) row.body.erase("LastDeploymentConfig");
    row.body.set_if(!update.deployment_config.is_null(), "LastDeploymentConfig", update.deployment_config);
    const Millis limit = rollout_of(row.body["LastDeploymentConfig"], total_instances(deployment)).limit;
    row.state.set_if(limit.count() > 0, "deadline", to_epoch_ms(now + limit));
    row.body.set("PendingDeploymentSummary", pending_summary(deployment, now));
    row.state.set("pending", deployment.number).set("next", deployment.number + 1);
    row.status = "Updating";
    row.modified = now;
    row.body.set("EndpointStatus", row.status).set("LastModifiedTime", seconds(now));
    return {};
  }));
  dependencies.changed(Kind::endpoint, name);
  impl_->poke(name);
  return changed;
}

Result<Resource> Endpoints::update_weights(const std::string& name, const Value& desired, Time now) {
  Dependencies& dependencies = impl_->dependencies;
  MR_TRY(dependencies.store.get(Kind::endpoint, name, dependencies.account_region));
  auto changed = MR_TRY(dependencies.store.change(Kind::endpoint, name, [&](Resource& row) -> Status {
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
  impl_->routes.publish(changed);
  dependencies.changed(Kind::endpoint, name);
  return changed;
}

Status Endpoints::remove(const std::string& name, Time now) {
  Dependencies& dependencies = impl_->dependencies;
  MR_TRY(dependencies.store.get(Kind::endpoint, name, dependencies.account_region));
  MR_TRY(dependencies.store.change(Kind::endpoint, name, [&](Resource& row) -> Status {
    if (row.status != "InService" && row.status != "Failed") return fail(impl_->in_progress(name));
    row.status = "Deleting";
    row.active = true;
    row.modified = now;
    row.body.set("EndpointStatus", row.status).set("LastModifiedTime", seconds(now));
    return {};
  }));
  impl_->routes.withdraw(name);
  dependencies.changed(Kind::endpoint, name);
  impl_->poke(name);
  return {};
}

Result<std::optional<InvocationAnswer>> Endpoints::answer_here(const Invocation& invocation) {
  const auto route = impl_->routes.find(invocation.endpoint);
  if (!route && route.error().code == Code::internal) return fail(route.error());
  if (!route || (*route)->capture || (*route)->async) return std::nullopt;
  if (!invocation.target_container.empty() || !invocation.target_model.empty()) return std::nullopt;
  const auto target = (*route)->choose(invocation.target_variant, uniform());
  if (!target || target->is_direct || target->most > 0 || target->stages.size() != 1) return std::nullopt;
  const auto native = impl_->servers.native_of(target->stages.front().id);
  if (!native || !native->takes(invocation.content_type, invocation.body.size())) return std::nullopt;
  auto inferred = native->infer(invocation.content_type, invocation.accept, invocation.body);
  const bool failed = inferred.status != 200;
  return InvocationAnswer{inferred.status,
                          failed ? "text/plain" : std::move(inferred.content_type),
                          failed ? inferred.body + "\n" : std::move(inferred.body),
                          target->variant,
                          "",
                          target->stages.front().container};
}

void Endpoints::invoke(Invocation invocation, Invoker::Done done, std::function<bool()> wanted) {
  const auto route = impl_->routes.find(invocation.endpoint);
  if (route && (*route)->async) {
    return done(invalid(
        fmt::format("Endpoint {} is for asynchronous inference: use InvokeEndpointAsync.", invocation.endpoint)));
  }
  if (route && (*route)->capture && uniform() * 100 < (*route)->capture->percent) {
    CapturedInvocation seen{invocation.content_type,
                            invocation.custom_attributes,
                            invocation.inference_id,
                            (*route)->capture->input ? invocation.body : std::string(),
                            {}};
    done = [this, endpoint = invocation.endpoint, config = (*route)->capture, seen = std::move(seen),
            done = std::move(done)](Result<InvocationAnswer> answer) mutable {
      if (answer && answer->status >= 200 && answer->status <= 299) {
        seen.answer = *answer;
        impl_->capture.record(endpoint, config, seen);
      }
      done(std::move(answer));
    };
  }
  impl_->invoker.invoke(std::move(invocation), std::move(done), std::move(wanted));
}

Result<AsyncAccepted> Endpoints::invoke_async(const Value& input, Time now) { return impl_->async.accept(input, now); }

bool Endpoints::on_end(const std::string& key) {
  const std::string name = endpoint_of_key(key);
  if (name.empty()) return false;
  impl_->poke(name);
  return true;
}

Status Endpoints::resume() {
  for (const auto& resource : MR_TRY(impl_->dependencies.store.active())) {
    if (resource.kind == Kind::endpoint) impl_->poke(resource.name);
  }
  return impl_->async.resume();
}

void Endpoints::stop() {
  impl_->ending = true;
  impl_->queue->stop();
  impl_->side_queue->stop();
  impl_->invoker.stop();
  impl_->loader.stop();
  impl_->capture.flush();
}
KeyedQueue& Endpoints::queue() { return *impl_->queue; }

}  // namespace millrace::sagemaker
