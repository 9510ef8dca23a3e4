#include "base/python_text.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace {
namespace {

TEST(PythonText, WritesJson) {
  const Value value =
      *parse_json(R"({"k":"10","n":1,"f":1.0,"b":true,"none":null,"l":["a",2],"o":{},"t":"é\"\n\u0001😀"})");
  EXPECT_EQ(python_json(value), R"({"k": "10", "n": 1, "f": 1.0, "b": true, "none": null, "l": ["a", 2], "o": {}, )"
                                R"("t": "\u00e9\"\n\u0001\ud83d\ude00"})");
}

TEST(PythonText, WritesSortedJson) {
  EXPECT_EQ(python_sorted_json(*parse_json(R"({"b":[1,"é"],"a":{"d":null,"c":1.5}})")),
            R"({"a":{"c":1.5,"d":null},"b":[1,"\u00e9"]})");
}

TEST(PythonText, WritesStr) {
  EXPECT_EQ(python_str("as it is"), "as it is");
  EXPECT_EQ(python_str(Value()), "None");
  const Value value =
      *parse_json(R"({"s3":"s3://b","b":[true,false],"n":null,"f":0.5,"q":"it's","w":"it's \"so\"","t":"a\nb\\c é"})");
  EXPECT_EQ(python_str(value),
            "{'s3': 's3://b', 'b': [True, False], 'n': None, 'f': 0.5, 'q': \"it's\", 'w': 'it\\'s \"so\"', "
            "'t': 'a\\nb\\\\c é'}");
}

TEST(PythonText, KnowsWhatIsTrue) {
  for (const char* falsy : {"null", "false", "0", "0.0", "\"\"", "[]", "{}"})
    EXPECT_FALSE(python_truth(*parse_json(falsy))) << falsy;
  for (const char* truthy : {"true", "1", "-0.5", "\"False\"", "[0]", "{\"a\":null}"})
    EXPECT_TRUE(python_truth(*parse_json(truthy))) << truthy;
}

}  // namespace
}  // namespace millrace
