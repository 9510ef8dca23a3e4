#include "kube/kube.h"

#include <algorithm>
#include <atomic>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/ids.h"
#include "kube/aws_resources/aws_kinds.h"
#include "kube/aws_resources/controller.h"
#include "kube/config_maps.h"
#include "kube/delete_options.h"
#include "kube/discovery.h"
#include "kube/draft.h"
#include "kube/kinds.h"
#include "kube/list.h"
#include "kube/namespaces.h"
#include "kube/nodes.h"
#include "kube/path.h"
#include "kube/pod_connections.h"
#include "kube/pod_log.h"
#include "kube/pods.h"
#include "kube/reviews.h"
#include "kube/secrets.h"
#include "kube/status.h"
#include "kube/table.h"
#include "kube/watch.h"
#include "kube/writes.h"

namespace millrace::kube {
namespace {

// kubectl asks for the definitions of custom resources before it says that it does not know a kind. There are none: the
// kinds of SageMaker's are the program's own.
constexpr std::string_view kDefinitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
Value no_definitions() {
  return Value::object({{"kind", "CustomResourceDefinitionList"},
                        {"apiVersion", "apiextensions.k8s.io/v1"},
                        {"metadata", Value::object({{"resourceVersion", "1"}})},
                        {"items", Value::array()}});
}

bool has_status(const Kind& kind) {
  static constexpr std::string_view kPlurals[] = {"namespaces", "nodes", "persistentvolumeclaims", "pods"};
  return std::ranges::find(kPlurals, kind.plural) != std::end(kPlurals);
}

class KubeImpl final : public Kube {
 public:
  KubeImpl(db::Database& database, const Clock& clock, Options options)
      : clock_(clock),
        token_(std::move(options.bearer_token)),
        store_(database, std::move(options.encryption_key)),
        namespaces_(namespaces_kind(), store_),
        secrets_(secrets_kind(), store_),
        config_maps_(config_maps_kind(), store_),
        service_accounts_(service_accounts_kind(), store_),
        claims_(claims_kind(), store_),
        leases_(leases_kind(), store_),
        services_(services_kind(), store_),
        nodes_(clock),
        pods_(clock, store_),
        events_(pods_, clock),
        resources_{&config_maps_, &events_,  &namespaces_,       &nodes_,    &claims_,
                   &pods_,        &secrets_, &service_accounts_, &services_, &leases_} {
    for (const Kind& kind : aws_resource_kinds()) {
      custom_.push_back(std::make_unique<StoredResource>(kind, store_));
      resources_.push_back(custom_.back().get());
    }
  }

  Status open() {
    MR_TRY(store_.open());
    for (const auto& name : initial_namespaces()) {
      const ObjectName key{"namespaces", "", name};
      if (!store_.get(key)) {
        Value object = Value::object(
            {{"apiVersion", "v1"},
             {"kind", "Namespace"},
             {"metadata",
              Value::object({{"name", name}, {"uid", uuid4()}, {"creationTimestamp", format_rfc3339(clock_.now())}})}});
        MR_TRY(admit(namespaces_kind(), object, nullptr));
        MR_TRY(store_.insert(key, object));
      }
      MR_TRY(add_service_account(name));
    }
    return {};
  }

  void set_pipelines(pipelines::Pipelines& pipelines) override {
    pipelines_ = &pipelines;
    pods_.set_pipelines(pipelines);
    pipelines.on_change([this](const std::string&) {
      pods_.note_change();
      events_.note_change();
      sleepers_.wake_all();
    });
  }

  void start_controllers(AwsApi& api) override { controller_.start(api); }
  void stop_controllers() override { controller_.stop(); }
  void note_aws_change() override { controller_.wake(); }

