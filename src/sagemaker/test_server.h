#pragma once
// Only for tests: SageMaker and what it stands on, over HTTP on loopback, in a temporary directory. crash() ends it as
// kill -9 would as far as files and children go: no goodbye to the launcher, whose children go on; start() comes back.

#include <memory>
#include <string>
#include <vector>

#include "aws/client.h"
#include "base/file.h"
#include "base/result.h"
#include "base/value.h"
#include "sagemaker/sagemaker.h"
#include "sagemaker/signals_for_tests.h"

namespace millrace::sagemaker {

class TestServer {
 public:
  TestServer();
  ~TestServer();  // ends all children
  void start();
  void crash();
  // While crashed: another process serves the directory and is killed with -9 after so many of its writes to the
  // database, or when it has nothing more to write.
  void serve_and_kill(std::size_t writes);

  Result<Value> call(const std::string& service, const std::string& operation, const Value& input);
  Result<Value> sagemaker(const std::string& operation, const Value& input) {
    return call("sagemaker", operation, input);
  }
  // Repeats the Describe operation until the status is final (or `until` holds); 30 s at most.
  Value wait(const std::string& describe, const Value& input, const std::string& status_member,
             const std::vector<std::string>& statuses);
  Value wait_job(const std::string& kind, const std::string& name);  // "TrainingJob"
  // Raised by each change of a resource or a log, each write to the database, and each end of a child.
  Signals& signals() { return signals_; }
  // Waits for the path to be removed, by whoever it is; 30 s at most.
  static bool wait_gone(const std::filesystem::path& path);

  void make_bucket(const std::string& name);
  void put(const std::string& bucket, const std::string& key, const std::string& bytes);
  Result<std::string> get(const std::string& bucket, const std::string& key);
  std::vector<std::string> keys(const std::string& bucket);
  std::vector<std::string> log_lines(const std::string& group, const std::string& stream_prefix);
  // A role that trusts SageMaker and may do what `policy` says; the ARN.
  std::string make_role(const std::string& name, const std::string& policy);

  SageMaker& service();
  bool has_sandboxes();
  const std::filesystem::path& directory() const { return dir_.path(); }
  static constexpr const char* kAllowS3 =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]})";

  struct Running;

 private:
  Signals signals_;
  TempDir dir_;
  std::unique_ptr<Running> running_;
};

// The other process: serves `directory` until it is killed.
int serve_until_killed(const std::filesystem::path& directory);

}  // namespace millrace::sagemaker
