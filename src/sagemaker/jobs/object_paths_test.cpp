#include "sagemaker/jobs/object_paths.h"

#include <gtest/gtest.h>

namespace millrace::sagemaker {
namespace {

TEST(ObjectPaths, LieBelowTheInputsFolder) {
  struct Case {
    std::string_view prefix, key, path;  // path empty: refused
  };
  const Case cases[] = {
      {"data/", "data/a/b.csv", "a/b.csv"},
      {"data/x.csv", "data/x.csv", "x.csv"},
      {"data/tr", "data/train.csv", "train.csv"},
      {"data", "data/a.csv", "a.csv"},
      {"", "a/b", "a/b"},
      {"base/train_data", "base/train_data", "train_data"},
      {"base/train_data", "base/train_data/part-0", "part-0"},
      {"x", "x", "x"},
      {"data/", "data/../../etc/passwd", ""},
      {"data/", "data//a", ""},
      {"", "/etc/passwd", ""},
      {"data/", "data/./a", ""},
  };
  for (const auto& c : cases) {
    const auto path = relative_object_path(c.prefix, c.key);
    EXPECT_EQ(path ? *path : std::string(), c.path) << c.prefix << " + " << c.key;
    EXPECT_EQ(path.has_value(), !c.path.empty());
  }
}

TEST(ObjectPaths, ManifestNamesObjects) {
  const auto entries = parse_manifest(R"([{"prefix": "s3://b/p/"}, "a.csv", "d/e.csv"])");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[1].uri, "s3://b/p/d/e.csv");
  EXPECT_EQ((*entries)[1].path, "d/e.csv");
  for (const auto* bad :
       {"{", "[]", R"(["a"])", R"([{"prefix": "s3://b/"}, "../a"])", R"([{"prefix": "s3://b/"}, 3])"}) {
    EXPECT_FALSE(parse_manifest(bad)) << bad;
  }
}

TEST(ObjectPaths, LocalPathsLieBelowOptMl) {
  EXPECT_EQ(below_opt_ml("/opt/ml/processing/input/")->string(), "processing/input");
  for (const auto* bad : {"/opt/ml", "/opt/ml/", "/opt/ml/../x", "/etc", "relative", ""}) {
    EXPECT_FALSE(below_opt_ml(bad)) << bad;
  }
}

TEST(ObjectPaths, UrisAreJoinedWithOneSlash) {
  EXPECT_EQ(join_uri("s3://b/base/", "a"), "s3://b/base/a");
  EXPECT_EQ(join_uri("s3://b/base", "a"), "s3://b/base/a");
  EXPECT_EQ(join_uri("s3://b", "a"), "s3://b/a");
}

}  // namespace
}  // namespace millrace::sagemaker
