#include "components/training_image.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::components {
namespace {

// Each algorithm's images lie in one of four families of registries.
enum class Family { first_party, deep_learning, forecasting, topics };

// Registry accounts of a region; empty where the family is not there.
struct Registries {
  std::string_view region, first_party, deep_learning, forecasting, topics;
};
constexpr Registries kRegistries[] = {
    {"af-south-1", "455444449433", "455444449433", "455444449433", ""},
    {"ap-east-1", "286214385809", "286214385809", "286214385809", ""},
    {"ap-northeast-1", "351501993468", "501404015308", "633353088612", "258307448986"},
    {"ap-northeast-2", "835164637446", "306986355934", "204372634319", "293181348795"},
    {"ap-northeast-3", "364406365360", "364406365360", "364406365360", ""},
    {"ap-south-1", "991648021394", "991648021394", "991648021394", "991648021394"},
    {"ap-southeast-1", "475088953585", "475088953585", "475088953585", "475088953585"},
    {"ap-southeast-2", "712309505854", "544295431143", "514117268639", "297031611018"},
    {"ca-central-1", "469771592824", "469771592824", "469771592824", "469771592824"},
    {"cn-north-1", "390948362332", "390948362332", "390948362332", ""},
    {"cn-northwest-1", "387376663083", "387376663083", "387376663083", ""},
    {"eu-central-1", "664544806723", "813361260812", "495149712605", "353608530281"},
    {"eu-north-1", "669576153137", "669576153137", "669576153137", ""},
    {"eu-south-1", "257386234256", "257386234256", "257386234256", ""},
    {"eu-west-1", "438346466558", "685385470294", "224300973850", "999678624901"},
    {"eu-west-2", "644912444149", "644912444149", "644912444149", "644912444149"},
    {"eu-west-3", "749696950732", "749696950732", "749696950732", ""},
    {"me-south-1", "249704162688", "249704162688", "249704162688", ""},
    {"sa-east-1", "855470959533", "855470959533", "855470959533", ""},
    {"us-east-1", "382416733822", "811284229777", "522234722520", "766337827248"},
    {"us-east-2", "404615174143", "825641698319", "566113047672", "999911452149"},
    {"us-gov-west-1", "226302683700", "226302683700", "226302683700", "226302683700"},
    {"us-iso-east-1", "490574956308", "490574956308", "490574956308", "490574956308"},
    {"us-west-1", "632365934929", "632365934929", "632365934929", "632365934929"},
    {"us-west-2", "174872318107", "433757028032", "156387875391", "266724342769"},
};

struct Algorithm {
  std::string_view title;  // as people write it, in lower case
  std::string_view name;   // the image's repository
  std::optional<Family> family;
};
constexpr Algorithm kAlgorithms[] = {
    {"blazingtext", "blazingtext", Family::deep_learning},
    {"deepar forecasting", "forecasting-deepar", Family::forecasting},
    {"factorization machines", "factorization-machines", Family::first_party},
    {"image classification", "image-classification", Family::deep_learning},
    {"ip insights", "ipinsights", Family::first_party},
    {"k-means", "kmeans", Family::first_party},
    {"k-nearest neighbors", "knn", Family::first_party},
    {"k-nn", "knn", Family::first_party},
    {"lda", "lda", Family::topics},
    {"linear learner", "linear-learner", Family::first_party},
    {"neural topic model", "ntm", Family::first_party},
    {"object2vec", "object2vec", Family::first_party},
    {"object detection", "object-detection", Family::deep_learning},
    {"pca", "pca", Family::first_party},
    {"random cut forest", "randomcutforest", Family::first_party},
    {"semantic segmentation", "semantic-segmentation", Family::deep_learning},
    {"sequence to sequence", "seq2seq", Family::deep_learning},
    {"seq2seq modeling", "seq2seq", Family::deep_learning},
    {"xgboost", "xgboost", std::nullopt},  // has many versions
};

std::string_view account(const Registries& registries, Family family) {
  switch (family) {
    case Family::first_party:
      return registries.first_party;
    case Family::deep_learning:
      return registries.deep_learning;
    case Family::forecasting:
      return registries.forecasting;
    case Family::topics:
      return registries.topics;
  }
  return {};
}

}  // namespace

std::string_view registry_domain(std::string_view region) {
  if (region.starts_with("cn-")) return "amazonaws.com.cn";
  if (region.starts_with("us-iso-")) return "c2s.ic.gov";
  return "amazonaws.com";
}

std::optional<std::string> built_in_algorithm(std::string_view name) {
  const std::string wanted = to_lower(trim(name));
  for (const Algorithm& algorithm : kAlgorithms) {
    if (wanted == algorithm.title || wanted == algorithm.name) return std::string(algorithm.name);
  }
  return std::nullopt;
}

Result<std::string> training_image(std::string_view name, std::string_view region) {
  const auto* algorithm = std::ranges::find(kAlgorithms, name, &Algorithm::name);
  const auto* registries = std::ranges::find(kRegistries, region, &Registries::region);
  if (algorithm != std::end(kAlgorithms) && !algorithm->family) {
    return fail(Code::invalid_argument,
                fmt::format("The algorithm {} has several versions: give its training image as --image.", name));
  }
  if (algorithm == std::end(kAlgorithms) || registries == std::end(kRegistries) ||
      account(*registries, *algorithm->family).empty()) {
    return fail(Code::invalid_argument,
                fmt::format("No image of the algorithm {} is known in region {}: give it as --image.", name, region));
  }
  return fmt::format("{}.dkr.ecr.{}.{}/{}:1", account(*registries, *algorithm->family), region, registry_domain(region),
                     name);
}

}  // namespace millrace::components
