// How a request passes through the server: probes, whose it is, and the API that it is for.

#include <chrono>

#include <fmt/core.h>

#include "app/browser_checks.h"
#include "app/operate/access_log.h"
#include "app/operate/metrics_page.h"
#include "app/server_impl.h"
#include "base/json.h"
#include "base/log.h"
#include "kube/status.h"

namespace millrace::app {
namespace {

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

}  // namespace

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
  return net::Response::text(
      200,
      metrics_text({*request_metrics_, operation_metrics_, *pipelines_, *sagemaker_, *launcher_, options_, layout_}),
      "text/plain; version=0.0.4; charset=utf-8");
}

net::Response ServerImpl::pass_on(Api api, net::Request& request, std::string_view refused_because) {
  if (api == Api::pipelines || api == Api::console || api == Api::identity) {
    const auto caller = callers_->of(request);
    return caller ? for_caller(api, request, *caller) : refusal(caller.error());
  }
  switch (api) {
    case Api::container_credentials:
      return credentials_->handle(request);
    case Api::aws: {
      const OperationMetrics::Call call;
      return gateway_->handle(request);
    }
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

}  // namespace millrace::app
