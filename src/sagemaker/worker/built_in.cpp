#include "base/strings.h"
#include "sagemaker/worker/worker.h"

namespace millrace::sagemaker::worker {

// AWS keeps one registry account a region for these images, and opens new ones; so any account's repository of this
// exact name counts.
std::string built_in_algorithm(const std::string& image) {
  std::string_view name = image;
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return {};
  const auto host = split(name.substr(0, slash), '.');
  const bool registry = host.size() >= 6 && host[0].size() == 12 &&
                        host[0].find_first_not_of("0123456789") == std::string_view::npos && host[1] == "dkr" &&
                        host[2] == "ecr" && host[4] == "amazonaws";
  if (!registry) return {};
  name.remove_prefix(slash + 1);
  name = name.substr(0, name.find_first_of(":@"));
  return name == "kmeans" ? std::string(name) : std::string();
}

}  // namespace millrace::sagemaker::worker
