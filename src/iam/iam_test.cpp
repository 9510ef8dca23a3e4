// IAM and STS over signed HTTP, as clients have them.
#include "iam/iam.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "aws/client.h"
#include "base/encode.h"
#include "base/ids.h"
#include "base/json.h"
#include "iam/managed_policies.h"
#include "iam/policy/document.h"
#include "net/server.h"

namespace millrace::iam {
namespace {

constexpr const char* kAccount = "123456789012";
constexpr const char* kAllowUsers =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}]})";
constexpr const char* kTrustSageMaker =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";

Value object(std::initializer_list<Value::Member> members) { return Value::object(members); }

class IamTest : public ::testing::Test {
 protected:
  IamTest()
      : directory_(std::filesystem::temp_directory_path() / ("iam-" + random_hex(12))), clock_(SystemClock().now()) {
    std::filesystem::create_directories(directory_);
    open();
  }
  ~IamTest() override {
    close();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    database_ = *db::Database::open((directory_ / "iam.db").string());
    iam_ = *Iam::open(*database_, clock_, {kAccount, std::string(32, 'k')});
    gateway_ = std::make_unique<aws::Gateway>(aws::GatewayOptions{kAccount, "us-east-1"}, *iam_, *iam_, clock_);
    gateway_->add(iam_->iam_service());
    gateway_->add(iam_->sts_service());
    server_ = *net::Server::start({}, [this](net::Request& request) { return gateway_->handle(request); });
    administrator_ = *iam_->administrator();
  }
  void close() {
    server_->stop(std::chrono::milliseconds(100));
    server_.reset();
    gateway_.reset();
    iam_.reset();
    database_.reset();
  }

  Result<Value> call_as(const aws::Credentials& keys, const std::string& operation,
                        const Value& input = Value::object()) {
    const bool sts = operation == "AssumeRole" || operation == "GetCallerIdentity" || operation == "GetSessionToken";
    aws::ClientOptions options;
    options.service = sts ? "sts" : "iam";
    options.region = "us-east-1";
    options.endpoint = fmt::format("http://127.0.0.1:{}", server_->port());
    options.max_attempts = 1;
    return aws::Client(options, aws::static_credentials(keys)).call(operation, input);
  }
  Result<Value> call(const std::string& operation, const Value& input = Value::object()) {
    return call_as(administrator_, operation, input);
  }
  Value expect(const std::string& operation, const Value& input = Value::object()) {
    auto result = call(operation, input);
    EXPECT_TRUE(result) << operation << ": " << result.error().message;
    return result ? *result : Value();
  }
  void refuse(const std::string& operation, const Value& input, const char* code, const char* says = "") {
    const auto result = call(operation, input);
    ASSERT_FALSE(result) << operation;
    EXPECT_EQ(result.error().reason, code) << operation << ": " << result.error().message;
    EXPECT_NE(result.error().message.find(says), std::string::npos) << result.error().message;
  }
  aws::Credentials user_with_keys(const std::string& name) {
    expect("CreateUser", object({{"UserName", name}}));
    const Value key = expect("CreateAccessKey", object({{"UserName", name}}))["AccessKey"];
    return {key["AccessKeyId"].string_or(), key["SecretAccessKey"].string_or(), ""};
  }

  std::filesystem::path directory_;
  FakeClock clock_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Iam> iam_;
  std::unique_ptr<aws::Gateway> gateway_;
  std::unique_ptr<net::Server> server_;
  aws::Credentials administrator_;
};

