#pragma once
// All AWS services as the server has them, on a database of their own and with no child to start, and the sample
// requests of testdata/authorization.txt, at least one for each operation.

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "aws/gateway.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "blob/blob_store.h"
#include "db/failing_for_tests.h"
#include "iam/iam.h"
#include "logs/logs.h"
#include "s3/s3.h"
#include "sagemaker/sagemaker.h"
#include "work/backend.h"

namespace millrace::app {

inline constexpr const char* kAccount = "123456789012";
inline constexpr const char* kRegion = "us-east-1";
inline constexpr std::size_t kMostItems = 10;  // of a sample's request; none is refused

// No child is started here.
class NoBackend final : public work::Backend {
 public:
  void start(work::Workload, Done done) override { done(fail(Code::unavailable, "none here")); }
  Result<std::optional<work::WorkStatus>> status(const std::string&) override {
    return std::optional<work::WorkStatus>();
  }
  Status stop(const std::string&, Millis) override { return {}; }
  Status forget(const std::string&) override { return {}; }
  Status shutdown(Millis) override { return {}; }
  Status confines() override { return fail(Code::unimplemented, "nothing runs here"); }
  bool has_image(const std::string&) override { return false; }
};

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

inline std::string testdata(const char* name) {
  return must(read_file(std::filesystem::path(MILLRACE_SOURCE) / "src/app/authorization/testdata" / name));
}

// All services as the server has them, with the entities that the samples name: the user ann, the role worker, the
// group devs, the policies team/readers and fence, the instance profile box, and the tagged object photos/2024/cat.jpg.
class Services {
 public:
  Services() : dir_(must(TempDir::make())) {
    database_ = std::make_unique<db::FailingDatabase>(must(db::Database::open((dir_.path() / "db").string())));
    blobs_ = must(blob::open_directory_store(dir_.path() / "blobs"));
    iam_ = must(iam::Iam::open(*database_, clock_, {kAccount, std::string(32, 'k')}));
    s3_ = must(s3::S3::open(*database_, *blobs_, clock_, kAccount, kRegion));
    logs_ = must(logs::Logs::open(*database_, clock_, kAccount, kRegion));
    gateway_ = std::make_unique<aws::Gateway>(aws::GatewayOptions{kAccount, kRegion}, *iam_, *iam_, clock_);
    sagemaker::Options options;
    options.account = kAccount;
    options.region = kRegion;
    options.directory = dir_.path() / "sagemaker";
    sagemaker_ = must(
        sagemaker::SageMaker::open({*database_, clock_, *iam_, *s3_, *logs_, backend_, *gateway_}, std::move(options)));
    for (aws::Service service : {iam_->iam_service(), iam_->sts_service(), s3_->service(), logs_->service(),
                                 sagemaker_->control_service(), sagemaker_->runtime_service()}) {
      for (const aws::Operation& operation : service.operations) operations_[service.name].insert(operation.name);
      handles_.push_back(service);
      gateway_->add(std::move(service));
    }
    make_entities();
  }

  const std::map<std::string, std::set<std::string>>& operations() const { return operations_; }

  Result<std::vector<aws::Check>> checks_of(const std::string& service, const std::string& operation,
                                            const std::string& request) {
    return gateway_->checks_of(ann(), service, operation, MR_TRY(parse_json(filled_in(request))));
  }

  // Past the gateway: what the operation itself answers.
  Result<Value> answer(const std::string& service, const std::string& operation, const std::string& request) {
    for (const aws::Service& known : handles_) {
      if (known.name != service) continue;
      for (const aws::Operation& entry : known.operations) {
        if (entry.name != operation) continue;
        aws::Call call;
        call.principal = ann();
        call.service = service;
        call.operation = operation;
        call.account = kAccount;
        call.region = kRegion;
        call.now = clock_.now();
        call.refused_items.resize(kMostItems);
        return MR_TRY(entry.handle(call, MR_TRY(parse_json(filled_in(request))))).members;
      }
    }
    throw std::runtime_error(operation + " is not served");
  }
  Value call(const std::string& service, const std::string& operation, const std::string& request) {
    return must(answer(service, operation, request));
  }

