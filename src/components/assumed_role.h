#pragma once
#include <memory>
#include <string>

#include "aws/client.h"
#include "aws/credentials.h"
#include "base/time.h"

namespace millrace::components {

// Credentials from sts:AssumeRole (one hour at a time), asked for with `source` and renewed five minutes before they
// expire. `sts` names the endpoint. Errors: those of AssumeRole.
std::shared_ptr<aws::CredentialsProvider> assumed_role(std::string role_arn, aws::ClientOptions sts,
                                                       std::shared_ptr<aws::CredentialsProvider> source,
                                                       const Clock& clock);

}  // namespace millrace::components
