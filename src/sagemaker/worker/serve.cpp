// The endpoint role: SageMaker's inference contract over a Unix socket.

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "base/strings.h"
#include "net/server.h"
#include "sagemaker/algorithms/registry.h"
#include "sagemaker/worker/loaded_models.h"
#include "sagemaker/worker/role.h"
#include "sagemaker/worker/worker.h"

namespace millrace::sagemaker::worker {
namespace {

// SageMaker's limit for a request; its serving containers let SAGEMAKER_MAX_PAYLOAD_IN_MB raise it.
constexpr std::int64_t kDefaultPayloadMb = 6;
constexpr std::int64_t kMostPayloadMb = 100;
constexpr std::size_t kOwnThreads = 2;  // so that /ping is answered while all invocations are worked on
constexpr std::chrono::seconds kGrace{5};

Result<std::size_t> payload_limit() {
  const char* text = std::getenv("SAGEMAKER_MAX_PAYLOAD_IN_MB");
  if (text == nullptr || *text == 0) return static_cast<std::size_t>(kDefaultPayloadMb) << 20;
  const auto megabytes = parse_int(text);
  if (!megabytes || *megabytes < 1 || *megabytes > kMostPayloadMb) {
    return fail(Code::invalid_argument,
                fmt::format("SAGEMAKER_MAX_PAYLOAD_IN_MB must be from 1 to {}, but is '{}'", kMostPayloadMb, text));
  }
  return static_cast<std::size_t>(*megabytes) << 20;
}

net::Response plain(int status, std::string sentence) {
  return net::Response::text(status, std::move(sentence) + "\n");
}

// What is served: one model, or several.
struct Served {
  const built_in::AlgorithmInfo& algorithm;
  std::size_t limit;  // of a body
  std::unique_ptr<built_in::Model> model = nullptr;
  std::unique_ptr<LoadedModels> models = nullptr;
};

net::Response invoke(const built_in::AlgorithmInfo& algorithm, const built_in::Model& model, std::size_t limit,
                     net::Request& request) {
  const auto body = request.body->read_all(limit);
  if (!body && body.error().code == Code::resource_exhausted)
    return plain(413, fmt::format("The request body is larger than {} MB", limit >> 20));
  if (!body) return plain(500, body.error().message);
  auto inferred =
      built_in::infer(algorithm, model, request.headers.get("content-type"), request.headers.get("accept"), *body);
  if (inferred.status != 200) return plain(inferred.status, std::move(inferred.body));
  net::Response response;
  response.headers.set("Content-Type", inferred.content_type);
  response.body = std::move(inferred.body);
  return response;
}

// The model for whoever may answer with its numbers alone: rows, columns (64 bits each), then the values, 32 bits each,
// as this machine has them.
net::Response matrix(const built_in::Model& model) {
  const auto numbers = model.matrix();
  if (!numbers) return plain(404, "The model is no matrix of moderate size");
  const std::uint64_t shape[2] = {numbers->rows, numbers->columns};
  net::Response response;
  response.headers.set("Content-Type", "application/octet-stream");
  response.body.assign(reinterpret_cast<const char*>(shape), sizeof shape);
  response.body.append(reinterpret_cast<const char*>(numbers->values.data()), numbers->values.size() * sizeof(float));
  return response;
}

net::Response answer(const Served& served, net::Request& request) {
  if (request.path == "/ping") return net::Response{};
  if (served.models && (request.path == "/models" || request.path.starts_with("/models/")))
    return served.models->answer(request);
  if (served.model && request.path == "/invocations") {
    if (request.method != "POST") return plain(405, "Use POST for /invocations");
    return invoke(served.algorithm, *served.model, served.limit, request);
  }
  if (served.model && request.path == "/matrix") return matrix(*served.model);
  if (request.path == "/execution-parameters") {
    return net::Response::json(
        200,
        fmt::format("{{\"MaxConcurrentTransforms\": {}, \"BatchStrategy\": \"MULTI_RECORD\", \"MaxPayloadInMB\": {}}}",
                    std::max(1u, std::thread::hardware_concurrency()), served.limit >> 20));
  }
  return plain(404, "There is /ping and /invocations here");
}

Result<Served> what_to_serve(const std::vector<std::string>& arguments) {
  const built_in::Algorithm& algorithm = *MR_TRY(built_in::require_algorithm(arguments[1]));
  Served served{algorithm.info(), MR_TRY(payload_limit())};
  if (arguments.size() == 3) {
    served.model = MR_TRY(algorithm.load(arguments[0]));
  } else {
    served.models = std::make_unique<LoadedModels>(
        algorithm, arguments[0],
        [&info = served.algorithm, limit = served.limit](const built_in::Model& model, net::Request& request) {
          return invoke(info, model, limit, request);
        });
  }
  return served;
}

Status serve(const std::vector<std::string>& arguments, JobLog& log) {
  const Served served = MR_TRY(what_to_serve(arguments));

  // Every thread started from here on leaves these two to sigwait().
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  net::ServerOptions options;
  options.unix_socket = arguments[2];
  options.handler_threads = kMaxInvocations + kOwnThreads;
  options.max_body_bytes = static_cast<std::uint64_t>(2 * kMostPayloadMb) << 20;  // the limit itself is invoke()'s
  options.request_plan = [most = options.max_body_bytes](const net::Request&) { return net::RequestPlan{most, false}; };
  const auto server =
      MR_TRY(net::Server::start(options, [&](net::Request& request) { return answer(served, request); }));
  if (served.model) {
    log.info("Model server started: {}, {} features", served.algorithm.name, served.model->feature_dim());
  } else {
    log.info("Model server started: {}, several models", served.algorithm.name);
  }
  int signal = 0;
  sigwait(&ends, &signal);
  server->stop(kGrace);
  return {};
}

}  // namespace

int serve_main(const std::vector<std::string>& arguments) {
  JobLog log;
  if (arguments.size() != 3 && !(arguments.size() == 4 && arguments[3] == "multi")) {
    log.error("usage: millrace worker serve <model directory> <algorithm> <unix socket path> [multi]");
    return kInternalFailure;
  }
  const Status done = serve(arguments, log);
  if (done) return kDone;
  log.error("{}", done.error().message);
  return done.error().code == Code::internal || done.error().code == Code::unavailable ? kInternalFailure
                                                                                       : kCustomerFailure;
}

}  // namespace millrace::sagemaker::worker
