#include "logs/ops/ops.h"

namespace millrace::logs::ops {

aws::Operation delete_retention_policy(Store& store) {
  return {"DeleteRetentionPolicy", "logs:DeleteRetentionPolicy", on_group(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.set_retention(group_name(input), std::nullopt));
            return aws::Output();
          }};
}

}  // namespace millrace::logs::ops
