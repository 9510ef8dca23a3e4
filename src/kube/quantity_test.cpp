#include "kube/quantity.h"

#include <gtest/gtest.h>

namespace millrace::kube {
namespace {

// What `kubectl create --dry-run=server -o jsonpath` of a kube-apiserver 1.37 gives for a container's requests.
TEST(Quantity, IsWrittenAsAnApiServerDoes) {
  const std::pair<const char*, const char*> kCases[] = {
      {"0", "0"},        {"1", "1"},         {"0.5", "500m"},     {"1.5", "1500m"},  {"2.0", "2"},
      {"1000m", "1"},    {"2500m", "2500m"}, {"100", "100"},      {"1000", "1k"},    {"1024Mi", "1Gi"},
      {"64Mi", "64Mi"},  {"0.5Gi", "512Mi"}, {"1.5Gi", "1536Mi"}, {"1000M", "1G"},   {"2500M", "2500M"},
      {"0.25Ki", "256"}, {"0.0005", "500u"}, {"1e3", "1e3"},      {"-1", "-1"},      {"", ""},
      {"many", "many"},  {"1.2.3", "1.2.3"}, {"3G", "3G"},        {"0.1", "100m"},   {"1.0Mi", "1Mi"},
      {"00.50", "500m"}, {"0.3Ki", "308"},   {"1Zi", "1Zi"},      {"4096Pi", "4Ei"}, {"0Mi", "0"},
  };
  for (const auto& [given, wanted] : kCases) EXPECT_EQ(canonical_quantity(given), wanted) << given;
}

}  // namespace
}  // namespace millrace::kube
