#include "net/client.h"

#include <signal.h>
#include <time.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include <fmt/core.h>

#include "base/file.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "net/curl_library.h"
#include "net/own_sockets.h"

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

// Not 0: abort.
int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.aborted = exchange.aborted || exchange.request->cancelled();
  return exchange.aborted ? 1 : 0;
}

std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* user) {
  return std::fread(buffer, 1, size * count, static_cast<std::FILE*>(user));
}

// Called when curl sends a body again, on a fresh connection, because a kept one had been closed.
int on_seek(void* user, curl_off_t offset, int origin) {
  return std::fseek(static_cast<std::FILE*>(user), static_cast<long>(offset), origin) == 0 ? CURL_SEEKFUNC_OK
                                                                                           : CURL_SEEKFUNC_FAIL;
}

// OpenSSL writes without MSG_NOSIGNAL: a peer that goes away would end the process.
class NoSigPipe {
 public:
  NoSigPipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigPipe() {
    const timespec at_once{0, 0};
    if (!was_pending_) (void)::sigtimedwait(&pipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigPipe(const NoSigPipe&) = delete;
  NoSigPipe& operator=(const NoSigPipe&) = delete;

 private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

// Without the query: a presigned URL's holds a signature that is as good as a key.
std::string_view without_query(std::string_view url) { return url.substr(0, url.find_first_of("?#")); }

// A proxy from the environment is for the world outside, never for ourselves.
bool is_own_machine(std::string_view url) {
  const std::size_t slashes = url.find("//");
  std::string_view host = url.substr(slashes == std::string_view::npos ? 0 : slashes + 2);
  host = host.substr(0, host.find_first_of("/?#"));
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

// Path and query as they stand in the URL. curl would encode bytes above 127, and a signature would no longer hold.
std::string target_of(std::string_view url) {
  const std::size_t slashes = url.find("//");
  const std::size_t start = url.find_first_of("/?#", slashes == std::string_view::npos ? 0 : slashes + 2);
  if (start == std::string_view::npos) return "/";
  const std::string target(url.substr(start, url.find('#') - start));
  return target.starts_with('/') ? target : "/" + target;
}

Status check_fields(const ClientRequest& request) {
  const auto is_clean = [](std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
  };
  for (const auto& [name, value] : request.headers.fields()) {
    if (name.empty() || name.find(':') != std::string::npos || !is_clean(name) || !is_clean(value)) {
      return fail(Code::invalid_argument, "a header field with a line break or without a name cannot be sent");
    }
  }
  if (request.url.find_first_of(std::string_view(" \r\n\t\0", 5)) != std::string::npos) {
    return fail(Code::invalid_argument, "a URL with white space in it cannot be sent; encode it first");
  }
  if (request.method.empty() || request.method.find_first_of(" \r\n\t") != std::string::npos) {
    return fail(Code::invalid_argument, "the request has no method that could be sent");
  }
  return {};
}

Error error_of(CURLcode code, const Exchange& exchange, const ClientRequest& request, const char* detail) {
  const std::string_view url = without_query(request.url);
  const std::string what = fmt::format("{}: {}", url, *detail != '\0' ? detail : curl_easy_strerror(code));
  if (exchange.too_large) {
    return Error(Code::resource_exhausted,
                 fmt::format("{}: the answer is larger than {} bytes", url, request.max_response_bytes));
  }
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return Error(Code::unavailable, what, "ConnectionRefused");
    case CURLE_OPERATION_TIMEDOUT:
      return Error(Code::deadline_exceeded, what);
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_WRITE_ERROR:
      if (exchange.aborted) return Error(Code::cancelled, fmt::format("{}: the answer was not wanted to its end", url));
      return Error(Code::internal, what);
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
  Mutex mutex;
  std::vector<CURL*> idle MR_GUARDED_BY(mutex);

  CURL* take() {
    {
      const MutexLock lock(mutex);
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
    const MutexLock lock(mutex);
    if (idle.size() < kPooled)
      idle.push_back(curl);
    else
      curl_easy_cleanup(curl);
  }
};

curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
  return open_own_socket(address->family, address->socktype, address->protocol);
}
int close_socket(void*, curl_socket_t socket) { return close_own_socket(socket); }

Client::Client() : impl_(std::make_unique<Impl>()) {}

Client::~Client() {
  for (CURL* curl : impl_->idle) curl_easy_cleanup(curl);
}

Result<ClientResponse> Client::send(const ClientRequest& request) {
  MR_TRY(check_fields(request));
  MR_TRY(load_curl());
  const NoSigPipe no_sigpipe;
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
  const std::string target = target_of(request.url);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  if (request.cancelled) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
  }
  // A proxy is asked for the whole URL over plain HTTP, so that the bare target would be wrong there.
  const bool direct = !request.unix_socket.empty() || is_own_machine(request.url);
  if (direct) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  if (direct || request.url.starts_with("https:")) curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, target.c_str());
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
    const long size = file && std::fseek(file.get(), 0, SEEK_END) == 0 ? std::ftell(file.get()) : -1;
    if (size < 0 || std::fseek(file.get(), 0, SEEK_SET) != 0) {
      return fail(system_error("cannot read " + request.body_file, errno));
    }
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, file.get());
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, file.get());
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
