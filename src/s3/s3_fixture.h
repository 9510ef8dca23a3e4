#pragma once
// S3 behind a gateway of its own, for tests: requests are signed and come back as answers.

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "aws/sigv4.h"
#include "base/file.h"
#include "base/strings.h"
#include "s3/s3.h"

namespace millrace::s3 {

// One key, known; one list of what is denied.
class OneUser final : public aws::Authenticator, public aws::Authoriser {
 public:
  Result<Found> find(std::string_view, std::string_view, Time) override {
    Found found;
    found.principal.kind = aws::Principal::Kind::user;
    found.principal.account = "123456789012";
    found.secret_access_key = "secret";
    return found;
  }
  Status authorise(const aws::Call&, const aws::Check& check) override {
    asked.insert(check.action + " " + check.resource);
    if (!denied.contains(check.action + " " + check.resource)) return {};
    return fail(Code::permission_denied, "no", "AccessDenied");
  }
  std::set<std::string> denied, asked;
};

struct Answer {
  int status = 0;
  net::Headers headers;
  std::string body;
};

class S3Test : public testing::Test {
 protected:
  void SetUp() override {
    database_ = std::move(*db::Database::open((dir_.path() / "s3.db").string()));
    open();
  }
  void open() {
    gateway_.reset();
    s3_.reset();
    blobs_ = std::move(*blob::open_directory_store(dir_.path() / "blobs"));
    s3_ =
        std::move(*S3::open(*database_, *blobs_, clock_, "123456789012", "us-east-1", std::string(32, 'k'), encrypts_));
    gateway_ = std::make_unique<aws::Gateway>(aws::GatewayOptions{}, user_, user_, clock_);
    gateway_->add(s3_->service());
  }
  using Fields = std::vector<std::pair<std::string, std::string>>;
  Answer call(const std::string& method, const std::string& target, std::string body = "", const Fields& fields = {}) {
    net::Request request;
    request.method = method;
    request.target = target;
    const auto question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string::npos) request.raw_query = target.substr(question + 1);
    for (const auto& [name, value] : fields) request.headers.add(name, value);
    aws::sigv4::sign(method, "http://127.0.0.1:8080" + target, request.headers, body, {"AKIDEXAMPLE", "secret", ""},
                     {"us-east-1", "s3", clock_.now(), true, aws::sigv4::Scheme::verbatim});
    const auto reader = net::body_from_string(std::move(body));
    request.body = reader.get();
    auto response = gateway_->handle(request);
    Answer answer{response.status, std::move(response.headers), std::move(response.body)};
    while (response.stream && response.stream->read(answer.body) != net::StreamBody::Next::end) {
    }
    if (response.file) {
      answer.body.resize(response.file->length);
      EXPECT_EQ(::pread(response.file->file.get(), answer.body.data(), answer.body.size(),
                        static_cast<off_t>(response.file->offset)),
                static_cast<ssize_t>(answer.body.size()));
    }
    return answer;
  }
  static std::string code(const Answer& answer) { return between(answer.body, "<Code>", "</Code>"); }
  static std::string between(const std::string& text, const std::string& left, const std::string& right) {
    const auto from = text.find(left);
    if (from == std::string::npos) return "";
    const auto to = text.find(right, from + left.size());
    return text.substr(from + left.size(), to - from - left.size());
  }
  static std::vector<std::string> all_between(std::string text, const std::string& left, const std::string& right) {
    std::vector<std::string> found;
    for (auto at = text.find(left); at != std::string::npos; at = text.find(left)) {
      text.erase(0, at);
      found.push_back(between(text, left, right));
      text.erase(0, left.size());
    }
    return found;
  }
  void make_bucket(const std::string& name = "b-1") { ASSERT_EQ(call("PUT", "/" + name).status, 200); }
  std::size_t blob_files() const {
    std::size_t n = 0;
    for (const auto& e : std::filesystem::recursive_directory_iterator(dir_.path() / "blobs")) n += e.is_regular_file();
    return n;
  }

  TempDir dir_ = std::move(*TempDir::make("s3"));
  FakeClock clock_;
  OneUser user_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<blob::BlobStore> blobs_;
  S3::Encrypts encrypts_ = S3::Encrypts::on_request;  // as the next open() takes it
  std::unique_ptr<S3> s3_;
  std::unique_ptr<aws::Gateway> gateway_;
};

class S3UploadTest : public S3Test {
 protected:
  void SetUp() override {
    S3Test::SetUp();
    make_bucket();
    id_ = between(call("POST", "/b-1/big?uploads", "", {{"Content-Type", "text/x"}}).body, "<UploadId>", "</UploadId>");
    ASSERT_FALSE(id_.empty());
  }
  std::string put_part(int number, const std::string& bytes) {
    const auto answer = call("PUT", fmt::format("/b-1/big?partNumber={}&uploadId={}", number, id_), bytes);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return std::string(answer.headers.get("etag"));
  }
  Answer complete(const std::vector<std::pair<int, std::string>>& parts) {
    std::string body = "<CompleteMultipartUpload>";
    for (const auto& [number, etag] : parts) {
      body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", number,
                          replace_all(etag, "\"", "&quot;"));
    }
    return call("POST", "/b-1/big?uploadId=" + id_, body + "</CompleteMultipartUpload>");
  }
  std::string id_;
};

}  // namespace millrace::s3
