#include "sagemaker/serving/servers.h"

#include <utility>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "sagemaker/jobs/model_server.h"
#include "sagemaker/jobs/served_model.h"
#include "sagemaker/serving/routes.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr Millis kSteady{60'000};  // up so long: earlier failures are forgotten
constexpr Millis kGrace{5'000};    // between SIGTERM and SIGKILL; SageMaker gives a container 30 s
constexpr Millis kGraceOfAnImage{30'000};
constexpr std::size_t kMaxPingAnswer = 64u << 10;

// What a server's key has without the number of its start. Its socket's directory is named by it, so that one start
// leaves nothing behind that the next one does not replace.
std::string all_starts(const std::string& key) { return key.substr(0, key.rfind('/')); }

// Whose model this process may answer with; empty: none.
std::string native_algorithm(const Value& model, std::size_t container) {
  const auto served = served_model(model, container);
  return served && !served->multi ? served->algorithm : std::string();
}

constexpr int kEngineFailed = 125, kNotFound = 127;  // podman-run(1), "Exit Status"

std::string why_not_up(const std::string& variant, const work::WorkStatus& child) {
  if (child.signal == 0 && child.exit_code >= kEngineFailed && child.exit_code <= kNotFound) {
    return fmt::format(
        "CannotStartContainerError. Please ensure the model container for variant {} starts correctly when invoked "
        "with 'docker run <image> serve'",
        variant);
  }
  return fmt::format(
      "The primary container for production variant {} did not pass the ping health check. Please check CloudWatch "
      "logs for this endpoint.",
      variant);
}

}  // namespace

Servers::Servers(Needs needs) : needs_(std::move(needs)), sockets_(needs_.dependencies.options.directory / "sockets") {}

Servers::Place Servers::place_of(const Resource& endpoint, const Deployment& deployment, const Variant& variant) {
  return {endpoint, deployment, variant, variant_id(endpoint, deployment, variant),
          server_key(endpoint, deployment, variant)};
}

fs::path Servers::root_of(const Resource& endpoint) const {
  return needs_.dependencies.options.directory / directory_of(endpoint);
}

fs::path Servers::log_of(const Place& place) const {
  return root_of(place.endpoint) / std::to_string(place.deployment.number) /
         fmt::format("{}.{}.log", place.variant.label(), place.variant.attempt);
}

std::shared_ptr<const ServerAddress> Servers::address_of(const std::string& id) {
  const MutexLock lock(mutex_);
  const auto found = servers_.find(id);
  return found == servers_.end() || !found->second.ready ? nullptr : found->second.address;
}

std::shared_ptr<const NativeModel> Servers::native_of(const std::string& id) {
  const MutexLock lock(mutex_);
  const auto found = servers_.find(id);
  return found == servers_.end() || !found->second.ready ? nullptr : found->second.native;
}

ServerFacts Servers::facts_of(const Place& place, std::optional<work::WorkStatus> child) {
  const MutexLock lock(mutex_);
  Server& server = servers_[place.id];
  if (server.key != place.key) {
    Server fresh;
    fresh.key = place.key;
    fresh.since = now();
    fresh.failures = server.failures;
    fresh.not_before = server.not_before;
    server = std::move(fresh);
  }
  ServerFacts facts;
  facts.child = std::move(child);
  facts.backing_off = server.not_before > now();
  facts.ready = server.ready;
  facts.killed = server.killed;
  facts.ping_under_way = server.ping_under_way;
  facts.missed_pings = server.missed_pings;
  facts.age = now() - server.since;
  if (place.variant.start_limit.count() > 0) facts.start_limit = place.variant.start_limit;
  facts.since_ping = now() - server.pinged;
  return facts;
}

Result<Servers::Up> Servers::keep_up(const Resource& endpoint, const Deployment& deployment, Variant variant,
                                     std::string& reason) {
  const Place place = place_of(endpoint, deployment, variant);
  ServerFacts facts = facts_of(place, MR_TRY(needs_.dependencies.backend.status(place.key)));
  if (facts.child) follow(place);
  switch (next_server_step(facts)) {
    case ServerStep::launch: {
      auto launched = launch(place);
      if (!launched) {
        const Code code = launched.error().code;
        if (code == Code::unavailable || code == Code::internal || code == Code::cancelled)
          return fail(launched.error());
        reason = launched.error().message;
        return Up::failed;
      }
      if (*launched) needs_.poke(endpoint.name);
      return Up::waiting;
    }
    case ServerStep::ended:
      return replace(place, *facts.child, reason);
    case ServerStep::kill:
      MR_TRY(kill(place));
      return Up::waiting;
    case ServerStep::ping:
      ping(place);
      break;
    case ServerStep::wait:
      if (!facts.ping_under_way && !facts.killed) look_later(place, next_look(facts));
      break;
  }
  return facts.ready ? Up::ready : Up::waiting;
}

Result<std::optional<work::WorkStatus>> Servers::launch(const Place& place) {
  const auto model = MR_TRY(served_model(place.variant.model, place.variant.container));
  const fs::path directory = root_of(place.endpoint) / std::to_string(place.deployment.number) / place.variant.label();
  // trusted-path: only the server writes there
  MR_TRY(make_directories(directory, 0700));
  MR_TRY(fetch_model(needs_.dependencies, model, directory / "model", place.endpoint.origin(), needs_.checkpoint));
  MR_TRY(fetch_script(needs_.dependencies, model, directory / "code", place.endpoint.origin(), needs_.checkpoint));
  ModelPlaces places{directory / "model", directory / "code", directory / "own", {}};
  const ServerPlan plan = MR_TRY(plan_server(needs_.dependencies, model, places));
  std::optional<frameworks::Kept> kept;
  if (plan.environment) {
    kept = MR_TRY(environment_for(place, *plan.environment));
    if (!kept) return std::nullopt;
  }
  places.socket = MR_TRY(sockets_.make_directory(all_starts(place.key)));
  auto spec = MR_TRY(model_server(needs_.dependencies, {place.endpoint, model, places}, plan, kept));
  spec.key = place.key;
  spec.log = log_of(place);
  auto launched = MR_TRY(needs_.dependencies.backend.start_and_wait(std::move(spec)));
  if (kept) note(place, kept->notes);
  const MutexLock lock(mutex_);
  servers_[place.id].since = now();
  return launched;
}

Result<std::optional<frameworks::Kept>> Servers::environment_for(const Place& place, const frameworks::Wanted& wanted) {
  frameworks::Environments& environments = needs_.dependencies.environments;
  if (auto kept = environments.find(wanted)) return kept;
  {
    const MutexLock lock(mutex_);
    Server& server = servers_[place.id];
    if (server.not_made) return fail(*std::exchange(server.not_made, std::nullopt));
    if (std::exchange(server.making, true)) return std::nullopt;
  }
  const auto made = [this, endpoint = place.endpoint.name, id = place.id](const Status& status, const std::string&) {
    {
      const MutexLock lock(mutex_);
      const auto found = servers_.find(id);
      if (found == servers_.end()) return;  // the endpoint has gone
      found->second.making = false;
      // That the index is out of reach is not tried again for ever: whoever makes the endpoint sees the reason.
      if (!status) found->second.not_made = Error(Code::failed_precondition, status.error().message);
    }
    needs_.poke(endpoint);
  };
  environments.make(wanted, needs_.dependencies.sandbox.available(), made);
  return std::nullopt;
}

// Lines of ours in the log of its server.
void Servers::note(const Place& place, const std::vector<std::string>& lines) {
  std::vector<logs::Event> events;
  for (const auto& line : lines) events.push_back({needs_.dependencies.clock.now(), line});
  if (events.empty()) return;
  const auto stored = needs_.dependencies.logs.append(log_group_of(place), log_stream_of(place), events);
  if (!stored) log::warn("{}: {}", place.key, stored.error().message);
}

// A server that ended is started again, unless it keeps ending.
Result<Servers::Up> Servers::replace(const Place& place, const work::WorkStatus& child, std::string& reason) {
  int failures = 0;
  {
    const MutexLock lock(mutex_);
    Server& server = servers_[place.id];
    // Once, though what follows may fail and be tried again.
    if (!std::exchange(server.end_counted, true))
      server.failures = child.ended - child.started > kSteady ? 1 : server.failures + 1;
    failures = server.failures;
    server.ready = false;
    server.not_before = now() + restart_delay(failures);
  }
  if (auto stored = needs_.follower.finish(place.key); !stored) log::warn("{}: {}", place.key, stored.error().message);
  if (failures >= kMaxFailures) {
    reason = why_not_up(place.variant.name, child);
    return Up::failed;
  }
  log::warn("the model server {} ended with exit code {}; it is started again", place.id, child.exit_code);
  // Written before it is started: after a crash the same attempt is looked for.
  MR_TRY(write_attempt(place, place.variant.attempt + 1));
  if (auto forgotten = needs_.dependencies.backend.forget(place.key); !forgotten) {
    log::warn("{}: {}", place.key, forgotten.error().message);
  }
  MR_TRY(sockets_.remove(all_starts(place.key)));
  look_later(place, restart_delay(failures) + Millis(1));
  return Up::waiting;
}

Status Servers::write_attempt(const Place& place, std::int64_t attempt) {
  const auto changed =
      needs_.dependencies.store.change(Kind::endpoint, place.endpoint.name, [&](Resource& row) -> Status {
        for (auto& stored : deployments_of(row)) {
          if (stored.number != place.deployment.number) continue;
          for (auto& variant : stored.variants) {
            if (variant.label() == place.variant.label()) variant.attempt = attempt;
          }
          put_deployment(row, stored);
        }
        return {};
      });
  if (!changed) return fail(changed.error());
  return {};
}

Result<ServerAddress> Servers::find_address(const Place& place) const {
  const std::uint16_t port = needs_.dependencies.backend.published_port(place.key);
  if (port != 0) return ServerAddress(port);
  return sockets_.find(all_starts(place.key));
}

void Servers::ping(const Place& place) {
  auto found = find_address(place);
  {
    const MutexLock lock(mutex_);
    Server& server = servers_[place.id];
    server.pinged = now();
    server.ping_under_way = found.has_value();
    // What lies in the place of its socket is as bad as no answer.
    if (!found && (server.ready || found.error().code != Code::not_found)) ++server.missed_pings;
  }
  if (!found) {
    if (found.error().code != Code::not_found) log::warn("{}: {}", place.id, found.error().message);
    return look_later(place, kPoll);
  }
  auto address = std::make_shared<const ServerAddress>(std::move(*found));
  net::AsyncRequest request;
  request.target = "/ping";
  address->put_ping_into(request);
  request.timeout = kPingTimeout;
  request.max_body_bytes = kMaxPingAnswer;
  needs_.send(std::move(request), [this, endpoint = place.endpoint.name, id = place.id, key = place.key,
                                   algorithm = native_algorithm(place.variant.model, place.variant.container),
                                   address](const Result<net::ClientResponse>& answer) {
    pinged(endpoint, id, key, algorithm, address, answer);
  });
}

// A server that has begun to answer is asked for its model's numbers (native_model.h); without them it is asked itself.
void Servers::ask_for_matrix(const std::string& id, const std::string& key, const std::string& algorithm,
                             const std::shared_ptr<const ServerAddress>& address) {
  net::AsyncRequest request;
  request.target = "/matrix";
  address->put_into(request);
  request.timeout = kPingTimeout;
  request.max_body_bytes = NativeModel::kMaxBytes;
  needs_.send(std::move(request), [this, id, key, algorithm, address](const Result<net::ClientResponse>& answer) {
    if (!answer || answer->status != 200) return;
    auto native = NativeModel::parse(algorithm, answer->body);
    if (!native) return log::warn("{}: {}", id, native.error().message);
    const MutexLock lock(mutex_);
    const auto found = servers_.find(id);
    if (found != servers_.end() && found->second.key == key) found->second.native = std::move(*native);
  });
}

void Servers::pinged(const std::string& endpoint, const std::string& id, const std::string& key,
                     const std::string& algorithm, const std::shared_ptr<const ServerAddress>& address,
                     const Result<net::ClientResponse>& answer) {
  bool became_ready = false, is_well = false;
  {
    const MutexLock lock(mutex_);
    const auto found = servers_.find(id);
    if (found == servers_.end() || found->second.key != key) return;  // of an earlier start
    Server& server = found->second;
    server.ping_under_way = false;
    server.pinged = now();
    is_well = answer && answer->status == 200;
    if (is_well) {
      became_ready = !std::exchange(server.ready, true);
      server.missed_pings = 0;
      server.address = address;
    } else if (server.ready || (!answer && answer.error().code == Code::deadline_exceeded && !address->is_port())) {
      // One that starts may refuse, or answer that it is not ready. Ours must not be silent; another image may until
      // its start's limit.
      ++server.missed_pings;
    }
  }
  if (became_ready && !algorithm.empty()) ask_for_matrix(id, key, algorithm, address);
  if (became_ready) needs_.answers(id);
  needs_.poke(endpoint);
}

Status Servers::kill(const Place& place) {
  log::warn("the model server {} does not answer /ping; it is killed", place.id);
  {
    const MutexLock lock(mutex_);
    Server& server = servers_[place.id];
    server.killed = true;
    // One that was not up in time is not given the same time again.
    if (!server.ready && server.missed_pings < kMaxMissedPings) server.failures = kMaxFailures - 1;
    server.ready = false;
  }
  auto killed = needs_.dependencies.backend.stop(place.key, Millis(0));  // its end pokes
  if (!killed) {
    const MutexLock lock(mutex_);
    servers_[place.id].killed = false;
  }
  return killed;
}

Result<bool> Servers::take_down(const Resource& endpoint, const Deployment& deployment) {
  bool down = true;
  for (const auto& variant : deployment.variants) {
    const Place place = place_of(endpoint, deployment, variant);
    const auto child = MR_TRY(needs_.dependencies.backend.status(place.key));
    if (!child || child->is_over()) continue;
    down = false;
    {
      const MutexLock lock(mutex_);
      if (std::exchange(servers_[place.id].stopping, true)) continue;
    }
    const bool is_image = needs_.dependencies.backend.published_port(place.key) != 0;
    if (auto stopped = needs_.dependencies.backend.stop(place.key, is_image ? kGraceOfAnImage : kGrace); !stopped) {
      const MutexLock lock(mutex_);
      servers_[place.id].stopping = false;  // asked for again at the next look
      return fail(stopped.error());
    }
  }
  if (!down) return false;  // its exit pokes
  for (const auto& variant : deployment.variants) {
    const Place place = place_of(endpoint, deployment, variant);
    if (auto stored = needs_.follower.finish(place.key); !stored)
      log::warn("{}: {}", place.key, stored.error().message);
    // An earlier start may not have been forgotten.
    MR_TRY(needs_.dependencies.backend.forget(all_starts(place.key)));
    MR_TRY(sockets_.remove(all_starts(place.key)));
    const MutexLock lock(mutex_);
    servers_.erase(place.id);
  }
  MR_TRY(remove_tree(root_of(endpoint) / std::to_string(deployment.number)));
  return true;
}

// At most one look waits for each server, however often this is asked for.
void Servers::look_later(const Place& place, Millis delay) {
  {
    const MutexLock lock(mutex_);
    Server& server = servers_[place.id];
    const Time due = now() + delay;
    if (server.next_look && *server.next_look > now() && *server.next_look <= due) return;
    server.next_look = due;
  }
  needs_.execution.timers.after(delay, [poke = needs_.poke, name = place.endpoint.name] { poke(name); });
}

std::string Servers::log_group_of(const Place& place) { return "/aws/sagemaker/Endpoints/" + place.endpoint.name; }

std::string Servers::log_stream_of(const Place& place) {
  return fmt::format("{}/i-{}", place.variant.label(), sha256_hex(place.key).substr(0, 17));
}

void Servers::follow(const Place& place) {
  needs_.follower.follow(place.key, {log_of(place), log_group_of(place), log_stream_of(place), {}});
}

}  // namespace millrace::sagemaker
