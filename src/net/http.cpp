#include "net/http.h"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/strings.h"

namespace millrace::net {

const std::string* Headers::find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (equals_ignore_case(field.first, name)) return &field.second;
  }
  return nullptr;
}

std::string_view Headers::get(std::string_view name) const {
  const std::string* value = find(name);
  return value != nullptr ? std::string_view(*value) : std::string_view();
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Field& field : fields_) {
    if (equals_ignore_case(field.first, name)) values.push_back(field.second);
  }
  return values;
}

void Headers::add(std::string_view name, std::string_view value) {
  fields_.emplace_back(std::string(name), std::string(value));
}

void Headers::set(std::string_view name, std::string_view value) {
  for (Field& field : fields_) {
    if (!equals_ignore_case(field.first, name)) continue;
    std::string kept_name = field.first;
    std::string new_value(value);  // `value` may point into a field that is about to go
    remove(name);
    fields_.emplace_back(std::move(kept_name), std::move(new_value));
    return;
  }
  add(name, value);
}

void Headers::remove(std::string_view name) {
  const std::string copy(name);
  std::erase_if(fields_, [&](const Field& field) { return equals_ignore_case(field.first, copy); });
}

Result<std::string> BodyReader::read_all(std::size_t limit) {
  const auto too_large = [&] {
    return fail(Code::resource_exhausted, fmt::format("the request body is larger than {} bytes", limit));
  };
  std::string body;
  if (const auto expected = length()) {
    if (*expected > limit) return too_large();
    body.reserve(static_cast<std::size_t>(*expected));
  }
  constexpr std::size_t kChunk = 64 * 1024;
  std::size_t size = 0;
  while (true) {
    if (body.size() < size + kChunk) body.resize(size + kChunk);
    const std::size_t n = MR_TRY(read(std::span(body.data() + size, body.size() - size)));
    if (n == 0) break;
    size += n;
    if (size > limit) return too_large();
  }
  body.resize(size);
  return body;
}

namespace {

class StringBody final : public BodyReader {
 public:
  explicit StringBody(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    const std::size_t n = std::min(buffer.size(), text_.size() - at_);
    std::memcpy(buffer.data(), text_.data() + at_, n);
    at_ += n;
    return n;
  }
  std::optional<std::uint64_t> length() const override { return text_.size(); }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<BodyReader> body_from_string(std::string text) { return std::make_unique<StringBody>(std::move(text)); }

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view raw_query) {
  const auto decoded = [](std::string_view text) {
    auto result = percent_decode(text, true);
    return result ? std::move(*result) : std::string(text);
  };
  std::vector<std::pair<std::string, std::string>> parameters;
  if (raw_query.empty()) return parameters;
  for (const std::string_view part : split(raw_query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    parameters.emplace_back(decoded(part.substr(0, equals)),
                            equals == std::string_view::npos ? std::string() : decoded(part.substr(equals + 1)));
  }
  return parameters;
}

std::optional<std::string> query_parameter(const Request& request, std::string_view name) {
  for (auto& [key, value] : parse_query(request.raw_query)) {
    if (key == name) return std::move(value);
  }
  return std::nullopt;
}

Response Response::text(int status, std::string body, std::string_view content_type) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", content_type);
  response.body = std::move(body);
  return response;
}

Response Response::json(int status, std::string body) { return text(status, std::move(body), "application/json"); }

void Completion::operator()(Response response) const { target_->complete(std::move(response)); }

namespace {

class AmendedTarget final : public Completion::Target {
 public:
  AmendedTarget(Completion inner, std::function<void(Response&)> change)
      : inner_(std::move(inner)), change_(std::move(change)) {}
  void complete(Response response) override {
    change_(response);
    inner_(std::move(response));
  }
  bool wanted() const override { return inner_.wanted(); }

 private:
  Completion inner_;
  std::function<void(Response&)> change_;
};

}  // namespace

void amend(Response& response, std::function<void(Response&)> change) {
  if (!response.later) {
    change(response);
    return;
  }
  response.later = [inner = std::move(response.later), change = std::move(change)](Completion completion) {
    inner(Completion(std::make_shared<AmendedTarget>(std::move(completion), change)));
  };
}

std::string_view status_text(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 422:
      return "Unprocessable Content";
    case 424:
      return "Failed Dependency";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

}  // namespace millrace::net
