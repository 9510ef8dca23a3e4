#include "sagemaker/serving/async_inference.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "s3/s3.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/serving/model_error.h"

namespace millrace::sagemaker {
namespace {

constexpr std::int64_t kDefaultAtATime = 4, kMostAtATime = 64;
constexpr std::int64_t kDefaultTtl = 21'600, kDefaultTimeout = 900;  // seconds, the API reference's
constexpr std::size_t kMaxInput = 128u << 20, kMaxAnswer = 128u << 20;
constexpr Millis kRetryDelay{1'000};

struct Waiting {
  std::string id, endpoint;
  Time accepted{};
  Value request;  // InvokeEndpointAsyncInput, OutputLocation and FailureLocation
};

Status insert(db::Connection& connection, const Waiting& row) {
  auto count = MR_TRY(connection.prepare("SELECT COUNT(*) FROM sagemaker_async_invocation WHERE endpoint = ?"));
  const bool counted = MR_TRY(count.bind(std::string_view(row.endpoint)).step());
  if (counted && count.integer(0) >= static_cast<std::int64_t>(AsyncInference::kMaxQueued)) {
    return fail(Code::resource_exhausted,
                fmt::format("{} invocations of the endpoint {} wait already.", count.integer(0), row.endpoint),
                "ThrottlingException");
  }
  auto insert = MR_TRY(connection.prepare(
      "INSERT INTO sagemaker_async_invocation (id, endpoint, accepted, request) VALUES (?, ?, ?, ?)"));
  insert.bind_all(row.id, row.endpoint, to_epoch_ms(row.accepted), to_json(row.request));
  MR_TRY(insert.step());
  return {};
}

Result<std::vector<Waiting>> first_rows(db::Connection& connection, const std::string& endpoint, std::size_t limit) {
  auto select =
      MR_TRY(connection.prepare("SELECT id, endpoint, accepted, request FROM sagemaker_async_invocation WHERE endpoint "
                                "= ? ORDER BY seq LIMIT ?"));
  select.bind_all(endpoint, static_cast<std::int64_t>(limit));
  std::vector<Waiting> rows;
  while (MR_TRY(select.step()))
    rows.push_back(
        {select.text(0), select.text(1), from_epoch_ms(select.integer(2)), MR_TRY(parse_json(select.text(3)))});
  return rows;
}

tl::unexpected<Error> invalid(std::string sentence) {
  return fail(Code::invalid_argument, std::move(sentence), "ValidationError");
}

// The patterns of the API's Filename and S3OutputPathExtension.
bool is_of(std::string_view text, std::string_view others) {
  return std::ranges::all_of(
      text, [&](unsigned char c) { return std::isalnum(c) != 0 || others.find(static_cast<char>(c)) != others.npos; });
}
Status check_names(const Value& input) {
  const std::string name = input["Filename"].string_or(), extension = input["S3OutputPathExtension"].string_or();
  if (!is_of(name, "-_.") || std::ranges::count(name, '.') > 1)
    return invalid("Filename must consist of letters, digits, hyphens, underscores and one dot at most.");
  if (!is_of(extension, "!_.*'()/-"))
    return invalid("S3OutputPathExtension must consist of letters, digits and !_.*'()/- only.");
  return {};
}

Status check(const Value& input) {
  MR_TRY(check_names(input));
  const bool inline_body = !input["Body"].string_or().empty();
  const std::string location = input["InputLocation"].string_or();
  if (inline_body == !location.empty()) return invalid("Exactly one of InputLocation and Body must be given.");
  if (inline_body) return {};
  if (const auto uri = s3::parse_uri(location); !uri || uri->bucket.empty() || uri->key.empty())
    return invalid(fmt::format("InputLocation {} is not an S3 URI of an object.", location));
  return {};
}

}  // namespace

std::optional<AsyncConfig> async_config(const Value& config, std::int64_t instances) {
  if (!config.is_object()) return std::nullopt;
  const std::int64_t each = config["ClientConfig"]["MaxConcurrentInvocationsPerInstance"].int_or(kDefaultAtATime);
  return AsyncConfig{
      config["OutputConfig"]["S3OutputPath"].string_or(),
      config["OutputConfig"]["S3FailurePath"].string_or(),
      static_cast<std::size_t>(std::clamp<std::int64_t>(each * std::max<std::int64_t>(1, instances), 1, kMostAtATime)),
      {},
      {}};
}

struct AsyncInference::Impl : std::enable_shared_from_this<AsyncInference::Impl> {
  explicit Impl(Needs n) : needs(std::move(n)) {}
  const Needs needs;
  Mutex mutex;
  std::map<std::string, std::set<std::string>> running MR_GUARDED_BY(mutex);  // ids, by endpoint