  net::Response handle(net::Request& request) override {
    const std::string wanted = "Bearer " + token_;
    if (token_.empty() || !equal_constant_time(request.headers.get("Authorization"), wanted)) {
      return failure(Error(Code::unauthenticated,
                           "Unauthorized: this API takes the token in the kubeconfig that `millrace env` names"));
    }
    if (const Status own = check_impersonation(request); !own) return failure(own.error());
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

  void note_written(const Kind& kind) {
    sleepers_.wake_all();
    if (kind.is_custom || kind.plural == "namespaces") controller_.wake();
  }

  // What each namespace has from its beginning.
  Status add_service_account(const std::string& name_space) {
    const auto added = store_.insert({service_accounts_kind().resource(), name_space, "default"},
                                     default_service_account(name_space, clock_.now()));
    if (!added && added.error().code != Code::already_exists) return fail(added.error());
    return {};
  }

  Resource* resource_at(const ObjectPath& path) {
    for (Resource* resource : resources_) {
      const Kind& kind = resource->kind();
      const bool fits = kind.plural == path.plural && kind.api_version() == path.api_version;
      if (fits && (kind.namespaced || path.name_space.empty())) return resource;
    }
    return nullptr;
  }

  Result<net::Response> dispatch(net::Request& request) {
    if (request.method == "GET") {
      if (auto answer = discovery(request, request.path, resources_)) return std::move(*answer);
      if (request.path == kDefinitionsPath) return object(200, no_definitions());
    }
    const ObjectPath path = MR_TRY(parse_path(request.path));
    for (const ReviewKind& kind : review_kinds()) {
      if (path.api_version != std::string(kind.group) + "/v1" || path.plural != kind.plural || !path.name.empty())
        continue;
      return request.method == "POST" ? review(kind, resources_, request) : fail(method_not_allowed());
    }
    Resource* resource = resource_at(path);
    if (resource == nullptr) return fail(unknown_path());
    if (!path.subresource.empty()) return subresource(*resource, path, request);
    const std::string verb = verb_of(*resource, path, request);
    if (verb.empty() || !resource->kind().allows(verb)) return fail(not_served(resource->kind()));
    if (verb == "watch") return watch(*resource, clock_, sleepers_, path.name_space, request);
    if (verb == "list") return list(*resource, path.name_space, request, clock_.now());
    if (verb == "get") {
      const Form form = MR_TRY(form_of(request));
      Value found = MR_TRY(resource->get(path.name_space, path.name));
      if (form.shows_objects()) resource->fill_in(found);
      return object(200, object_as(form, resource->kind(), found, clock_.now()));
    }
    auto written = write(*resource, verb, path, request);
    if (written) note_written(resource->kind());
    return written;
  }

  // Of discovery; empty: this method is for no such path.
  static std::string verb_of(const Resource& resource, const ObjectPath& path, const net::Request& request) {
    struct Row {
      std::string_view method;
      bool named;
      const char* verb;
    };
    static constexpr Row kRows[] = {{"GET", true, "get"},
                                    {"GET", false, "list"},
                                    {"POST", false, "create"},
                                    {"PUT", true, "update"},
                                    {"PATCH", true, "patch"},
                                    {"DELETE", true, "delete"},
                                    {"DELETE", false, "deletecollection"}};
    const bool everywhere = resource.kind().namespaced && path.name_space.empty();
    if (everywhere && (request.method != "GET" || !path.name.empty())) return {};
    for (const auto& [method, named, verb] : kRows) {
      if (method != request.method || named == path.name.empty()) continue;
      return std::string_view(verb) == "list" && flag(request, "watch") ? "watch" : verb;
    }
    return {};
  }

  static Error not_served(const Kind& kind) {
    Error error = method_not_allowed();
    if (!kind.read_only_because.empty()) error.message += ": " + kind.read_only_because;
    return error;
  }

  Result<net::Response> subresource(Resource& resource, const ObjectPath& path, net::Request& request) {
    if (resource.kind().is_custom && path.subresource == "status") return status(resource, path, request);
    if (path.plural == "pods" && path.subresource == "log" && request.method == "GET" && pipelines_ != nullptr)
      return pod_log(*pipelines_, pods_, sleepers_, clock_, request, path.name_space, path.name);
    if (path.subresource == "status" && request.method == "GET" && has_status(resource.kind())) {
      Value found = MR_TRY(resource.get(path.name_space, path.name));
      resource.fill_in(found);
      return object(200, found);
    }
    if (path.plural == "pods" && is_of_containers(path.subresource)) {
      const Pod pod = MR_TRY(pods_.find(path.name_space, path.name));
      return fail(refuse_connection(pod, path.subresource, request));
    }
    return fail(unknown_path());
  }

  Result<net::Response> status(Resource& resource, const ObjectPath& path, net::Request& request) {
    if (path.name_space.empty()) return fail(unknown_path());
    const Form form = MR_TRY(form_of(request));
    if (request.method == "GET") {
      return object(200,
                    object_as(form, resource.kind(), MR_TRY(resource.get(path.name_space, path.name)), clock_.now()));
    }
    const Target target{resource, store_, clock_, path.name_space, path.name, Part::status};
    if (request.method != "PUT" && request.method != "PATCH") return fail(method_not_allowed());
    auto written = request.method == "PUT" ? replace(target, request) : patch(target, request);
    if (written) note_written(resource.kind());
    return written;
  }

  Result<net::Response> write(Resource& resource, const std::string& verb, const ObjectPath& path,
                              net::Request& request) {
    const Target target{resource, store_, clock_, path.name_space, path.name};
    if (verb == "create") {
      auto made = create(target, request);
      if (made && &resource == &namespaces_) MR_TRY(add_service_accounts());
      return made;
    }
    if (verb == "update") return replace(target, request);
    if (verb == "patch") return patch(target, request);
    if (!resource.kind().allows("create")) return stop(resource, path, request);
    if (verb == "delete") return erase(target, request);
    return erase_all(target, MR_TRY(selector_of(resource.kind(), request)), request);
  }

  // Deleting what is a view: one object, or those that a selector names.
  Result<net::Response> stop(Resource& resource, const ObjectPath& path, net::Request& request) {
    const DeleteOptions options = MR_TRY(delete_options(request));
    const Kind& kind = resource.kind();
    const Selector selector = MR_TRY(selector_of(kind, request));
    Snapshot found = MR_TRY(resource.list(path.name_space));
    if (!path.name.empty()) found.objects = {MR_TRY(resource.get(path.name_space, path.name))};
    std::erase_if(found.objects, [&](const Value& object) { return !selector.matches(object); });
    for (const Value& object : found.objects) {
      MR_TRY(check_preconditions(kind, object, options));
      if (!options.dry_run) MR_TRY(resource.stop(path.name_space, object.at("metadata").at("name").string_or()));
    }
    for (Value& object : found.objects) resource.fill_in(object);
    if (!path.name.empty()) return answer(200, found.objects.front());
    return answer(200, list_as({}, kind, std::move(found.objects),
                               Value::object({{"resourceVersion", std::to_string(found.version)}}), clock_.now()));
  }

  Status add_service_accounts() {
    for (const Value& name_space : MR_TRY(namespaces_.list("")).objects)
      MR_TRY(add_service_account(name_space.at("metadata").at("name").string_or()));
    return {};
  }

  const Clock& clock_;
  std::string token_;
  Store store_;
  StoredResource namespaces_, secrets_, config_maps_, service_accounts_, claims_, leases_, services_;
  Nodes nodes_;
  Pods pods_;
  Events events_;
  std::vector<std::unique_ptr<StoredResource>> custom_;
  std::vector<Resource*> resources_;
  std::atomic<pipelines::Pipelines*> pipelines_ = nullptr;
  // Last: their threads end before what they use.
  Sleepers sleepers_;
  Controller controller_{store_, clock_, sleepers_};
};

}  // namespace

Result<std::unique_ptr<Kube>> Kube::open(db::Database& database, const Clock& clock, Options options) {
  auto kube = std::make_unique<KubeImpl>(database, clock, std::move(options));
  MR_TRY(kube->open());
  return kube;
}

}  // namespace millrace::kube