TEST_F(IamTest, KeepsUsers) {
  const Value made = expect("CreateUser", object({{"UserName", "ann"}, {"Path", "/team/"}}))["User"];
  EXPECT_EQ(made["Arn"].string_or(), "arn:aws:iam::123456789012:user/team/ann");
  EXPECT_EQ(made["UserId"].string_or().size(), 21u);
  EXPECT_TRUE(made["UserId"].string_or().starts_with("AIDA"));
  refuse("CreateUser", object({{"UserName", "Ann"}}), "EntityAlreadyExists", "User with name Ann already exists.");
  refuse("GetUser", object({{"UserName", "bob"}}), "NoSuchEntity", "The user with name bob cannot be found.");
  refuse("CreateUser", object({{"UserName", "a b"}}), "ValidationError", "userName");
  refuse("CreateUser", object({{"UserName", std::string(65, 'a')}}), "ValidationError", "64");
  expect("UpdateUser", object({{"UserName", "ann"}, {"NewUserName", "anna"}}));
  EXPECT_EQ(expect("GetUser", object({{"UserName", "anna"}}))["User"]["UserId"], made["UserId"]);
  expect("DeleteUser", object({{"UserName", "anna"}}));
  refuse("GetUser", object({{"UserName", "anna"}}), "NoSuchEntity");
}

TEST_F(IamTest, DoesNotDeleteAUserWhoStillHasSomething) {
  user_with_keys("ann");
  refuse("DeleteUser", object({{"UserName", "ann"}}), "DeleteConflict");
  const std::string key = expect("ListAccessKeys", object({{"UserName", "ann"}}))["AccessKeyMetadata"]
                              .items()
                              .at(0)["AccessKeyId"]
                              .string_or();
  expect("DeleteAccessKey", object({{"UserName", "ann"}, {"AccessKeyId", key}}));
  expect("PutUserPolicy", object({{"UserName", "ann"}, {"PolicyName", "p"}, {"PolicyDocument", kAllowUsers}}));
  refuse("DeleteUser", object({{"UserName", "ann"}}), "DeleteConflict");
  expect("DeleteUserPolicy", object({{"UserName", "ann"}, {"PolicyName", "p"}}));
  expect("DeleteUser", object({{"UserName", "ann"}}));
}

TEST_F(IamTest, PagesLists) {
  for (int i = 0; i < 25; ++i) expect("CreateUser", object({{"UserName", fmt::format("user-{:02}", i)}}));
  std::set<std::string> names;
  Value input = object({{"MaxItems", 10}});
  for (int pages = 1;; ++pages) {
    const Value page = expect("ListUsers", input);
    EXPECT_LE(page["Users"].size(), 10u);
    for (const Value& user : page["Users"].items()) names.insert(user["UserName"].string_or());
    if (!page["IsTruncated"].bool_or(false)) {
      EXPECT_EQ(pages, 3);
      break;
    }
    input.set("Marker", page["Marker"]);
  }
  EXPECT_EQ(names.size(), 25u);
}

TEST_F(IamTest, GivesAtMostTwoKeys) {
  user_with_keys("ann");
  expect("CreateAccessKey", object({{"UserName", "ann"}}));
  refuse("CreateAccessKey", object({{"UserName", "ann"}}), "LimitExceeded", "2");
}

TEST_F(IamTest, AnInactiveKeyOpensNothing) {
  const auto keys = user_with_keys("ann");
  EXPECT_TRUE(call_as(keys, "GetCallerIdentity"));
  expect("UpdateAccessKey", object({{"UserName", "ann"}, {"AccessKeyId", keys.access_key_id}, {"Status", "Inactive"}}));
  EXPECT_EQ(call_as(keys, "GetCallerIdentity").error().reason, "InvalidClientTokenId");
  expect("UpdateAccessKey", object({{"UserName", "ann"}, {"AccessKeyId", keys.access_key_id}, {"Status", "Active"}}));
  EXPECT_EQ((*call_as(keys, "GetCallerIdentity"))["Arn"].string_or(), "arn:aws:iam::123456789012:user/ann");
  auto wrong = keys;
  wrong.secret_access_key[0] = wrong.secret_access_key[0] == 'x' ? 'y' : 'x';
  EXPECT_EQ(call_as(wrong, "GetCallerIdentity").error().reason, "SignatureDoesNotMatch");
}