  db::Database& database() { return *database_; }

 private:
  std::string filled_in(const std::string& request) const {
    return replace_all(replace_all(request, "${KEY}", access_key_id_), "${TASK}", deletion_task_);
  }
  static aws::Principal ann() {
    aws::Principal principal;
    principal.kind = aws::Principal::Kind::user;
    principal.account = kAccount;
    principal.arn = fmt::format("arn:aws:iam::{}:user/team/ann", kAccount);
    principal.name = "ann";
    return principal;
  }

  void make_entities() {
    constexpr const char* kDocument =
        R"({\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]})";
    constexpr const char* kTrust =
        R"({\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]})";
    const std::string tags = R"("Tags":[{"Key":"team","Value":"blue"}])";
    const std::string boundary = R"("PermissionsBoundary":"arn:aws:iam::123456789012:policy/fence")";
    call("iam", "CreatePolicy", fmt::format(R"({{"PolicyName":"fence","PolicyDocument":"{}"}})", kDocument));
    call("iam", "CreatePolicy",
         fmt::format(R"({{"PolicyName":"readers","Path":"/team/","PolicyDocument":"{}",{}}})", kDocument, tags));
    call("iam", "CreateUser", fmt::format(R"({{"UserName":"ann","Path":"/team/",{},{}}})", boundary, tags));
    call("iam", "CreateRole",
         fmt::format(R"({{"RoleName":"worker","Path":"/service/","AssumeRolePolicyDocument":"{}",{},{}}})", kTrust,
                     boundary, tags));
    call("iam", "CreateGroup", R"({"GroupName":"devs","Path":"/team/"})");
    call("iam", "CreateInstanceProfile", fmt::format(R"({{"InstanceProfileName":"box","Path":"/team/",{}}})", tags));
    access_key_id_ = call("iam", "CreateAccessKey", R"({"UserName":"ann"})")["AccessKey"]["AccessKeyId"].string_or();
    call("iam", "CreateServiceLinkedRole", R"({"AWSServiceName":"sagemaker.amazonaws.com"})");
    deletion_task_ = call("iam", "DeleteServiceLinkedRole",
                          R"({"RoleName":"AWSServiceRoleForAmazonSageMakerNotebooks"})")["DeletionTaskId"]
                         .string_or();
    call("s3", "CreateBucket", R"({"Bucket":"photos"})");
    call("s3", "PutObject", R"({"Bucket":"photos","Key":"2024/cat.jpg","Tagging":"kind=cat"})");
    call("s3", "PutObject", R"({"Bucket":"photos","Key":"2024/plain.jpg"})");
  }

  TempDir dir_;
  SystemClock clock_;
  NoBackend backend_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<blob::BlobStore> blobs_;
  std::unique_ptr<iam::Iam> iam_;
  std::unique_ptr<s3::S3> s3_;
  std::unique_ptr<logs::Logs> logs_;
  std::unique_ptr<aws::Gateway> gateway_;
  std::unique_ptr<sagemaker::SageMaker> sagemaker_;
  std::map<std::string, std::set<std::string>> operations_;
  std::vector<aws::Service> handles_;
  std::string access_key_id_, deletion_task_;
};

struct Sample {
  std::string head, service, operation, request;
  std::string expected;
};

inline std::vector<Sample> samples() {
  std::vector<Sample> all;
  const std::string text = testdata("authorization.txt");
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with(' ')) {
      all.back().expected += std::string(line) + "\n";
      continue;
    }
    const std::size_t first = line.find(' '), second = line.find(' ', first + 1);
    all.push_back({std::string(line), std::string(line.substr(0, first)),
                   std::string(line.substr(first + 1, second - first - 1)), std::string(line.substr(second + 1)), ""});
  }
  return all;
}

}  // namespace millrace::app
