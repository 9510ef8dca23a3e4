#pragma once
// What a fresh cluster and account have before the lab begins: the worker node's role, and the public sample bucket.

#include <atomic>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "db/database.h"
#include "iam/iam.h"
#include "s3/s3.h"

namespace millrace::app {

// The role of the worker nodes, named as eksctl names it:
// eksctl-<cluster>-nodegroup-ng-<8 hex>-NodeInstanceRole-<12 letters and digits>. Made at first use. Returns its ARN.
Result<std::string> ensure_node_role(db::Database& database, iam::Iam& iam, const std::string& cluster_name);

inline constexpr std::string_view kSampleBucket = "sagemaker-sample-files";
inline constexpr std::string_view kSampleKey = "datasets/image/MNIST/mnist.pkl.gz";

// Puts mnist.pkl.gz into the public bucket unless it is there. Takes about a second the first time, many on a busy
// machine. Error cancelled: `stopping` became true; the next start does it.
Status ensure_sample_data(s3::S3& s3, const std::filesystem::path& scratch_directory,
                          const std::atomic<bool>& stopping);

}  // namespace millrace::app
