#pragma once
// One input channel (a directory of files, File mode) as a table of rows.

#include <filesystem>
#include <string_view>

#include "algorithms/rows.h"
#include "algorithms/team.h"
#include "base/result.h"

namespace millrace::sagemaker::built_in {

// Reads every regular file beneath `directory`, in the order of their paths. content_type: text/csv, or anything
// else for RecordIO-protobuf (check_channels has looked). CSV's first label_size columns (1 unless the parameter says
// 0) are left out, as SageMaker does. Every row must have `feature_dim` features. Errors: invalid_argument naming
// channel, file and place; not_found when there is no data.
Result<algorithms::Rows> load_channel(std::string_view channel, const std::filesystem::path& directory,
                                      std::string_view content_type, std::size_t feature_dim, algorithms::Team& team);

}  // namespace millrace::sagemaker::built_in
