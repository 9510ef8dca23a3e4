#include "kube/kube.h"

#include <algorithm>
#include <atomic>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/strings.h"
#include "kube/config_maps.h"
#include "kube/discovery.h"
#include "kube/namespaces.h"
#include "kube/pod_log.h"
#include "kube/pods.h"
#include "kube/secrets.h"
#include "kube/status.h"
#include "kube/table.h"
#include "kube/watch.h"
#include "kube/writes.h"

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxPathBytes = 4096;

// /api/v1[/namespaces/NS]/PLURAL[/NAME[/SUBRESOURCE]]
struct ObjectPath {
  std::string name_space, plural, name, subresource;
};

Result<ObjectPath> parse_path(std::string_view path) {
  const auto unknown = [&] { return fail(Code::not_found, "the server could not find the requested resource"); };
  if (path.size() > kMaxPathBytes || !path.starts_with("/api/v1/")) return unknown();
  std::vector<std::string> parts;
  for (const auto part : split(path.substr(8), '/')) {
    parts.push_back(MR_TRY(percent_decode(part)));
    if (parts.back().empty()) return unknown();
  }
  ObjectPath result;
  if (parts.front() == "namespaces" && parts.size() > 2) {
    result.name_space = parts[1];
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  if (parts.size() > 3) return unknown();
  parts.resize(3);
  result.plural = parts[0];
  result.name = parts[1];
  result.subresource = parts[2];
  return result;
}

bool wants_table(const net::Request& request) {
  return request.headers.get("Accept").find("as=Table") != std::string_view::npos;
}

Result<Include> include_of(const net::Request& request) {
  const std::string text = net::query_parameter(request, "includeObject").value_or("Metadata");
  if (text == "None") return Include::none;
  if (text == "Metadata" || text.empty()) return Include::metadata;
  if (text == "Object") return Include::object;
  return fail(Code::invalid_argument, fmt::format("unrecognized includeObject value \"{}\"", text));
}

class KubeImpl final : public Kube {
 public:
  KubeImpl(db::Database& database, const Clock& clock, Options options)
      : clock_(clock),
        token_(std::move(options.bearer_token)),
        store_(database, std::move(options.encryption_key)),
        namespaces_(store_),
        secrets_(store_),
        config_maps_(store_),
        events_(pods_),
        resources_{&namespaces_, &secrets_, &config_maps_, &pods_, &events_} {}

  Status open() {
    MR_TRY(store_.open());
    for (const auto& name : initial_namespaces()) {
      const ObjectName key{"namespaces", "", name};
      if (store_.get(key)) continue;
      Value object = Value::object(
          {{"apiVersion", "v1"},
           {"kind", "Namespace"},
           {"metadata",
            Value::object({{"name", name}, {"uid", uuid4()}, {"creationTimestamp", format_rfc3339(clock_.now())}})}});
      MR_TRY(namespaces_.admit(object, nullptr));
      MR_TRY(store_.insert(key, object));
    }
    return {};
  }

  void set_pipelines(pipelines::Pipelines& pipelines) override {
    pipelines_ = &pipelines;
    pods_.set_pipelines(pipelines);
    pipelines.on_change([this](const std::string&) { sleepers_.wake_all(); });
  }

  net::Response handle(net::Request& request) override {
    const std::string wanted = "Bearer " + token_;
    if (token_.empty() || !equal_constant_time(request.headers.get("Authorization"), wanted)) {
      return failure(Error(Code::unauthenticated,
                           "Unauthorized: this API takes the token in the kubeconfig that `millrace env` names"));
    }
    auto response = dispatch(request);
    return response ? std::move(*response) : failure(response.error());
  }

  Result<std::map<std::string, std::string>> secret(const std::string& name_space, const std::string& name) override {
    return decoded_data(MR_TRY(wanted("secrets", name_space, name)));
  }
  Result<std::map<std::string, std::string>> config_map(const std::string& name_space,
                                                        const std::string& name) override {
    return all_data(MR_TRY(wanted("configmaps", name_space, name)));
  }

 private:
  Result<Value> wanted(const std::string& plural, const std::string& name_space, const std::string& name) {
    auto object = store_.get({plural, name_space, name});
    if (!object && object.error().code == Code::not_found) {
      return fail(Code::not_found,
                  fmt::format("{} \"{}\" not found in namespace \"{}\"; create it with `kubectl apply`", plural, name,
                              name_space));
    }
    return object;
  }

  Result<net::Response> dispatch(net::Request& request) {
    if (request.method == "GET") {
      if (auto answer = discovery(request, request.path, resources_)) return std::move(*answer);
    }
    const ObjectPath path = MR_TRY(parse_path(request.path));
    Resource* resource = nullptr;
    for (Resource* candidate : resources_) {
      if (candidate->description().plural == path.plural) resource = candidate;
    }
    if (resource == nullptr || (!resource->description().namespaced && !path.name_space.empty())) {
      return fail(Code::not_found, "the server could not find the requested resource");
    }
    if (!path.subresource.empty()) {
      if (path.plural != "pods" || path.subresource != "log" || request.method != "GET" || pipelines_ == nullptr) {
        return fail(Code::not_found, "the server could not find the requested resource");
      }
      return pod_log(*pipelines_, pods_, sleepers_, request, path.name_space, path.name);
    }
    if (request.method == "GET") {
      return path.name.empty() ? list(*resource, path.name_space, request) : get(*resource, path, request);
    }
    auto written = write(*resource, path, request);
    if (written) sleepers_.wake_all();
    return written;
  }

  Result<net::Response> get(Resource& resource, const ObjectPath& path, const net::Request& request) {
    const Value found = MR_TRY(resource.get(path.name_space, path.name));
    if (!wants_table(request)) return object(200, found);
    return object(200, table_of(resource, {found}, MR_TRY(include_of(request)),
                                found.at("metadata").at("resourceVersion").string_or(), clock_.now()));
  }

  // Pods carry the time of their last change as version, stored objects the store's counter.
  Result<std::int64_t> list_version(const Resource& resource) {
    if (!resource.description().writable) return to_epoch_ms(clock_.now());
    return MR_TRY(store_.versions()).latest;
  }

  Result<net::Response> list(Resource& resource, const std::string& name_space, const net::Request& request) {
    const Selector selector = MR_TRY(Selector::parse(net::query_parameter(request, "labelSelector").value_or(""),
                                                     net::query_parameter(request, "fieldSelector").value_or(""),
                                                     resource.description().selectable_fields));
    const std::string watching = net::query_parameter(request, "watch").value_or("");
    if (watching == "true" || watching == "1") return start_watch(resource, name_space, selector, request);
    const std::string version = std::to_string(MR_TRY(list_version(resource)));
    std::vector<Value> objects;
    for (Value& candidate : MR_TRY(resource.list(name_space))) {
      if (selector.matches(candidate)) objects.push_back(std::move(candidate));
    }
    if (wants_table(request)) {
      return object(200, table_of(resource, objects, MR_TRY(include_of(request)), version, clock_.now()));
    }
    return object(200, Value::object({{"kind", resource.description().kind + "List"},
                                      {"apiVersion", "v1"},
                                      {"metadata", Value::object({{"resourceVersion", version}})},
                                      {"items", Value(std::move(objects))}}));
  }

  Result<net::Response> start_watch(Resource& resource, const std::string& name_space, const Selector& selector,
                                    const net::Request& request) {
    WatchOptions options{name_space, selector, std::nullopt, std::nullopt, wants_table(request)};
    const std::string since = net::query_parameter(request, "resourceVersion").value_or("");
    if (!since.empty() && since != "0") {
      options.since = parse_int(since);
      if (!options.since) return fail(Code::invalid_argument, fmt::format("invalid resource version \"{}\"", since));
      if (resource.description().writable && *options.since < MR_TRY(store_.versions()).last_delete) {
        return fail(Code::failed_precondition, fmt::format("too old resource version: {}", since), "Expired");
      }
    }
    if (const auto seconds = parse_int(net::query_parameter(request, "timeoutSeconds").value_or(""))) {
      options.until = clock_.now() + std::chrono::seconds(std::clamp<std::int64_t>(*seconds, 0, 86'400));
    }
    auto sleeper = sleepers_.add();
    if (!sleeper) return fail(Code::unavailable, "too many logs and watches are open; close one");
    net::Response response;
    response.headers.set("Content-Type", "application/json");
    response.stream = watch(resource, clock_, std::move(sleeper), std::move(options));
    return response;
  }

  Result<net::Response> write(Resource& resource, const ObjectPath& path, net::Request& request) {
    const Description& about = resource.description();
    const auto refuse = [&] {
      return fail(Code::invalid_argument,
                  about.writable
                      ? fmt::format("the server does not allow {} on this path of {}", request.method, about.plural)
                      : fmt::format("{} are a view of the tasks of runs here and can only be read; end a run with "
                                    "`kfp run` or the console",
                                    about.plural),
                  "MethodNotAllowed");
    };
    if (!about.writable || (about.namespaced && path.name_space.empty())) return refuse();
    const Target target{resource, store_, clock_, path.name_space, path.name};
    if (path.name.empty()) return request.method == "POST" ? create(target, request) : refuse();
    if (request.method == "PUT") return replace(target, request);
    if (request.method == "PATCH") return patch(target, request);
    if (request.method == "DELETE") return erase(target, request);
    return refuse();
  }

  const Clock& clock_;
  std::string token_;
  Store store_;
  Namespaces namespaces_;
  Secrets secrets_;
  ConfigMaps config_maps_;
  Pods pods_;
  Events events_;
  std::vector<Resource*> resources_;
  std::atomic<pipelines::Pipelines*> pipelines_ = nullptr;
  Sleepers sleepers_;  // last: its thread ends before what it wakes
};

}  // namespace

Result<std::unique_ptr<Kube>> Kube::open(db::Database& database, const Clock& clock, Options options) {
  auto kube = std::make_unique<KubeImpl>(database, clock, std::move(options));
  MR_TRY(kube->open());
  return kube;
}

}  // namespace millrace::kube
