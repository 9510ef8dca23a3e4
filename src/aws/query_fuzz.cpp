// The Query protocol's decoder with the shapes of every operation of IAM and STS. The first byte says which.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "aws/codec.h"
#include "net/http.h"

namespace {

struct Input {
  const millrace::aws::ServiceModel* model;
  const millrace::aws::Shape* shape;
};

std::vector<Input> inputs() {
  std::vector<Input> all;
  for (const char* service : {"iam", "sts"}) {
    const auto& model = millrace::aws::service_model(service);
    for (const auto& [name, operation] : model.operations) {
      if (operation.input != nullptr) all.push_back({&model, operation.input});
    }
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<Input> all = inputs();
  if (size == 0) return 0;
  const Input& input = all[data[0] % all.size()];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto form = millrace::net::parse_query(text);
  (void)millrace::aws::validate(*input.model, *input.shape, millrace::aws::read_query(*input.shape, form));
  return 0;
}
