#include <algorithm>
#include <array>

#include "logs/ops/ops.h"

namespace millrace::logs::ops {
namespace {

// The API reference's "Possible values".
constexpr std::array kDays = {1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                              365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};

}  // namespace

aws::Operation put_retention_policy(Store& store) {
  return {"PutRetentionPolicy", "logs:PutRetentionPolicy", on_group(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            const auto days = input["retentionInDays"].int_or(0);
            if (std::find(kDays.begin(), kDays.end(), days) == kDays.end()) {
              return invalid_parameter("retentionInDays is not one of the periods that can be chosen");
            }
            MR_TRY(store.set_retention(group_name(input), static_cast<int>(days)));
            return aws::Output();
          }};
}

}  // namespace millrace::logs::ops
