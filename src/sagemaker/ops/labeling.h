#pragma once
// Labelling of data by people: teams are records, jobs are refused.

#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation create_workteam(Ops& ops);
aws::Operation create_labeling_job(Ops& ops);

}  // namespace millrace::sagemaker