  Store& store() const { return needs.dependencies.store; }

  // Begins as many as may be under way.
  void pump(const std::string& endpoint) {
    (void)needs.later(endpoint, [self = shared_from_this(), endpoint] { self->begin_next(endpoint); });
  }

  void begin_next(const std::string& endpoint) {
    const auto config = needs.config(endpoint);
    if (!config) return;  // it is not in service; resume() or the next call pumps again
    std::vector<Waiting> rows;
    const auto read = store().read([&](db::Connection& connection) -> Status {
      rows = MR_TRY(first_rows(connection, endpoint, (*config)->at_a_time));
      return {};
    });
    if (!read) return retry_later(endpoint, read.error().message);
    for (auto& row : rows) {
      {
        const MutexLock lock(mutex);
        if (!running[endpoint].insert(row.id).second) continue;
      }
      const std::string key = endpoint + "/" + row.id;
      (void)needs.later(
          key, [self = shared_from_this(), config = *config, row = std::move(row)] { self->run(config, row); });
    }
  }

  void retry_later(const std::string& endpoint, const std::string& why) {
    log::warn("asynchronous inference of {}: {}; it is tried again", endpoint, why);
    needs.execution.timers.after(kRetryDelay, [self = shared_from_this(), endpoint] { self->pump(endpoint); });
  }

  Result<std::string> input_of(const AsyncConfig& config, const Value& request) {
    if (const std::string body = request["Body"].string_or(); !body.empty()) {
      auto bytes = from_base64(body);
      if (!bytes) return fail(Code::data_loss, "a stored invocation is damaged");
      return std::move(*bytes);
    }
    const auto uri = MR_TRY(s3::parse_uri(request["InputLocation"].string_or()));
    const auto access = MR_TRY(needs.dependencies.access_as(config.role_arn, config.origin));
    return access->read(uri.bucket, uri.key, kMaxInput);
  }

  void run(const std::shared_ptr<const AsyncConfig>& config, const Waiting& row) {
    const std::int64_t ttl = row.request["RequestTTLSeconds"].int_or(kDefaultTtl);
    if (needs.dependencies.clock.now() - row.accepted > std::chrono::seconds(ttl))
      return finish(config, row, std::nullopt, "The request expired: it waited for longer than its RequestTTLSeconds.");
    auto input = input_of(*config, row.request);
    if (!input) {
      if (input.error().code == Code::internal || input.error().code == Code::unavailable)
        return again(row, input.error().message);
      return finish(config, row, std::nullopt,
                    fmt::format("The input {} cannot be read: {}", row.request["InputLocation"].string_or(),
                                input.error().message));
    }
    Invocation invocation;
    invocation.endpoint = row.endpoint;
    invocation.content_type = row.request["ContentType"].string_or();
    invocation.accept = row.request["Accept"].string_or();
    invocation.custom_attributes = row.request["CustomAttributes"].string_or();
    invocation.inference_id = row.request["InferenceId"].string_or();
    invocation.body = std::move(*input);
    invocation.timeout = std::chrono::seconds(row.request["InvocationTimeoutSeconds"].int_or(kDefaultTimeout));
    invocation.answer_bytes = kMaxAnswer;
    needs.invoke(std::move(invocation), [self = shared_from_this(), config, row](Result<InvocationAnswer> answer) {
      (void)self->needs.later(row.endpoint + "/" + row.id,
                              [self, config, row, answer = std::move(answer)] { self->answered(config, row, answer); });
    });
  }