// Every way in which a user comes to a permission, and loses it.
TEST_F(IamTest, PoliciesDecide) {
  const auto keys = user_with_keys("ann");
  const auto may = [&] {
    const auto result = call_as(keys, "ListUsers");
    if (!result) {
      EXPECT_EQ(result.error().reason, "AccessDenied");
    }
    return result.has_value();
  };
  EXPECT_FALSE(may());
  const auto denied = call_as(keys, "ListUsers");
  EXPECT_NE(denied.error().message.find(
                "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:ListUsers"),
            std::string::npos)
      << denied.error().message;

  expect("PutUserPolicy", object({{"UserName", "ann"}, {"PolicyName", "p"}, {"PolicyDocument", kAllowUsers}}));
  EXPECT_TRUE(may()) << "an inline policy";
  expect("DeleteUserPolicy", object({{"UserName", "ann"}, {"PolicyName", "p"}}));
  EXPECT_FALSE(may());

  const std::string arn =
      expect("CreatePolicy", object({{"PolicyName", "lists"}, {"PolicyDocument", kAllowUsers}}))["Policy"]["Arn"]
          .string_or();
  expect("AttachUserPolicy", object({{"UserName", "ann"}, {"PolicyArn", arn}}));
  EXPECT_TRUE(may()) << "a managed policy";
  refuse("DeletePolicy", object({{"PolicyArn", arn}}), "DeleteConflict");
  expect("CreatePolicyVersion",
         object({{"PolicyArn", arn},
                 {"SetAsDefault", true},
                 {"PolicyDocument",
                  R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]})"}}));
  EXPECT_FALSE(may()) << "its new default version";
  expect("SetDefaultPolicyVersion", object({{"PolicyArn", arn}, {"VersionId", "v1"}}));
  EXPECT_TRUE(may()) << "the old one again";
  expect("DetachUserPolicy", object({{"UserName", "ann"}, {"PolicyArn", arn}}));
  EXPECT_FALSE(may());

  expect("CreateGroup", object({{"GroupName", "g"}}));
  expect("AttachGroupPolicy", object({{"GroupName", "g"}, {"PolicyArn", arn}}));
  expect("AddUserToGroup", object({{"GroupName", "g"}, {"UserName", "ann"}}));
  EXPECT_TRUE(may()) << "a group's policy";
  expect("PutUserPermissionsBoundary",
         object({{"UserName", "ann"}, {"PermissionsBoundary", "arn:aws:iam::aws:policy/AmazonS3FullAccess"}}));
  EXPECT_FALSE(may()) << "beyond the boundary";
  expect("DeleteUserPermissionsBoundary", object({{"UserName", "ann"}}));
  EXPECT_TRUE(may());
  expect("RemoveUserFromGroup", object({{"GroupName", "g"}, {"UserName", "ann"}}));
  EXPECT_FALSE(may());
}

TEST_F(IamTest, RefusesPoliciesThatAreNone) {
  expect("CreateUser", object({{"UserName", "ann"}}));
  refuse("PutUserPolicy", object({{"UserName", "ann"}, {"PolicyName", "p"}, {"PolicyDocument", "{}"}}),
         "MalformedPolicyDocument");
  refuse("CreatePolicy", object({{"PolicyName", "p"}, {"PolicyDocument", "not json"}}), "MalformedPolicyDocument");
  refuse("CreateRole", object({{"RoleName", "r"}, {"AssumeRolePolicyDocument", kAllowUsers}}),
         "MalformedPolicyDocument");
  refuse("AttachUserPolicy", object({{"UserName", "ann"}, {"PolicyArn", "arn:aws:iam::aws:policy/NoSuchPolicy"}}),
         "NoSuchEntity");
  refuse("DetachUserPolicy", object({{"UserName", "ann"}, {"PolicyArn", "arn:aws:iam::aws:policy/AmazonS3FullAccess"}}),
         "NoSuchEntity");
}

TEST_F(IamTest, RolesAreTakenOnByWhomTheyTrust) {
  const std::string arn =
      expect("CreateRole",
             object({{"RoleName", "worker"}, {"AssumeRolePolicyDocument", kTrustSageMaker}}))["Role"]["Arn"]
          .string_or();
  const auto principal = iam_->assume_for_service(arn, "sagemaker.amazonaws.com", "job");
  ASSERT_TRUE(principal) << principal.error().message;
  EXPECT_EQ(principal->arn, "arn:aws:sts::123456789012:assumed-role/worker/job");
  EXPECT_FALSE(iam_->assume_for_service(arn, "ec2.amazonaws.com", "job"));
  EXPECT_FALSE(iam_->assume_for_service("arn:aws:iam::123456789012:role/none", "sagemaker.amazonaws.com", "job"));

  // A user: both the role's trust and the user's own policies have to say so.
  const auto keys = user_with_keys("ann");
  const Value assume = object({{"RoleArn", arn}, {"RoleSessionName", "ss"}});
  EXPECT_EQ(call_as(keys, "AssumeRole", assume).error().reason, "AccessDenied");
  expect(
      "UpdateAssumeRolePolicy",
      object(
          {{"RoleName", "worker"},
           {"PolicyDocument",
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/ann"},"Action":"sts:AssumeRole"}]})"}}));
  const auto assumed = call_as(keys, "AssumeRole", assume);
  ASSERT_TRUE(assumed) << assumed.error().message;
  const Value& given = (*assumed)["Credentials"];
  const aws::Credentials session{given["AccessKeyId"].string_or(), given["SecretAccessKey"].string_or(),
                                 given["SessionToken"].string_or()};
  EXPECT_EQ((*call_as(session, "GetCallerIdentity"))["Arn"].string_or(),
            "arn:aws:sts::123456789012:assumed-role/worker/ss");
  EXPECT_EQ(call_as(session, "ListUsers").error().reason, "AccessDenied");
  expect("PutRolePolicy", object({{"RoleName", "worker"}, {"PolicyName", "p"}, {"PolicyDocument", kAllowUsers}}));
  EXPECT_TRUE(call_as(session, "ListUsers"));
  auto other = session;
  other.session_token.clear();
  EXPECT_FALSE(call_as(other, "ListUsers")) << "a session's key without its token";
  EXPECT_TRUE(iam_->find(session.access_key_id, session.session_token, clock_.now()));
  const auto expired = iam_->find(session.access_key_id, session.session_token, clock_.now() + std::chrono::hours(2));
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().reason, "ExpiredToken");
  clock_.advance(std::chrono::hours(2));
  EXPECT_EQ(call_as(session, "ListUsers").error().reason, "ExpiredToken");
}

