#pragma once
// Where IAM and STS depart from the others: global services, and IAM's words for what a name is made of.

#include "aws/gateway.h"

namespace millrace::iam {

aws::Dialect iam_dialect();
aws::Dialect sts_dialect();

}  // namespace millrace::iam
