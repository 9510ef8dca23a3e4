#include "sagemaker/worker/predictor.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include <fmt/core.h>

#include "base/json.h"
#include "net/client.h"

namespace millrace::sagemaker::worker {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::minutes kStartLimit{4};  // SageMaker's, until a container must answer /ping
constexpr milliseconds kPoll{20}, kPingTimeout{2'000};
constexpr std::size_t kMaxAnswer = std::size_t{256} << 20;
constexpr std::int64_t kMostAtATime = 64;

class LoadedModel final : public Predictor {
 public:
  LoadedModel(std::unique_ptr<built_in::Model> model, std::string_view type) : model_(std::move(model)), type_(type) {}
  Result<std::string> predict(std::string_view content_type, std::string_view body) const override {
    return built_in::write_prediction(type_, MR_TRY(model_->predict(content_type, body)));
  }
  std::size_t at_a_time() const override { return std::max(1u, std::thread::hardware_concurrency()); }

 private:
  const std::unique_ptr<built_in::Model> model_;
  const std::string_view type_;
};

class ModelServer final : public Predictor {
 public:
  explicit ModelServer(const TransformSpec& spec) : server_(spec.server), accept_(spec.accept) {}

  Status await() {
    const auto give_up = std::chrono::steady_clock::now() + kStartLimit;
    net::ClientRequest ping = request("/ping");
    ping.unix_socket = server_.ping_socket;
    ping.timeout = kPingTimeout;
    while (true) {
      const auto answer = client_.send(ping);
      if (answer && answer->status == 200) break;
      std::error_code error;
      if (std::filesystem::exists(server_.ended, error)) return fail(Code::aborted, "the model server has ended");
      if (std::chrono::steady_clock::now() > give_up)
        return fail(Code::aborted, "the model server did not answer /ping in time");
      std::this_thread::sleep_for(kPoll);
    }
    at_a_time_ = server_.at_a_time > 0 ? server_.at_a_time : own_limit();
    return {};
  }

  Result<std::string> predict(std::string_view content_type, std::string_view body) const override {
    net::ClientRequest asked = request("/invocations");
    asked.method = "POST";
    asked.headers.set("Content-Type", content_type);
    if (!accept_.empty()) asked.headers.set("Accept", accept_);
    asked.body = body;
    asked.timeout = server_.timeout;
    asked.max_response_bytes = kMaxAnswer;
    Result<net::ClientResponse> answer = client_.send(asked);
    for (int tried = 0; tried < server_.retries && !is_final(answer); ++tried) answer = client_.send(asked);
    if (!answer) return fail(Code::aborted, "AlgorithmError: " + answer.error().message);
    if (answer->status >= 200 && answer->status < 300) return std::move(answer->body);
    const bool callers = answer->status < 500;
    return fail(
        callers ? Code::failed_precondition : Code::aborted,
        fmt::format("{}: {}\nMessage:\n{}", callers ? "ClientError" : "AlgorithmError", answer->status, answer->body));
  }
  std::size_t at_a_time() const override { return static_cast<std::size_t>(at_a_time_); }

 private:
  static bool is_final(const Result<net::ClientResponse>& answer) { return answer && answer->status < 500; }
  net::ClientRequest request(const std::string& path) const {
    net::ClientRequest out;
    out.url = "http://localhost" + path;
    out.unix_socket = server_.socket;
    return out;
  }
  // MaxConcurrentTransforms of its /execution-parameters; 1 where it has none.
  std::int64_t own_limit() {
    const auto answer = client_.send(request("/execution-parameters"));
    const auto said = answer && answer->status == 200 ? parse_json(answer->body) : fail(Code::not_found, "");
    return said ? std::clamp<std::int64_t>((*said)["MaxConcurrentTransforms"].int_or(1), 1, kMostAtATime) : 1;
  }

  const TransformSpec::Server server_;
  const std::string accept_;
  mutable net::Client client_;
  std::int64_t at_a_time_ = 1;
};

}  // namespace

Result<std::unique_ptr<Predictor>> load_predictor(const TransformSpec& spec) {
  auto model = MR_TRY(spec.algorithm->load(spec.model_directory));
  return std::unique_ptr<Predictor>(std::make_unique<LoadedModel>(std::move(model), spec.response_type));
}

Result<std::unique_ptr<Predictor>> await_server(const TransformSpec& spec) {
  auto server = std::make_unique<ModelServer>(spec);
  MR_TRY(server->await());
  return std::unique_ptr<Predictor>(std::move(server));
}

}  // namespace millrace::sagemaker::worker