// AWS keeps whom a trust policy names by the id: a namesake made later is somebody else.
TEST_F(IamTest, ATrustedNameIsATrustedPerson) {
  auto keys = user_with_keys("ann");
  const std::string id = expect("GetUser", object({{"UserName", "ann"}}))["User"]["UserId"].string_or();
  const auto trust = [](const std::string& principal) {
    return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":")" + principal +
           R"("},"Action":"sts:AssumeRole"}]})";
  };
  const auto shown = [&] {
    return *percent_decode(
        expect("GetRole", object({{"RoleName", "r"}}))["Role"]["AssumeRolePolicyDocument"].string_or());
  };
  expect("CreateRole",
         object({{"RoleName", "r"}, {"AssumeRolePolicyDocument", trust("arn:aws:iam::123456789012:user/ann")}}));
  const Value assume = object({{"RoleArn", "arn:aws:iam::123456789012:role/r"}, {"RoleSessionName", "ss"}});
  EXPECT_TRUE(call_as(keys, "AssumeRole", assume));
  expect("UpdateUser", object({{"UserName", "ann"}, {"NewUserName", "anna"}, {"NewPath", "/team/"}}));
  EXPECT_EQ(shown(), trust("arn:aws:iam::123456789012:user/team/anna")) << "the new name";
  EXPECT_TRUE(call_as(keys, "AssumeRole", assume));

  expect("DeleteAccessKey", object({{"UserName", "anna"}, {"AccessKeyId", keys.access_key_id}}));
  expect("DeleteUser", object({{"UserName", "anna"}}));
  EXPECT_EQ(shown(), trust(id)) << "nobody any more";
  keys = user_with_keys("ann");
  EXPECT_EQ(call_as(keys, "AssumeRole", assume).error().reason, "AccessDenied") << "a namesake";
  refuse("UpdateAssumeRolePolicy", object({{"RoleName", "r"}, {"PolicyDocument", shown()}}), "MalformedPolicyDocument",
         "Invalid principal in policy");
}

