// Patches, selectors, sets of fields, ages, protobuf: what has a form of its own.
#include <random>

#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/json.h"
#include "kube/field_set.h"
#include "kube/patch.h"
#include "kube/protobuf.h"
#include "kube/resource.h"
#include "kube/selector.h"

namespace millrace::kube {
namespace {

TEST(Patches, FollowTheirSpecifications) {
  struct Case {
    const char* type;
    const char* object;
    const char* patch;
    const char* result;  // null: refused
  };
  const Case cases[] = {
      {"merge-patch", R"({"a":"b","c":{"d":"e","f":"g"}})", R"({"a":"z","c":{"f":null}})",
       R"({"a":"z","c":{"d":"e"}})"},
      {"merge-patch", R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {"merge-patch", R"({"a":"foo"})", "null", nullptr},
      {"json-patch", R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])",
       R"({"foo":"bar","baz":"qux"})"},
      {"json-patch", R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2,3]})"},
      {"json-patch", R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])", R"({"a":[1,2]})"},
      {"json-patch", R"({"a":[1]})", R"([{"op":"add","path":"/a/9","value":2}])", nullptr},
      {"json-patch", R"({"a/b":1,"m~n":2})",
       R"([{"op":"replace","path":"/a~1b","value":3},{"op":"test","path":"/m~0n","value":2}])", R"({"a/b":3,"m~n":2})"},
      {"json-patch", R"({"a":1})", R"([{"op":"test","path":"/a","value":2}])", nullptr},
      {"json-patch", R"({"a":1})", R"([{"op":"remove","path":"/b"}])", nullptr},
      {"json-patch", R"({"a":{"b":1}})",
       R"([{"op":"move","from":"/a/b","path":"/c"},{"op":"copy","from":"/c","path":"/d"}])", R"({"a":{},"c":1,"d":1})"},
      {"json-patch", R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", nullptr},
      {"strategic-merge-patch", R"({"m":{"finalizers":["x","y"]}})",
       R"({"m":{"$deleteFromPrimitiveList/finalizers":["x"],"finalizers":["z"]}})",
       R"({"m":{"finalizers":["y","z"]}})"},
      {"strategic-merge-patch", R"({"data":{"a":"1","b":"2"}})", R"({"data":{"$patch":"replace","c":"3"}})",
       R"({"data":{"c":"3"}})"},
      {"strategic-merge-patch", R"({"ownerReferences":[{"uid":"1","name":"a"}]})",
       R"({"ownerReferences":[{"uid":"1","$patch":"delete"},{"uid":"2"}]})", R"({"ownerReferences":[{"uid":"2"}]})"},
      {"strategic-merge-patch", "{}", R"({"x":{"$patch":"other"}})", nullptr},
  };
  for (const Case& c : cases) {
    const auto result =
        apply_patch(*parse_json(c.object), std::string("application/") + c.type + "+json", *parse_json(c.patch), false);
    if (c.result == nullptr) {
      EXPECT_FALSE(result) << c.patch;
    } else {
      ASSERT_TRUE(result) << c.patch << ": " << result.error().message;
      EXPECT_EQ(*result, *parse_json(c.result)) << c.patch << " gave " << to_json(*result);
    }
  }
}

TEST(FieldSets, SurviveTheirWireForm) {
  const char* forms[] = {R"({})", R"({"f:data":{".":{},"f:a":{},"f:a.b":{}}})", R"({"f:type":{}})",
                         R"({"f:metadata":{"f:finalizers":{".":{},"v:\"x/y\"":{}},"f:labels":{"f:a":{}}}})",
                         R"({"f:secrets":{"k:{\"name\":\"s\"}":{".":{},"f:name":{}}}})"};
  for (const char* form : forms) EXPECT_EQ(to_fields_v1(from_fields_v1(*parse_json(form))), *parse_json(form)) << form;
  EXPECT_EQ(readable({"f:secrets", R"(k:{"name":"s"})", "f:name"}), ".secrets[name=\"s\"].name");
}

