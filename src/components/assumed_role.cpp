#include "components/assumed_role.h"

#include <chrono>
#include <optional>

#include <fmt/core.h>

namespace millrace::components {
namespace {

constexpr int kDurationSeconds = 3600;
constexpr std::chrono::minutes kRenewBefore{5};

class AssumedRole final : public aws::CredentialsProvider {
 public:
  AssumedRole(std::string role_arn, aws::ClientOptions sts, std::shared_ptr<aws::CredentialsProvider> source,
              const Clock& clock)
      : role_arn_(std::move(role_arn)), clock_(clock), sts_(std::move(sts), std::move(source)) {}

  Result<aws::Credentials> get() override {
    const Time now = clock_.now();
    if (cached_ && now + kRenewBefore < expires_) return *cached_;
    auto answer = sts_.call("AssumeRole", Value::object({{"RoleArn", role_arn_},
                                                         {"RoleSessionName", session_name(now)},
                                                         {"DurationSeconds", kDurationSeconds}}));
    if (!answer) {
      Error error = std::move(answer).error();
      return fail(error.code, fmt::format("An error occurred ({}) when calling the AssumeRole operation: {}",
                                          error.reason, error.message));
    }
    const Value& given = (*answer)["Credentials"];
    cached_ = aws::Credentials{given["AccessKeyId"].string_or(), given["SecretAccessKey"].string_or(),
                               given["SessionToken"].string_or()};
    expires_ = from_epoch_ms(static_cast<std::int64_t>(given["Expiration"].double_or(0) * 1000.0));
    return *cached_;
  }

 private:
  static std::string session_name(Time now) { return fmt::format("botocore-session-{}", to_epoch_ms(now) / 1000); }

  std::string role_arn_;
  const Clock& clock_;
  aws::Client sts_;
  std::optional<aws::Credentials> cached_;
  Time expires_{};
};

}  // namespace

std::shared_ptr<aws::CredentialsProvider> assumed_role(std::string role_arn, aws::ClientOptions sts,
                                                       std::shared_ptr<aws::CredentialsProvider> source,
                                                       const Clock& clock) {
  return std::make_shared<AssumedRole>(std::move(role_arn), std::move(sts), std::move(source), clock);
}

}  // namespace millrace::components
