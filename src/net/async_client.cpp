#include "net/async_client.h"

#include <map>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/mutex.h"
#include "base/strings.h"
#include "base/thread_name.h"
#include "net/curl_library.h"

namespace millrace::net {
namespace {

constexpr int kLongestPollMs = 10'000;  // wake-ups and curl's own timers come before it

using HeaderList = std::unique_ptr<curl_slist, void (*)(curl_slist*)>;

// One exchange, from send() to its Done.
struct Exchange {
  AsyncRequest request;
  AsyncClient::Done done;
  ClientResponse response;
  HeaderList fields{nullptr, curl_slist_free_all};
  std::size_t head_bytes = 0;
  bool too_large = false;
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.head_bytes += size * count;
  if (exchange.head_bytes > exchange.request.max_head_bytes) {
    exchange.too_large = true;
    return 0;
  }
  const std::string_view line = trim(std::string_view(data, size * count));
  if (line.starts_with("HTTP/")) {
    // A new status line: what came before was an interim answer.
    exchange.response.headers = Headers();
    const std::size_t space = line.find(' ');
    const auto status = space == std::string_view::npos ? std::nullopt : parse_int(line.substr(space + 1, 3));
    exchange.response.status = static_cast<int>(status.value_or(0));
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    exchange.response.headers.add(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return size * count;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (exchange.response.body.size() + size * count > exchange.request.max_body_bytes) {
    exchange.too_large = true;
    return 0;
  }
  exchange.response.body.append(data, size * count);
  return size * count;
}

bool is_sendable(const AsyncRequest& request) {
  const auto clean = [](std::string_view text, std::string_view bad) {
    return text.find_first_of(bad) == std::string_view::npos;
  };
  constexpr std::string_view kBreaks("\r\n\0", 3), kSpaces(" \r\n\t\0", 5);
  for (const auto& [name, value] : request.headers.fields()) {
    if (name.empty() || !clean(name, kBreaks) || name.find(':') != std::string::npos || !clean(value, kBreaks)) {
      return false;
    }
  }
  if (request.unix_socket.empty() && request.port == 0) return false;
  return !request.method.empty() && clean(request.method, kSpaces) && request.target.starts_with('/') &&
         clean(request.target, kSpaces);
}

void add_field(Exchange& exchange, const std::string& line) {
  curl_slist* longer = curl_slist_append(exchange.fields.get(), line.c_str());
  (void)exchange.fields.release();
  exchange.fields.reset(longer);
}

void set_up(CURL* curl, Exchange& exchange) {
  const AsyncRequest& request = exchange.request;
  for (const auto& [name, value] : request.headers.fields()) {
    add_field(exchange, value.empty() ? name + ";" : name + ": " + value);
  }
  add_field(exchange, "Expect:");
  if (!request.headers.has("accept")) add_field(exchange, "Accept:");
  if (!request.headers.has("content-type")) add_field(exchange, "Content-Type:");
  const std::string url = request.unix_socket.empty() ? fmt::format("http://127.0.0.1:{}/", request.port)
                                                      : std::string("http://localhost/");
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, request.target.c_str());
  if (!request.unix_socket.empty()) {
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, request.timeout.count())));
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_PRIVATE, &exchange);
  if (request.method != "GET" || !request.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exchange.fields.get());
}

Result<ClientResponse> result_of(CURLcode code, Exchange& exchange) {
  const AsyncRequest& request = exchange.request;
  if (code == CURLE_OK) return std::move(exchange.response);
  if (exchange.too_large) {
    return fail(Code::resource_exhausted, fmt::format("the answer is larger than {} bytes, or its head than {}",
                                                      request.max_body_bytes, request.max_head_bytes));
  }
  const std::string what = curl_easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      return fail(Code::unavailable, what, "ConnectionRefused");
    case CURLE_OPERATION_TIMEDOUT:
      return fail(Code::deadline_exceeded,
                  fmt::format("there was no whole answer within {} ms", request.timeout.count()));
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return fail(Code::data_loss, "the answer is not HTTP: " + what);
    case CURLE_OUT_OF_MEMORY:
      return fail(Code::resource_exhausted, what);
    default:
      return fail(Code::unavailable, what);
  }
}

}  // namespace

