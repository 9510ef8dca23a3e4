#include "sagemaker/serving/model_error.h"

#include <fmt/core.h>

#include "sagemaker/printable.h"

namespace millrace::sagemaker {
namespace {
constexpr std::size_t kMaxShown = 1024;  // bytes
}

std::string original_message(const InvocationAnswer& answer) {
  return printable(std::string_view(answer.body).substr(0, kMaxShown));
}

std::string model_error_message(const AccountRegion& here, const std::string& endpoint,
                                const InvocationAnswer& answer) {
  return fmt::format(
      "Received {0} error ({1}) from {6} with message \"{2}\". See https://{3}.console.aws.amazon.com/cloudwatch/"
      "home?region={3}#logEventViewer:group=/aws/sagemaker/Endpoints/{4} in account {5} for more information.",
      answer.status >= 500 ? "server" : "client", answer.status, original_message(answer), here.region, endpoint,
      here.account, answer.container);
}

}  // namespace millrace::sagemaker
