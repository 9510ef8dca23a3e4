#include "net/client.h"

#include <curl/curl.h>

#include <cstdio>
#include <mutex>
#include <vector>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::net {
namespace {

constexpr std::size_t kPooled = 16;  // connections kept for the next request

struct Exchange {
  const ClientRequest* request = nullptr;
  ClientResponse response;
  std::size_t received = 0;
  bool too_large = false, aborted = false;
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line = trim(std::string_view(data, size * count));
  if (line.starts_with("HTTP/")) {
    // A new status line: what came before was "100 Continue".
    exchange.response.headers = Headers();
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) {
      exchange.response.status = static_cast<int>(parse_int(line.substr(space + 1, 3)).value_or(0));
    }
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    exchange.response.headers.add(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return size * count;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view bytes(data, size * count);
  exchange.received += bytes.size();
  if (exchange.request->sink && exchange.response.status / 100 == 2) {
    if (!exchange.request->sink(bytes)) {
      exchange.aborted = true;
      return 0;
    }
    return bytes.size();
  }
  if (exchange.received > exchange.request->max_response_bytes) {
    exchange.too_large = true;
    return 0;
  }
  exchange.response.body.append(bytes);
  return bytes.size();
}

std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* user) {
  return std::fread(buffer, 1, size * count, static_cast<std::FILE*>(user));
}

Error error_of(CURLcode code, const Exchange& exchange, const ClientRequest& request, const char* detail) {
  const std::string what = fmt::format("{}: {}", request.url, *detail != '\0' ? detail : curl_easy_strerror(code));
  if (exchange.too_large) {
    return Error(Code::resource_exhausted,
                 fmt::format("{}: the answer is larger than {} bytes", request.url, request.max_response_bytes));
  }
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return Error(Code::unavailable, what, "ConnectionRefused");
    case CURLE_OPERATION_TIMEDOUT:
      return Error(Code::deadline_exceeded, what);
    case CURLE_WRITE_ERROR:
      return Error(exchange.aborted ? Code::cancelled : Code::internal, what);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Error(Code::invalid_argument, what);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return Error(Code::unauthenticated, what);
    default:
      return Error(Code::unavailable, what);
  }
}

}  // namespace

struct Client::Impl {
  std::mutex mutex;
  std::vector<CURL*> idle;

  CURL* take() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        CURL* curl = idle.back();
        idle.pop_back();
        return curl;
      }
    }
    return curl_easy_init();
  }
  void give_back(CURL* curl) {
    curl_easy_reset(curl);  // options go, live connections stay
    const std::lock_guard lock(mutex);
    if (idle.size() < kPooled)
      idle.push_back(curl);
    else
      curl_easy_cleanup(curl);
  }
};

Client::Client() : impl_(std::make_unique<Impl>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

Client::~Client() {
  for (CURL* curl : impl_->idle) curl_easy_cleanup(curl);
}

Result<ClientResponse> Client::send(const ClientRequest& request) {
  CURL* curl = impl_->take();
  if (curl == nullptr) return fail(Code::resource_exhausted, "no memory for an HTTP request");
  struct Return {
    Impl& impl;
    CURL* curl;
    ~Return() { impl.give_back(curl); }
  } back{*impl_, curl};

  Exchange exchange;
  exchange.request = &request;
  char detail[CURL_ERROR_SIZE] = "";
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(nullptr, curl_slist_free_all);
  const auto add_header = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    (void)headers.release();
    headers.reset(longer);
  };
  for (const auto& [name, value] : request.headers.fields()) {
    add_header(value.empty() ? name + ";" : name + ": " + value);
  }
  add_header("Expect:");  // our servers and AWS take the body at once
  if (!request.headers.has("accept")) add_header("Accept:");
  if (!request.headers.has("content-type")) add_header("Content-Type:");

  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(nullptr, std::fclose);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  if (!request.unix_socket.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  if (!request.ca_pem.empty()) {
    curl_blob blob{const_cast<char*>(request.ca_pem.data()), request.ca_pem.size(), CURL_BLOB_COPY};
    curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
  }
  const bool has_body = !request.body.empty() || !request.body_file.empty();
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (!request.body_file.empty()) {
    file.reset(std::fopen(request.body_file.c_str(), "rbe"));
    if (!file || std::fseek(file.get(), 0, SEEK_END) != 0) {
      return fail(Code::not_found, fmt::format("cannot read {}", request.body_file));
    }
    const long size = std::ftell(file.get());
    std::rewind(file.get());
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, file.get());
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else if (has_body || request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return fail(error_of(code, exchange, request, detail));
  return std::move(exchange.response);
}

}  // namespace millrace::net
