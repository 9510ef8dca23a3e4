#include "sagemaker/ops/ops.h"

#include "sagemaker/errors.h"

namespace millrace::sagemaker {

aws::Operation delete_model(Ops& ops) {
  return {"DeleteModel", "sagemaker:DeleteModel", resource_named(ops, Kind::model),
          [&ops](aws::Call&, const Value& input) -> Result<aws::Output> {
            const std::string name = input["ModelName"].string_or();
            if (!MR_TRY(ops.world.store.erase(Kind::model, name))) {
              return fail(no_such(Kind::model, name, arn_of(ops.world.place, Kind::model, name)));
            }
            ops.world.changed(Kind::model, name);
            return aws::Output();
          }};
}

}  // namespace millrace::sagemaker