  void answered(const std::shared_ptr<const AsyncConfig>& config, const Waiting& row,
                const Result<InvocationAnswer>& answer) {
    if (!answer) {
      if (answer.error().code == Code::unavailable) return again(row, answer.error().message);
      return finish(config, row, std::nullopt, answer.error().message);
    }
    if (answer->status >= 200 && answer->status <= 299) return finish(config, row, answer->content_type, answer->body);
    finish(config, row, std::nullopt, model_error_message(needs.dependencies.account_region, row.endpoint, *answer));
  }

  void again(const Waiting& row, const std::string& why) {
    {
      const MutexLock lock(mutex);
      running[row.endpoint].erase(row.id);
    }
    retry_later(row.endpoint, why);
  }

  // Without a content type: it failed, and `bytes` says why.
  void finish(const std::shared_ptr<const AsyncConfig>& config, const Waiting& row,
              const std::optional<std::string>& content_type, const std::string& bytes) {
    const bool failed = !content_type;
    const std::string place = row.request[failed ? "FailureLocation" : "OutputLocation"].string_or();
    const auto written = [&]() -> Status {
      if (place.empty()) return {};
      const auto uri = MR_TRY(s3::parse_uri(place));
      const auto access = MR_TRY(needs.dependencies.access_as(config->role_arn, config->origin));
      MR_TRY(access->put(uri.bucket, uri.key, bytes, content_type.value_or("text/plain")));
      return {};
    }();
    if (!written && (written.error().code == Code::internal || written.error().code == Code::unavailable))
      return again(row, written.error().message);
    if (!written)
      log::warn("the answer of an asynchronous invocation cannot be written to {}: {}", place, written.error().message);
    if (auto erased = erase(row.id); !erased) return again(row, erased.error().message);
    {
      const MutexLock lock(mutex);
      running[row.endpoint].erase(row.id);
      if (running[row.endpoint].empty()) running.erase(row.endpoint);
    }
    pump(row.endpoint);
  }

  Status erase(const std::string& id) {
    return store().write([&](db::Connection& connection) -> Status {
      auto erase = MR_TRY(connection.prepare("DELETE FROM sagemaker_async_invocation WHERE id = ?"));
      MR_TRY(erase.bind(std::string_view(id)).step());
      return {};
    });
  }
};

AsyncInference::AsyncInference(Needs needs) : impl_(std::make_shared<Impl>(std::move(needs))) {}
AsyncInference::~AsyncInference() = default;

Result<AsyncAccepted> AsyncInference::accept(const Value& input, Time now) {
  MR_TRY(check(input));
  const std::string endpoint = to_lower(input["EndpointName"].string_or());
  const auto config = MR_TRY(impl_->needs.config(endpoint));
  Waiting row{uuid4(), endpoint, now, input};
  AsyncAccepted accepted;
  accepted.inference_id = input["InferenceId"].string_or(uuid4());
  const std::string extension = input["S3OutputPathExtension"].string_or();
  const std::string folder = extension.empty() ? config->output : join_uri(config->output, extension);
  accepted.output_location = join_uri(folder, input["Filename"].string_or(row.id + ".out"));
  if (!config->failure.empty()) accepted.failure_location = join_uri(config->failure, row.id + "-error.out");
  // The row is JSON, the body any bytes.
  if (const std::string body = input["Body"].string_or(); !body.empty()) row.request.set("Body", to_base64(body));
  row.request.set("InferenceId", accepted.inference_id)
      .set("OutputLocation", accepted.output_location)
      .set("FailureLocation", accepted.failure_location);
  MR_TRY(impl_->store().write([&](db::Connection& connection) { return insert(connection, row); }));
  impl_->pump(endpoint);
  return accepted;
}

Status AsyncInference::resume() {
  return impl_->store().read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT DISTINCT endpoint FROM sagemaker_async_invocation"));
    while (MR_TRY(select.step())) impl_->pump(select.text(0));
    return {};
  });
}

Status AsyncInference::forget(const std::string& endpoint) {
  return impl_->store().write([&](db::Connection& connection) -> Status {
    auto erase = MR_TRY(connection.prepare("DELETE FROM sagemaker_async_invocation WHERE endpoint = ?"));
    MR_TRY(erase.bind(std::string_view(to_lower(endpoint))).step());
    return {};
  });
}

}  // namespace millrace::sagemaker
