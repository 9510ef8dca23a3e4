#include "logs/ops/ops.h"

namespace millrace::logs::ops {

aws::Operation create_log_stream(Store& store) {
  return {"CreateLogStream", "logs:CreateLogStream", on_stream(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.create_stream(group_name(input), stream_name(input)));
            return aws::Output();
          }};
}

}  // namespace millrace::logs::ops
