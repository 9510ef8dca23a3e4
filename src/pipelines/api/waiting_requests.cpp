#include "pipelines/api/waiting_requests.h"

#include <memory>
#include <span>
#include <string_view>

#include "net/routes.h"
#include "pipelines/api/call.h"
#include "pipelines/api/routes.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::string_view kFromUrl[] = {"/apis/v2beta1/pipelines/create", "/apis/v2beta1/pipelines/{id}/versions",
                                         "/apis/v1beta1/pipelines", "/apis/v1beta1/pipeline_versions"};
constexpr std::string_view kRuns[] = {"/apis/v2beta1/runs/{id}", "/apis/v1beta1/runs/{id}"};
constexpr std::size_t kMaxBody = 32u << 20;  // as of all of the API's messages

bool matches_one(std::span<const std::string_view> patterns, const net::Request& request,
                 net::PathParameters& parameters) {
  std::string_view path = request.path;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  for (const std::string_view pattern : patterns) {
    if (net::match_path(pattern, path, parameters)) return true;
  }
  return false;
}

// A request that outlives the connection's.
struct Kept {
  net::Request request;
  std::string body;
  WaitingRequests::Answer answer;
};

}  // namespace

WaitingRequests::WaitingRequests(Limits limits)
    : limits_(std::move(limits)), pool_(limits_.threads, limits_.queue, "kfp-waiting") {}

net::Response WaitingRequests::handle(net::Request& request, Answer answer) {
  auto body = request.body->read_all(kMaxBody);
  if (!body) return answer(request);  // which fails on the body as well, in its own words
  auto kept = std::make_shared<Kept>(Kept{request, std::move(*body), std::move(answer)});
  net::Response response;
  response.later = [this, kept = std::move(kept)](const net::Completion& completion) {
    const bool queued = pool_.submit([kept, completion] {
      if (!completion.wanted()) return;
      const auto reader = net::body_from_string(std::move(kept->body));
      kept->request.body = reader.get();
      completion(kept->answer(kept->request));
    });
    if (!queued) completion(error_response({Code::unavailable, limits_.busy}));
  };
  return response;
}

void WaitingRequests::stop() { pool_.stop(); }

bool creates_from_url(const net::Request& request) {
  net::PathParameters unused;
  return request.method == "POST" && matches_one(kFromUrl, request, unused);
}

std::string deleted_run(const net::Request& request) {
  net::PathParameters parameters;
  if (request.method != "DELETE" || !matches_one(kRuns, request, parameters)) return {};
  return parameters["id"];
}

}  // namespace millrace::pipelines::api
