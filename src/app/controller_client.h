#pragma once
// The AWS client of the controllers of custom resources: it acts as a role of their own, as AWS's controllers for
// Kubernetes do in a cluster (EKS Pod Identity). The role is made, with AmazonSageMakerFullAccess, at the first call;
// an operator may give it other policies.

#include <map>
#include <memory>
#include <string>

#include "aws/client.h"
#include "iam/iam.h"
#include "kube/aws_resources/aws_api.h"

namespace millrace::app {

inline constexpr const char* kControllerRole = "ack-sagemaker-controller";

class ControllerClient final : public kube::AwsApi {
 public:
  struct Options {
    std::string endpoint, account, region;
  };
  ControllerClient(iam::Iam& iam, const Clock& clock, Options options);
  // For one thread.
  Result<Value> call(std::string_view service, std::string_view operation, const Value& input) override;
  std::string account() const override { return options_.account; }
  std::string region() const override { return options_.region; }

 private:
  std::unique_ptr<aws::Client> client(std::string_view service,
                                      std::shared_ptr<aws::CredentialsProvider> credentials) const;
  Status ensure_role();

  iam::Iam& iam_;
  Options options_;
  std::shared_ptr<aws::CredentialsProvider> credentials_;
  bool has_role_ = false;
  std::map<std::string, std::unique_ptr<aws::Client>, std::less<>> clients_;
};

}  // namespace millrace::app
