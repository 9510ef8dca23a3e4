// What each operation of each service asks of the policies: testdata/authorization.txt says it for sample requests, and
// testdata/service_authorization.tsv what AWS's Service Authorization Reference says of the actions that occur there
// (tools/service_authorization.py writes it).

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/core.h>

#include "aws/gateway.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "blob/blob_store.h"
#include "iam/iam.h"
#include "iam/request_keys.h"
#include "logs/logs.h"
#include "s3/s3.h"
#include "sagemaker/sagemaker.h"

namespace millrace::app {
namespace {

constexpr const char* kAccount = "123456789012";
constexpr const char* kRegion = "us-east-1";

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

std::string testdata(const char* name) {
  return must(read_file(std::filesystem::path(MILLRACE_SOURCE) / "src/app/authorization/testdata" / name));
}

// All services as the server has them, with the entities that the samples name: the user ann, the role worker, the
// group devs, the policies team/readers and fence, the instance profile box, and the tagged object photos/2024/cat.jpg.
class Services {
 public:
  Services() : dir_(must(TempDir::make())) {
    database_ = must(db::Database::open((dir_.path() / "db").string()));
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
    const std::string text = replace_all(replace_all(request, "${KEY}", access_key_id_), "${TASK}", deletion_task_);
    return gateway_->checks_of(ann(), service, operation, MR_TRY(parse_json(text)));
  }

  Value call(const std::string& service, const std::string& operation, const std::string& request) {
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
        return must(entry.handle(call, must(parse_json(request)))).members;
      }
    }
    throw std::runtime_error(operation + " is not served");
  }

 private:
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

// "  s3:GetObject arn:aws:s3:::b/k key=value,value …", the keys by name.
std::string line_of(const aws::Check& check) {
  std::map<std::string, std::string> keys;
  for (const auto& [key, values] : check.keys) keys[key] = join(values, ",");
  std::string line = fmt::format("  {} {}", check.action, check.resource);
  for (const auto& [key, value] : keys) line += fmt::format(" {}={}", key, value);
  return line + "\n";
}

struct Sample {
  std::string head, service, operation, request;
  std::string expected;
};

std::vector<Sample> samples() {
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

TEST(Authorization, EveryOperationAsksWhatTheTableSays) {
  Services services;
  std::map<std::string, std::set<std::string>> seen;
  for (const Sample& sample : samples()) {
    seen[sample.service].insert(sample.operation);
    const auto checks = services.checks_of(sample.service, sample.operation, sample.request);
    ASSERT_TRUE(checks) << sample.head << ": " << checks.error().message;
    std::string found;
    for (const aws::Check& check : *checks) found += line_of(check);
    EXPECT_EQ(found, sample.expected) << sample.head;
  }
  EXPECT_EQ(seen, services.operations()) << "each operation that is served has a sample, and no other";
}

struct Reference {
  struct Action {
    std::vector<std::string> types;  // a required one ends in '*'
    std::set<std::string> keys;
    std::vector<std::string> dependent;  // actions that it needs as well
  };
  struct Type {
    std::string arn;
    std::set<std::string> keys;
  };
  std::map<std::string, Action> actions;
  std::map<std::string, Type> types;
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view word : split(text, ' ')) {
    if (!word.empty()) out.emplace_back(word);
  }
  return out;
}

Reference reference() {
  Reference all;
  const std::string text = testdata("service_authorization.tsv");
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, '\t');
    if (fields.size() < 4) continue;
    const auto keys = words(fields[3]);
    const std::set<std::string> names(keys.begin(), keys.end());
    if (fields[0] == "action") all.actions[std::string(fields[1])] = {words(fields[2]), names, words(fields[4])};
    if (fields[0] == "resource") all.types[std::string(fields[1])] = {std::string(fields[2]), names};
  }
  return all;
}

// Does the ARN have the form "arn:aws:s3:::${BucketName}/${ObjectName}"? A name may hold slashes where the next literal
// part leaves it room; a bucket's may not.
bool has_form(std::string_view arn, std::string_view form) {
  const std::size_t variable = form.find("${");
  if (variable == std::string_view::npos) return arn == form;
  if (arn.substr(0, variable) != form.substr(0, variable)) return false;
  arn.remove_prefix(variable);
  const std::size_t end = form.find('}', variable);
  const bool bucket = form.substr(variable, end - variable) == "${BucketName";
  form.remove_prefix(end + 1);
  for (std::size_t length = 0; length <= arn.size(); ++length) {
    if (length > 0 && bucket && arn[length - 1] == '/') return false;
    if (has_form(arn.substr(length), form)) return true;
  }
  return false;
}

// Actions that the reference has no resource type for, and that AWS decides on one nevertheless: its own denials name
// these, and its policies for S3's users.
const std::set<std::string>& decided_on_more() {
  static const std::set<std::string> actions = {
      "iam:ListGroups",     "iam:ListInstanceProfiles",  "iam:ListOpenIDConnectProviders",
      "iam:ListRoles",      "iam:ListSAMLProviders",     "iam:ListServerCertificates",
      "iam:ListUsers",      "iam:ListVirtualMFADevices", "logs:DescribeLogGroups",
      "s3:ListAllMyBuckets"};
  return actions;
}

// "aws:RequestTag/team" → "aws:RequestTag/".
std::string key_of(const std::string& name) {
  const std::size_t slash = name.find('/');
  return slash == std::string::npos ? name : name.substr(0, slash + 1);
}

