// What `./dev bench iam` measures in C++ (bench/iam.py starts it and prints the table).
//
//   iam_bench check                        one request's signature check and decision, in this thread, no network
//   iam_bench load HOST:PORT KEY SECRET CONNECTIONS SECONDS
//                                          signed sts:GetCallerIdentity over keep-alive connections, one thread;
//                                          each connection signs anew once a second
//
// Prints "name value" lines.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "aws/sigv4.h"
#include "base/encode.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/strings.h"
#include "iam/iam.h"

namespace millrace::iam {
namespace {

using Steady = std::chrono::steady_clock;

constexpr const char* kAccount = "123456789012";
constexpr int kPolicies = 20;  // of five statements each

double micros(Steady::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

int stop(const std::string& why) {
  fmt::print(stderr, "iam_bench: {}\n", why);
  return 1;
}

// Four statements that do not apply, each by another part, and one that does only in the last policy: every one of the
// hundred is looked at.
std::string policy_text(int number) {
  const auto statement = [&](const char* sid, const std::string& action, const std::string& resource,
                             const char* condition) {
    return fmt::format(R"({{"Sid":"{}","Effect":"Allow","Action":{},"Resource":{}{}{}}})", sid, action, resource,
                       *condition != '\0' ? R"(,"Condition":)" : "", condition);
  };
  std::string text = R"({"Version":"2012-10-17","Statement":[)";
  text += statement("Jobs", R"(["sagemaker:Create*","sagemaker:Describe*","sagemaker:List*"])",
                    fmt::format("\"arn:aws:sagemaker:*:*:training-job/team-{}-*\"", number), "");
  text += "," + statement("Home", R"("s3:*")", "\"arn:aws:s3:::home/${aws:username}/*\"", "");
  text += "," + statement("Office", R"(["s3:Get*","s3:List*"])", fmt::format("\"arn:aws:s3:::data-{}/*\"", number + 1),
                          R"({"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.168.0.0/16"]}})");
  text +=
      "," +
      statement("Tagged", R"("s3:GetObject")", "\"*\"",
                R"({"StringLike":{"aws:PrincipalTag/team":["blue-*","red-*"]},"Bool":{"aws:SecureTransport":"true"}})");
  text += "," +
          statement("Bucket", number == kPolicies - 1 ? R"("s3:GetObject")" : R"("s3:PutObject")",
                    R"(["arn:aws:s3:::data","arn:aws:s3:::data/*"])", "") +
          "]}";
  return text;
}

struct Bench {
  std::filesystem::path directory = std::filesystem::temp_directory_path() / ("iam-bench-" + random_hex(12));
  SystemClock clock;
  std::unique_ptr<db::Database> database;
  std::unique_ptr<Iam> iam;
  aws::Service service{"iam", {}};
  aws::Principal root;

  Bench() {
    std::filesystem::create_directories(directory);
    database = std::move(*db::Database::open((directory / "iam.db").string()));
    iam = std::move(*Iam::open(*database, clock, {kAccount, std::string(32, 'k')}));
    service = iam->iam_service();
    root.kind = aws::Principal::Kind::root;
    root.account = kAccount;
    root.arn = fmt::format("arn:aws:iam::{}:root", kAccount);
  }
  ~Bench() {
    iam.reset();
    database.reset();
    std::filesystem::remove_all(directory);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  Value call(std::string_view name, const Value& input) {
    for (const aws::Operation& operation : service.operations) {
      if (operation.name != name) continue;
      aws::Call call;
      call.principal = root;
      call.service = "iam";
      call.operation = std::string(name);
      call.account = kAccount;
      call.region = "us-east-1";
      call.now = clock.now();
      auto output = operation.handle(call, input);
      if (output) return output->members;
      fmt::print(stderr, "{}: {}\n", name, output.error().message);
      std::exit(1);
    }
    std::exit(stop(fmt::format("no operation {}", name)));
  }
};

int check() {
  Bench bench;
  const auto object = [](std::initializer_list<Value::Member> members) { return Value::object(members); };
  bench.call("CreateUser", object({{"UserName", "ann"}}));
  bench.call("CreateGroup", object({{"GroupName", "team"}}));
  bench.call("AddUserToGroup", object({{"GroupName", "team"}, {"UserName", "ann"}}));
  for (int i = 0; i < kPolicies; ++i) {  // ten each is what AWS lets one hold
    const Value made = bench.call(
        "CreatePolicy", object({{"PolicyName", fmt::format("p{:02}", i)}, {"PolicyDocument", policy_text(i)}}));
    const Value arn = made["Policy"]["Arn"];
    if (i < 10)
      bench.call("AttachUserPolicy", object({{"UserName", "ann"}, {"PolicyArn", arn}}));
    else
      bench.call("AttachGroupPolicy", object({{"GroupName", "team"}, {"PolicyArn", arn}}));
  }
  const Value key = bench.call("CreateAccessKey", object({{"UserName", "ann"}}))["AccessKey"];
  const aws::Credentials credentials{key["AccessKeyId"].string_or(), key["SecretAccessKey"].string_or(), ""};
  net::Request request;
  request.method = "GET";
  request.path = "/data/some/key.csv";
  request.peer_address = "127.0.0.1";
  request.headers.add("User-Agent",
                      "Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux lang/python#3.12 cfg/retry-mode#legacy");
  request.headers.add("Accept-Encoding", "identity");
  aws::sigv4::sign("GET", "http://127.0.0.1:8080/data/some/key.csv", request.headers, "", credentials,
                   {"us-east-1", "s3", bench.clock.now(), true, aws::sigv4::Scheme::verbatim});
  aws::sigv4::Rule rule;
  rule.scheme = aws::sigv4::Scheme::verbatim;
  rule.amz_headers_signed = true;

  const aws::Check allowed{"s3:GetObject", "arn:aws:s3:::data/some/key.csv", {}};
  const aws::Check refused{"s3:DeleteObject", "arn:aws:s3:::data/some/key.csv", {}};
  constexpr int kWarm = 2'000, kRounds = 20'000;
  std::vector<double> whole, signature, decision, denial;
  for (int i = 0; i < kWarm + kRounds; ++i) {
    const auto start = Steady::now();
    const auto claim = aws::sigv4::read_claim(request);
    if (!claim || !*claim) return stop("no claim");
    const auto found = bench.iam->find((*claim)->access_key_id, "", bench.clock.now());
    if (!found) return stop(found.error().message);
    if (const auto good = aws::sigv4::verify(request, **claim, found->secret_access_key, (*claim)->payload_hash,
                                             bench.clock.now(), rule);
        !good)
      return stop(good.error().message);
    const auto signed_at = Steady::now();
    aws::Call call;
    call.principal = found->principal;
    call.principal.access_key_id = (*claim)->access_key_id;
    call.service = "s3";
    call.operation = "GetObject";
    call.account = kAccount;
    call.region = "us-east-1";
    call.now = bench.clock.now();
    call.http = &request;
    if (const auto yes = bench.iam->authorise(call, allowed); !yes) return stop(yes.error().message);
    const auto decided = Steady::now();
    if (bench.iam->authorise(call, refused)) return stop("what nothing allows was allowed");
    const auto refused_at = Steady::now();
    if (i < kWarm) continue;
    signature.push_back(micros(signed_at - start));
    decision.push_back(micros(decided - signed_at));
    whole.push_back(micros(decided - start));
    denial.push_back(micros(refused_at - decided));
  }
  const auto print = [](const char* name, std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    fmt::print("{} {:.2f}\n{}_p99 {:.2f}\n", name, values[values.size() / 2], name, values[values.size() * 99 / 100]);
  };
  print("signature_us", signature);
  print("decision_us", decision);
  print("whole_us", whole);
  print("denial_us", denial);
  return 0;
}

class Connection {
 public:
  Connection(const sockaddr_in& address, int poll, std::string host, aws::Credentials credentials)
      : address_(address), poll_(poll), host_(std::move(host)), credentials_(std::move(credentials)) {
    open();
  }
  ~Connection() { ::close(fd); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(Steady::time_point now) {
    if (closing_) {  // a server that closes after each answer is asked anew each time
      ::close(fd);
      open();
      if (!good) return;
    }
    static const std::string body = "Action=GetCallerIdentity&Version=2011-06-15";
    if (now - signed_at_ > std::chrono::seconds(1)) {
      signed_at_ = now;
      net::Headers headers;
      headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
      aws::sigv4::sign("POST", "http://" + host_ + "/", headers, body, credentials_,
                       {"us-east-1", "sts", SystemClock().now(), true});
      text_ = "POST / HTTP/1.1\r\n";
      for (const auto& [name, value] : headers.fields()) text_ += fmt::format("{}: {}\r\n", name, value);
      text_ += fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
    }
    sent_at = now;
    answer_.clear();
    good = ::send(fd, text_.data(), text_.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text_.size());
  }

  // True when a whole answer is there.
  bool receive() {
    char bytes[8192];
    const ssize_t n = ::recv(fd, bytes, sizeof bytes, 0);
    if (n <= 0) {
      good = false;
      return false;
    }
    answer_.append(bytes, static_cast<std::size_t>(n));
    const std::size_t head = answer_.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    if (!answer_.starts_with("HTTP/1.1 200")) {
      fmt::print(stderr, "{}\n", answer_);
      good = false;
      return false;
    }
    const std::string lower = to_lower(std::string_view(answer_).substr(0, head + 2));
    closing_ = lower.find("\r\nconnection: close\r\n") != std::string::npos;
    const std::size_t length = lower.find("\r\ncontent-length:");
    if (length == std::string::npos) {
      good = false;
      return false;
    }
    return answer_.size() >= head + 4 + std::strtoul(lower.c_str() + length + 17, nullptr, 10);
  }

  int fd = -1;
  bool good = false;
  Steady::time_point sent_at{};

 private:
  void open() {
    closing_ = false;
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    good = ::connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

  sockaddr_in address_;
  int poll_;
  bool closing_ = false;
  std::string host_, text_, answer_;
  aws::Credentials credentials_;
  Steady::time_point signed_at_{};
};

int load(const std::string& host, const aws::Credentials& credentials, int connections, double seconds) {
  const std::size_t colon = host.find(':');
  const auto port = parse_int(std::string_view(host).substr(colon == std::string::npos ? host.size() : colon + 1));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (!port || ::inet_pton(AF_INET, host.substr(0, colon).c_str(), &address.sin_addr) != 1)
    return stop("the server is given as 127.0.0.1:PORT");
  address.sin_port = htons(static_cast<std::uint16_t>(*port));
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> all;
  for (int i = 0; i < connections; ++i) {
    all.push_back(std::make_unique<Connection>(address, poll, host, credentials));
    all.back()->send(Steady::now());
    if (!all.back()->good) return stop("cannot connect to " + host);
  }
  const auto start = Steady::now(), warm = start + std::chrono::milliseconds(500),
             end = warm + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
  std::vector<float> waited;
  for (auto now = start; now < end;) {
    epoll_event events[64];
    const int ready = ::epoll_wait(poll, events, 64, 2'000);
    if (ready <= 0) return stop("the server is silent");
    now = Steady::now();
    for (int i = 0; i < ready; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      if (connection->receive()) {
        if (now >= warm) waited.push_back(static_cast<float>(micros(now - connection->sent_at)));
        connection->send(now);
      }
      if (!connection->good) return stop("a request failed");
    }
  }
  ::close(poll);
  if (waited.empty()) return stop("nothing was answered");
  std::sort(waited.begin(), waited.end());
  fmt::print("requests_per_second {:.0f}\nlatency_us {:.0f}\nlatency_us_p99 {:.0f}\n",
             static_cast<double>(waited.size()) / seconds, waited[waited.size() / 2], waited[waited.size() * 99 / 100]);
  return 0;
}

}  // namespace
}  // namespace millrace::iam

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "check") return millrace::iam::check();
  if (words.size() == 6 && words[0] == "load")
    return millrace::iam::load(words[1], {words[2], words[3], ""}, std::atoi(words[4].c_str()),
                               std::atof(words[5].c_str()));
  std::fprintf(stderr, "usage: iam_bench check | load HOST:PORT KEY SECRET CONNECTIONS SECONDS\n");
  return 2;
}
