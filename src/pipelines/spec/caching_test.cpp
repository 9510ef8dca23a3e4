#include "pipelines/spec/caching.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::pipelines {
namespace {

TEST(Caching, IsOffInEveryComponent) {
  Value bare = *parse_json(R"({"root":{"dag":{"tasks":{"a":{"cachingOptions":{"enableCache":true}},"b":{}}}},
    "components":{"inner":{"dag":{"tasks":{"c":{"cachingOptions":{"enableCache":true,"cacheKey":"k"}}}}},
                  "leaf":{"executorLabel":"e"}}})");
  Value wrapped = Value::object({{"pipeline_spec", bare}, {"platform_spec", Value::object()}});
  disable_caching(bare);
  disable_caching(wrapped);
  EXPECT_EQ(to_json(bare).find("enableCache"), std::string::npos);
  EXPECT_TRUE(bare["components"]["inner"]["dag"]["tasks"]["c"].has("cachingOptions"));
  EXPECT_EQ(bare["components"]["leaf"]["executorLabel"].string_or(), "e");
  EXPECT_EQ(wrapped["pipeline_spec"], bare);
}

TEST(Caching, OfWhatIsNoPipelineNothingChanges) {
  for (const char* text : {"{}", "[1]", R"({"root":{"dag":{"tasks":[1]}},"components":"x"})"}) {
    Value value = *parse_json(text);
    const Value before = value;
    disable_caching(value);
    EXPECT_EQ(value, before) << text;
  }
}

}  // namespace
}  // namespace millrace::pipelines
