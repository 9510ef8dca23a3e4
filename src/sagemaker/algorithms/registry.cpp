#include "sagemaker/algorithms/registry.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/strings.h"

namespace millrace::sagemaker::built_in {
namespace {

struct EcrImage {
  std::string_view account, region, repository, tag;
};

// "382416733822.dkr.ecr.us-east-1.amazonaws.com/name:1"; nullopt for an image of another kind of registry.
std::optional<EcrImage> parse_image(std::string_view image) {
  const std::size_t slash = image.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto host = split(image.substr(0, slash), '.');
  const bool registry = host.size() >= 6 && host[0].size() == 12 &&
                        host[0].find_first_not_of("0123456789") == std::string_view::npos && host[1] == "dkr" &&
                        host[2] == "ecr" && host[4] == "amazonaws";
  if (!registry) return std::nullopt;
  const std::string_view rest = image.substr(slash + 1);
  const std::size_t end = rest.find_first_of(":@");
  EcrImage out{host[0], host[3], rest.substr(0, end), {}};
  if (end != std::string_view::npos && rest[end] == ':') {
    out.tag = rest.substr(end + 1);
    out.tag = out.tag.substr(0, out.tag.find('@'));
  }
  return out;
}

bool has(std::span<const std::string_view> list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

bool is_of(const Images& images, const EcrImage& image) {
  if (!has(images.repositories, image.repository)) return false;
  if (!image.tag.empty() && !has(images.tags, image.tag)) return false;
  const auto known = std::ranges::find(images.registries, image.region, &RegistryAccount::region);
  return known == images.registries.end() || known->account == image.account;
}

}  // namespace

std::string names_of_all() {
  std::vector<std::string> names;
  for (const Algorithm* algorithm : all_algorithms()) names.emplace_back(algorithm->info().name);
  return join(names, ", ");
}

const Algorithm* find_algorithm(std::string_view name) {
  for (const Algorithm* algorithm : all_algorithms()) {
    if (algorithm->info().name == name) return algorithm;
  }
  return nullptr;
}

Result<const Algorithm*> require_algorithm(std::string_view name) {
  if (const Algorithm* found = find_algorithm(name)) return found;
  return fail(Code::unimplemented,
              fmt::format("there is no built-in algorithm '{}' here; there is {}", name, names_of_all()));
}

const Algorithm* algorithm_of_image(std::string_view image) {
  const auto parsed = parse_image(image);
  if (!parsed) return nullptr;
  for (const Algorithm* algorithm : all_algorithms()) {
    if (is_of(algorithm->info().images, *parsed)) return algorithm;
  }
  return nullptr;
}

}  // namespace millrace::sagemaker::built_in