// A request that carries every header and is signed by one.
net::Request request_with_all(const Reference& reference) {
  net::Request request;
  request.headers.set("authorization", "AWS4-HMAC-SHA256 Credential=…");
  request.headers.set("x-amz-date", "20260102T030405Z");
  for (const auto& [action, known] : reference.actions) {
    for (const std::string& key : known.keys) {
      if (key.starts_with("s3:x-amz-")) request.headers.set(key.substr(3), "v");
      if (key.starts_with("s3:object-lock-")) request.headers.set("x-amz-" + key.substr(3), "v");
    }
  }
  return request;
}

// Not given: the server does not look at the version of TLS, and refuses locks on objects.
const std::set<std::string>& not_given() {
  static const std::set<std::string> keys = {"s3:TlsVersion", "s3:object-lock-remaining-retention-days"};
  return keys;
}

TEST(Authorization, KeysOfS3sHeadersAreTheReferences) {
  const Reference reference = app::reference();
  const net::Request request = request_with_all(reference);
  aws::Call call;
  call.account = kAccount;
  call.http = const_cast<net::Request*>(&request);
  for (const auto& [action, known] : reference.actions) {
    if (!action.starts_with("s3:")) continue;
    iam::policy::Context given;
    iam::add_s3_keys(given, call, action);
    for (const auto& [key, values] : given) {
      if (key != "s3:x-amz-content-sha256") EXPECT_TRUE(known.keys.contains(key)) << action << " has no key " << key;
    }
    for (const std::string& key : known.keys) {
      const bool of_headers = key.starts_with("s3:x-amz-") || key.starts_with("s3:object-lock-") ||
                              key.starts_with("s3:signature") || key == "s3:authType" || key == "s3:ResourceAccount" ||
                              key == "s3:TlsVersion";
      EXPECT_EQ(given.contains(key), of_headers && !not_given().contains(key)) << action << ", " << key;
    }
    EXPECT_EQ(iam::has_resource_tags(action), known.keys.contains("s3:ExistingObjectTag/")) << action;
  }
}

// What else the reference says an operation needs is asked in one of its samples: a role that is passed, tags.
TEST(Authorization, DependentActionsAreAsked) {
  std::map<std::string, std::string> asked;  // by action, all that is expected for the operation of that name
  for (const Sample& sample : samples()) asked[sample.service + ":" + sample.operation] += sample.expected;
  for (const auto& [action, known] : app::reference().actions) {
    const auto found = asked.find(action);
    if (found == asked.end()) continue;
    for (const std::string& other : known.dependent)
      EXPECT_NE(found->second.find("  " + other + " "), std::string::npos) << action << " needs " << other;
  }
}

TEST(Authorization, TheTableIsTheReferences) {
  const Reference reference = app::reference();
  for (const Sample& sample : samples()) {
    std::map<std::string, std::set<std::string>> types_of;  // by action
    for (const std::string_view line : split(sample.expected, '\n')) {
      const auto parts = words(line);
      if (parts.size() < 2) continue;
      const std::string &action = parts[0], &resource = parts[1];
      const std::string service = action.substr(0, action.find(':'));
      ASSERT_TRUE(reference.actions.contains(action)) << sample.head << ": " << action;
      const Reference::Action& known = reference.actions.at(action);
      std::set<std::string> keys = known.keys;
      if (resource == "*" || decided_on_more().contains(action)) {
        EXPECT_TRUE(known.types.empty()) << sample.head << ": " << action << " on " << resource;
      } else {
        bool found = false;
        for (std::string type : known.types) {
          if (type.ends_with('*')) type.pop_back();
          const Reference::Type& form = reference.types.at(service + ":" + type);
          std::string arn = replace_all(replace_all(form.arn, "${Account}", kAccount), "${Region}", kRegion);
          // A group is written with what is in it (User Guide, "CloudWatch Logs resources and operations").
          if (service == "logs" && type == "log-group" && action != "logs:TagResource") arn += ":log-stream:";
          if (resource.starts_with("arn:aws:iam::aws:")) arn = replace_all(arn, kAccount, "aws");
          if (!has_form(resource, arn)) continue;
          found = true;
          types_of[action].insert(type);
          keys.insert(form.keys.begin(), form.keys.end());
        }
        // Tags of a federated session are decided on that user (IAM User Guide, "Pass session tags in AWS STS").
        if (sample.operation == "GetFederationToken" && action == "sts:TagSession") found = true;
        EXPECT_TRUE(found) << sample.head << ": " << action << " has no resource like " << resource;
      }
      for (std::size_t i = 2; i < parts.size(); ++i) {
        const std::string key = key_of(parts[i].substr(0, parts[i].find('=')));
        EXPECT_TRUE(keys.contains(key)) << sample.head << ": " << action << " has no key " << key;
      }
    }
    // Of an action on several resources each required one is asked for.
    for (const auto& [action, types] : types_of) {
      const auto& known = reference.actions.at(action).types;
      const bool any_kind = action.starts_with("iam:GenerateService") || action.starts_with("iam:ListPoliciesGranting");
      for (const std::string& type : known) {
        if (!type.ends_with('*') || any_kind) continue;  // there the ARN in the request says which kind it is
        EXPECT_TRUE(types.contains(type.substr(0, type.size() - 1))) << sample.head << ": " << action << ", " << type;
      }
    }
  }
}

}  // namespace
}  // namespace millrace::app