struct AsyncClient::Impl {
  Mutex mutex;
  std::vector<std::unique_ptr<Exchange>> fresh MR_GUARDED_BY(mutex);  // sent, not yet seen by the thread
  bool stopping MR_GUARDED_BY(mutex) = false;
  CURLM* multi = nullptr;                                // made with the thread
  std::map<CURL*, std::unique_ptr<Exchange>> under_way;  // the thread's own
  std::thread thread;                                    // made under the mutex, before stop()

  // True: there may be more.
  bool take_fresh() {
    std::vector<std::unique_ptr<Exchange>> taken;
    {
      const MutexLock lock(mutex);
      if (stopping) return false;
      taken.swap(fresh);
    }
    for (auto& exchange : taken) {
      CURL* curl = curl_easy_init();
      if (curl == nullptr) {
        exchange->done(fail(Code::resource_exhausted, "no memory for an HTTP request"));
        continue;
      }
      set_up(curl, *exchange);
      curl_multi_add_handle(multi, curl);
      under_way.emplace(curl, std::move(exchange));
    }
    return true;
  }

  void finish_ended() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* curl = message->easy_handle;
      const CURLcode code = message->data.result;
      auto found = under_way.extract(curl);
      curl_multi_remove_handle(multi, curl);
      curl_easy_cleanup(curl);
      if (found) found.mapped()->done(result_of(code, *found.mapped()));
    }
  }

  void run() {
    name_thread("http-client");
    while (take_fresh()) {
      int running = 0;
      curl_multi_perform(multi, &running);
      finish_ended();
      curl_multi_poll(multi, nullptr, 0, kLongestPollMs, nullptr);
    }
    for (auto& [curl, exchange] : under_way) {
      curl_multi_remove_handle(multi, curl);
      curl_easy_cleanup(curl);
      exchange->done(fail(Code::cancelled, "the client has been stopped"));
    }
    under_way.clear();
  }
};

AsyncClient::AsyncClient() : impl_(std::make_unique<Impl>()) {}

AsyncClient::~AsyncClient() {
  stop();
  if (impl_->multi != nullptr) curl_multi_cleanup(impl_->multi);
}

void AsyncClient::send(AsyncRequest request, Done done) {
  if (!is_sendable(request)) {
    return done(fail(Code::invalid_argument, "an address, method, target or header field that cannot be sent"));
  }
  if (Status loaded = load_curl(); !loaded) return done(fail(std::move(loaded.error())));
  auto exchange = std::make_unique<Exchange>();
  exchange->request = std::move(request);
  exchange->done = std::move(done);
  {
    const MutexLock lock(impl_->mutex);
    if (!impl_->stopping) {
      impl_->fresh.push_back(std::move(exchange));
      // The thread exists only once something is sent: an idle server has one fewer.
      if (!impl_->thread.joinable()) {
        impl_->multi = curl_multi_init();
        impl_->thread = std::thread([this] { impl_->run(); });
      }
    }
  }
  if (exchange) return exchange->done(fail(Code::cancelled, "the client has been stopped"));
  curl_multi_wakeup(impl_->multi);
}

void AsyncClient::stop() {
  std::vector<std::unique_ptr<Exchange>> dropped;
  {
    const MutexLock lock(impl_->mutex);
    impl_->stopping = true;
    dropped.swap(impl_->fresh);
  }
  if (impl_->thread.joinable()) {
    curl_multi_wakeup(impl_->multi);
    impl_->thread.join();
  }
  for (const auto& exchange : dropped) exchange->done(fail(Code::cancelled, "the client has been stopped"));
}

}  // namespace millrace::net
