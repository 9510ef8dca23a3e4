#pragma once
// From a Create request to what is stored: defaults filled in, what SageMaker refuses refused, what we do not do
// refused in one sentence. Pure: the database, the role and the bucket are looked at by the operations.

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "sagemaker/jobs/hosts.h"
#include "sagemaker/resource.h"
#include "sagemaker/store.h"

namespace millrace::sagemaker {

Result<Resource> build_training_job(const AccountRegion& account_region, const Value& request, Time now);
Result<Resource> build_processing_job(const AccountRegion& account_region, const Value& request, Time now);
// `model`: the Describe document of the model it names.
Result<Resource> build_transform_job(const AccountRegion& account_region, const Value& request, const Value& model,
                                     Time now);
Result<Resource> build_tuning_job(const AccountRegion& account_region, const Value& request, std::uint64_t random_seed,
                                  Time now);
Result<Resource> build_model(const AccountRegion& account_region, const Value& request, Time now);
Result<Resource> build_endpoint_config(const AccountRegion& account_region, const Value& request, Time now);

// The training job that a tuning job's trial is.
Result<Resource> build_trial(const AccountRegion& account_region, const Resource& tuning_job, std::size_t index,
                             const Value& tuned_parameters, Time now);

// [{Key, Value}] → tags. Errors: a key given twice, "aws:" keys, more than 50.
Result<Tags> parse_tags(const Value& list);
Value tags_to_list(const Tags& tags);

// One machine is what there is, which runs at most `limit` instances as processes: a job that asks for more gets AWS's
// quota sentence.
Status check_instances(const Value& type, const Value& count, std::string_view usage, std::int64_t limit = 1);
// Hosts of an isolated job would not reach each other.
Status check_isolation(const Value& instances, const Value& isolated);
Status check_s3_uri(std::string_view member, const Value& uri);

}  // namespace millrace::sagemaker