TEST_F(IamTest, ASessionOfAUserFollowsTheUser) {
  const auto keys = user_with_keys("ann");
  const auto given = call_as(keys, "GetSessionToken");
  ASSERT_TRUE(given) << given.error().message;
  const Value& credentials = (*given)["Credentials"];
  const aws::Credentials session{credentials["AccessKeyId"].string_or(), credentials["SecretAccessKey"].string_or(),
                                 credentials["SessionToken"].string_or()};
  expect("UpdateUser", object({{"UserName", "ann"}, {"NewUserName", "anna"}}));
  EXPECT_EQ((*call_as(session, "GetCallerIdentity"))["Arn"].string_or(), "arn:aws:iam::123456789012:user/anna");
  expect("DeleteAccessKey", object({{"UserName", "anna"}, {"AccessKeyId", keys.access_key_id}}));
  expect("DeleteUser", object({{"UserName", "anna"}}));
  EXPECT_EQ(call_as(session, "GetCallerIdentity").error().reason, "InvalidClientTokenId");
}

// Quotas are looked at and changes made in one step, however many ask at once.
TEST_F(IamTest, AQuotaHoldsAgainstManyAtOnce) {
  expect("CreateUser", object({{"UserName", "ann"}}));
  std::atomic<int> made{0};
  std::vector<std::jthread> askers;
  for (int i = 0; i < 8; ++i) {
    askers.emplace_back([&] {
      if (call("CreateAccessKey", object({{"UserName", "ann"}}))) ++made;
    });
  }
  askers.clear();
  EXPECT_EQ(made.load(), 2);
}

