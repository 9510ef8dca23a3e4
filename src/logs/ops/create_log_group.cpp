#include "logs/ops/ops.h"

namespace millrace::logs::ops {

aws::Operation create_log_group(Store& store) {
  return {"CreateLogGroup", "logs:CreateLogGroup", on_group(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.create_group(group_name(input)));
            return aws::Output();
          }};
}

}  // namespace millrace::logs::ops