TEST(Selectors, FollowTheGrammar) {
  const Value object =
      *parse_json(R"({"metadata":{"name":"n","labels":{"a":"1","b":""}},"status":{"phase":"Running"}})");
  const std::pair<const char*, bool> labels[] = {{"a=1", true},          {"a==1", true},
                                                 {"a!=1", false},        {"a!=2", true},
                                                 {"c!=2", true},         {"a", true},
                                                 {"!a", false},          {"!c", true},
                                                 {"b=", true},           {"a in (1, 2),b", true},
                                                 {"a notin (1)", false}, {"c notin (1)", true},
                                                 {"c in (1)", false},    {"a>0", true},
                                                 {"a<1", false},         {"", true}};
  for (const auto& [text, matches] : labels) {
    const auto selector = Selector::parse(text, "", {});
    ASSERT_TRUE(selector) << text;
    EXPECT_EQ(selector->matches(object), matches) << text;
  }
  for (const char* bad : {"a b", "a in 1", "=x", "a over (1)", "a in (1"})
    EXPECT_FALSE(Selector::parse(bad, "", {})) << bad;
  const std::pair<const char*, const char*> says[] = {
      {"a in (b", "unable to parse requirement: found '', expected: ',' or ')'"},
      {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
      {"a=b c", "found 'c', expected: ',' or 'end of string'"},
      {"a,", "found '', expected: identifier after ','"},
      {"a>x",
       "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an "
       "integer"}};
  for (const auto& [bad, words] : says) EXPECT_EQ(Selector::parse(bad, "", {}).error().message, words);
  EXPECT_TRUE(Selector::parse("", "status.phase!=Failed", {"status.phase"})->matches(object));
  EXPECT_FALSE(Selector::parse("", "status.phase=Failed", {"status.phase"})->matches(object));
}

TEST(Ages, ReadLikeKubectls) {
  const std::pair<std::int64_t, const char*> cases[] = {{0, "0s"},       {119, "119s"},     {125, "2m5s"},
                                                        {660, "11m"},    {3 * 3600, "3h"},  {3 * 3600 + 720, "3h12m"},
                                                        {86'400, "24h"}, {3 * 86'400, "3d"}};
  for (const auto& [seconds, text] : cases) EXPECT_EQ(short_duration(std::chrono::seconds(seconds)), text);
}

// Secret a in kubeflow with data k: v, as kubectl create secret generic sends it.
std::string protobuf_secret() {
  const auto field = [](int number, std::string_view bytes) {
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + std::string(bytes);
  };
  const std::string metadata = field(1, "a") + field(3, "") + field(3, "kubeflow");
  const std::string secret = field(1, metadata) + field(2, field(1, "k") + field(2, "v")) + field(3, "Opaque");
  return std::string("k8s\0", 4) + field(1, field(1, "v1") + field(2, "Secret")) + field(2, secret) + field(3, "") +
         field(4, "");
}

TEST(Protobuf, ReadsWhatTypedClientsSend) {
  const auto secret = from_protobuf(protobuf_secret());
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->at("kind").string_or(), "Secret");
  EXPECT_EQ(secret->at("metadata").at("name").string_or(), "a");
  EXPECT_EQ(secret->at("data").at("k").string_or(), "dg==");
  EXPECT_FALSE(from_protobuf("k8s"));
  EXPECT_FALSE(from_protobuf(std::string("k8s\0\x0a\x7f", 6)));
}

TEST(Protobuf, SurvivesAnyBytes) {
  const auto seed = static_cast<std::uint32_t>(random_u64());
  std::mt19937 random(seed);
  RecordProperty("seed", static_cast<int>(seed));
  const std::string good = protobuf_secret();
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (auto n = random() % 4; n > 0; --n) bytes[4 + random() % (bytes.size() - 4)] = static_cast<char>(random());
    bytes.resize(random() % 3 == 0 ? random() % (bytes.size() + 1) : bytes.size());
    (void)from_protobuf(bytes);
  }
}

}  // namespace
}  // namespace millrace::kube