TEST_F(IamTest, ASessionPolicyNarrows) {
  expect(
      "CreateRole",
      object(
          {{"RoleName", "r"},
           {"AssumeRolePolicyDocument",
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]})"}}));
  expect("AttachRolePolicy", object({{"RoleName", "r"}, {"PolicyArn", "arn:aws:iam::aws:policy/IAMFullAccess"}}));
  const Value assume =
      object({{"RoleArn", "arn:aws:iam::123456789012:role/r"}, {"RoleSessionName", "narrow"}, {"Policy", kAllowUsers}});
  refuse("AssumeRole", assume, "AccessDenied", "Roles may not be assumed by root accounts");
  const auto keys = user_with_keys("ann");
  // The trust names the account: that leaves the decision to the account's own policies.
  EXPECT_EQ(call_as(keys, "AssumeRole", assume).error().reason, "AccessDenied");
  expect("AttachUserPolicy",
         object({{"UserName", "ann"}, {"PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"}}));
  const auto assumed = call_as(keys, "AssumeRole", assume);
  ASSERT_TRUE(assumed) << assumed.error().message;
  const Value& given = (*assumed)["Credentials"];
  const aws::Credentials session{given["AccessKeyId"].string_or(), given["SecretAccessKey"].string_or(),
                                 given["SessionToken"].string_or()};
  EXPECT_TRUE(call_as(session, "ListUsers"));
  EXPECT_EQ(call_as(session, "ListRoles").error().reason, "AccessDenied");
}

TEST_F(IamTest, SealsSecretsAndKeepsThemOverARestart) {
  const auto keys = user_with_keys("ann");
  const auto before = administrator_;
  close();
  std::string all;
  for (const auto& file : std::filesystem::directory_iterator(directory_)) {
    std::ifstream in(file.path(), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    all += text.str();
  }
  EXPECT_NE(all.find(keys.access_key_id), std::string::npos) << "the test looks in the right place";
  for (const std::string& secret : {keys.secret_access_key, before.secret_access_key}) {
    EXPECT_EQ(all.find(secret), std::string::npos);
    EXPECT_EQ(all.find(to_base64(secret)), std::string::npos);
  }
  open();
  EXPECT_EQ(administrator_.secret_access_key, before.secret_access_key);
  EXPECT_TRUE(call_as(keys, "GetCallerIdentity"));
}

TEST_F(IamTest, TagsAndInstanceProfiles) {
  expect("CreateRole", object({{"RoleName", "r"}, {"AssumeRolePolicyDocument", kTrustSageMaker}}));
  expect("TagRole", object({{"RoleName", "r"}, {"Tags", Value::array({object({{"Key", "team"}, {"Value", "ml"}})})}}));
  EXPECT_EQ(expect("ListRoleTags", object({{"RoleName", "r"}}))["Tags"].size(), 1u);
  expect("UntagRole", object({{"RoleName", "r"}, {"TagKeys", Value::array({"team"})}}));
  EXPECT_EQ(expect("ListRoleTags", object({{"RoleName", "r"}}))["Tags"].size(), 0u);
  expect("CreateInstanceProfile", object({{"InstanceProfileName", "p"}}));
  expect("AddRoleToInstanceProfile", object({{"InstanceProfileName", "p"}, {"RoleName", "r"}}));
  refuse("DeleteRole", object({{"RoleName", "r"}}), "DeleteConflict");
  refuse("DeleteInstanceProfile", object({{"InstanceProfileName", "p"}}), "DeleteConflict");
  expect("RemoveRoleFromInstanceProfile", object({{"InstanceProfileName", "p"}, {"RoleName", "r"}}));
  expect("DeleteInstanceProfile", object({{"InstanceProfileName", "p"}}));
  expect("DeleteRole", object({{"RoleName", "r"}}));
}

TEST_F(IamTest, AWrongCallIsNamed) {
  const auto unknown = call("CreateLoginProfile");
  ASSERT_FALSE(unknown) << "an operation that is not served is refused by name";
  EXPECT_FALSE(call_as({"", "", ""}, "ListUsers"));
}

TEST(ManagedPolicies, AreDocuments) {
  ASSERT_FALSE(managed_policies().empty());
  for (const ManagedPolicy& managed : managed_policies()) {
    EXPECT_TRUE(policy::parse_document(managed.document, policy::Kind::identity)) << managed.name;
    EXPECT_EQ(managed_policy(managed.arn), &managed);
  }
  for (const char* name : {"AmazonSageMakerFullAccess", "AmazonS3FullAccess", "AdministratorAccess"}) {
    EXPECT_NE(managed_policy(std::string("arn:aws:iam::aws:policy/") + name), nullptr) << name;
  }
}

TEST(EncryptionKeys, AreNobodyElses) {
  const auto directory = std::filesystem::temp_directory_path() / ("iam-key-" + random_hex(8));
  std::filesystem::create_directories(directory);
  const std::string path = (directory / "key").string();
  EXPECT_EQ(read_encryption_key(path).error().code, Code::not_found);
  const auto key = make_encryption_key(path);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->size(), 32u);
  EXPECT_EQ(*read_encryption_key(path), *key);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::permissions(path, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  EXPECT_FALSE(read_encryption_key(path)) << "a key that others may read is refused";
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace millrace::iam
