#include "console/console.h"

#include "base/strings.h"
#include "console/api.h"
#include "console/assets.h"
#include "console/events.h"

namespace millrace::console {
namespace {

constexpr std::string_view kApi = "/console/api/";
constexpr std::string_view kAssets = "/assets/";

// The page loads nothing from elsewhere, is framed nowhere, and sends nothing anywhere.
constexpr std::string_view kPolicy =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const Asset* find_asset(std::string_view path) {
  std::string_view name;
  if (path == "/" || path == "/index.html") {
    name = "index.html";
  } else if (path == "/favicon.ico") {
    name = "favicon.svg";
  } else if (path.starts_with(kAssets)) {
    name = path.substr(kAssets.size());
  }
  for (const Asset& asset : assets()) {
    if (asset.name == name) return &asset;
  }
  return nullptr;
}

bool takes_gzip(const net::Request& request) {
  for (const std::string_view coding : split(request.headers.get("Accept-Encoding"), ',')) {
    const std::string_view name = trim(coding.substr(0, coding.find(';')));
    if (!equals_ignore_case(name, "gzip")) continue;
    const std::size_t weight = coding.find("q=");  // "gzip;q=0" refuses it (RFC 9110, section 12.5.3)
    return weight == std::string_view::npos || parse_double(trim(coding.substr(weight + 2))).value_or(0) > 0;
  }
  return false;
}

bool has_tag(std::string_view if_none_match, std::string_view etag) {
  for (std::string_view tag : split(if_none_match, ',')) {
    tag = trim(tag);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag || tag == "*") return true;
  }
  return false;
}

net::Response serve(const Asset& asset, const net::Request& request) {
  net::Response response;
  response.headers.set("ETag", asset.etag);
  response.headers.set("Cache-Control", "no-cache");  // asks each time, and is told "not modified"
  response.headers.set("Vary", "Accept-Encoding");
  response.headers.set("Content-Security-Policy", kPolicy);
  response.headers.set("Referrer-Policy", "no-referrer");
  if (has_tag(request.headers.get("If-None-Match"), asset.etag)) {
    response.status = 304;
    return response;
  }
  response.headers.set("Content-Type", asset.content_type);
  if (takes_gzip(request)) {
    response.headers.set("Content-Encoding", "gzip");
    response.static_body = asset.gzip;
  } else {
    response.static_body = asset.plain;
  }
  return response;
}

class ConsoleOnServices final : public Console {
 public:
  explicit ConsoleOnServices(Needs needs) : api_(needs), events_(std::make_shared<EventHub>()) {
    // The services keep their listeners until they end, the console may end before: hence shared.
    needs.pipelines.on_change([events = events_](const std::string& run_id) { events->run_changed(run_id); });
    needs.sagemaker.on_change(
        [events = events_](const std::string& kind, const std::string& name) { events->resource_changed(kind, name); });
  }

  bool handles(const net::Request& request) const override {
    if (request.path.starts_with(kApi)) return true;
    return (request.method == "GET" || request.method == "HEAD") && find_asset(request.path) != nullptr;
  }

  using Console::handle;
  net::Response handle(net::Request& request, const pipelines::Caller& caller) override {
    net::Response response = respond(request, caller);
    response.headers.set("X-Content-Type-Options", "nosniff");
    return response;
  }

 private:
  net::Response respond(const net::Request& request, const pipelines::Caller& caller) {
    if (request.method != "GET" && request.method != "HEAD") {
      net::Response refused = net::Response::json(405, R"({"message":"the console's API only answers GET"})");
      refused.headers.set("Allow", "GET, HEAD");
      return refused;
    }
    if (const Asset* asset = find_asset(request.path)) return serve(*asset, request);
    if (!request.path.starts_with(kApi)) return net::Response::json(404, R"({"message":"there is no such page"})");
    const std::string_view path = std::string_view(request.path).substr(kApi.size());
    if (!caller.is_person() && !api_.is_log_for(path, caller))
      return net::Response::json(403, R"({"message":"the console's API is not for steps of pipelines"})");
    if (path == "events") return open_events();
    return api_.handle(path, request);
  }

  net::Response open_events() {
    auto stream = events_->open_stream();
    if (!stream) return net::Response::text(503, stream.error().message);
    net::Response response;
    response.headers.set("Content-Type", "text/event-stream");
    response.headers.set("Cache-Control", "no-store");
    response.stream = std::move(*stream);
    return response;
  }

  Api api_;
  std::shared_ptr<EventHub> events_;
};

}  // namespace

std::unique_ptr<Console> Console::make(Needs needs) { return std::make_unique<ConsoleOnServices>(needs); }

}  // namespace millrace::console
