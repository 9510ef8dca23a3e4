#include "logs/ops/ops.h"

namespace millrace::logs::ops {

aws::Operation delete_log_group(Store& store) {
  return {"DeleteLogGroup", "logs:DeleteLogGroup", on_group(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.delete_group(group_name(input)));
            return aws::Output();
          }};
}

}  // namespace millrace::logs::ops
