#include "app/controller_client.h"

#include <fmt/core.h>

namespace millrace::app {
namespace {

constexpr std::string_view kPodIdentity = "pods.eks.amazonaws.com";
constexpr std::string_view kTrust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}]})";
constexpr std::string_view kPolicy = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
constexpr std::chrono::seconds kSession{3600};
constexpr std::chrono::minutes kRenewBefore{5};

class RoleCredentials final : public aws::CredentialsProvider {
 public:
  RoleCredentials(iam::Iam& iam, const Clock& clock, std::string role_arn)
      : iam_(iam), clock_(clock), role_arn_(std::move(role_arn)) {}
  Result<aws::Credentials> get() override {
    if (session_.expires - kRenewBefore <= clock_.now())
      session_ = MR_TRY(iam_.issue_session(role_arn_, kPodIdentity, kControllerRole, kSession, ""));
    return session_.credentials;
  }

 private:
  iam::Iam& iam_;
  const Clock& clock_;
  std::string role_arn_;
  iam::SessionCredentials session_;
};

}  // namespace

ControllerClient::ControllerClient(iam::Iam& iam, const Clock& clock, Options options)
    : iam_(iam),
      options_(std::move(options)),
      credentials_(std::make_shared<RoleCredentials>(
          iam, clock, fmt::format("arn:aws:iam::{}:role/{}", options_.account, kControllerRole))) {}

std::unique_ptr<aws::Client> ControllerClient::client(std::string_view service,
                                                      std::shared_ptr<aws::CredentialsProvider> credentials) const {
  // Whoever calls tries again in its own time.
  aws::ClientOptions options{std::string(service), options_.region, options_.endpoint};
  options.max_attempts = 1;
  return std::make_unique<aws::Client>(std::move(options), std::move(credentials));
}

// A role that is there is left as it is: its policies may be the operator's.
Status ControllerClient::ensure_role() {
  if (has_role_) return {};
  const auto iam = client("iam", aws::static_credentials(MR_TRY(iam_.administrator())));
  const Value name = Value::object({{"RoleName", kControllerRole}});
  const auto there = iam->call("GetRole", name);
  if (!there && there.error().code != Code::not_found) return fail(there.error());
  if (!there) {
    Value role = name;
    role.set("AssumeRolePolicyDocument", kTrust)
        .set("Description", "The controllers of the custom resources of sagemaker.services.k8s.aws");
    MR_TRY(iam->call("CreateRole", role));
    Value attached = name;
    MR_TRY(iam->call("AttachRolePolicy", attached.set("PolicyArn", kPolicy)));
  }
  has_role_ = true;
  return {};
}

Result<Value> ControllerClient::call(std::string_view service, std::string_view operation, const Value& input) {
  MR_TRY(ensure_role());
  auto found = clients_.find(service);
  if (found == clients_.end()) found = clients_.emplace(std::string(service), client(service, credentials_)).first;
  auto answer = found->second->call(operation, input);
  // Somebody deleted the role: it is made anew with the next call.
  if (!answer && answer.error().reason.empty()) has_role_ = false;
  return answer;
}

}  // namespace millrace::app
