#include "logs/logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"

namespace millrace::logs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LogsTest : public testing::Test {
 protected:
  void SetUp() override {
    database_ = std::move(*db::Database::open((dir_.path() / "logs.db").string()));
    logs_ = std::move(*Logs::open(*database_, clock_, "123456789012", "us-east-1"));
    service_ = logs_->service();
  }
  Result<Value> call(std::string_view name, const Value& input) {
    for (const auto& operation : service_.operations) {
      if (operation.name != name) continue;
      aws::Call call;
      call.account = "123456789012";
      call.region = "us-east-1";
      resources_ = operation.resources(call, input);
      return operation.handle(call, input).map([](aws::Output output) { return std::move(output.members); });
    }
    return fail(Code::unimplemented, std::string(name));
  }
  Value must(std::string_view name, const Value& input) {
    auto result = call(name, input);
    EXPECT_TRUE(result) << name << ": " << result.error().message;
    return result.value_or(Value());
  }
  std::string reason(std::string_view name, const Value& input) {
    const auto result = call(name, input);
    return result ? "succeeded" : result.error().reason;
  }
  void append(const std::string& group, const std::string& stream, std::initializer_list<std::string> messages) {
    std::vector<Event> events;
    for (const auto& message : messages) {
      events.push_back({clock_.now(), message});
      clock_.advance(Millis(1));
    }
    const auto status = logs_->append(group, stream, events);
    ASSERT_TRUE(status) << status.error().message;
  }
  static std::vector<std::string> column(const Value& list, std::string_view name) {
    std::vector<std::string> out;
    for (const auto& item : list.items()) out.push_back(item[name].string_or());
    return out;
  }

  TempDir dir_ = std::move(*TempDir::make("logs"));
  FakeClock clock_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Logs> logs_;
  aws::Service service_;
  std::vector<std::string> resources_;
};

const Value kGroup = Value::object({{"logGroupName", "/aws/x"}});
const Value kStream = Value::object({{"logGroupName", "/aws/x"}, {"logStreamName", "job/1"}});

TEST_F(LogsTest, AppendMakesGroupAndStreamAndReadFollows) {
  append("/aws/x", "job/1", {"a", "b"});
  append("/aws/x", "job/1", {"c"});
  const auto all = *logs_->read("/aws/x", "job/1", 0, 10);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].message, "c");
  EXPECT_EQ(logs_->read("/aws/x", "job/1", 2, 10)->size(), 1u);
  EXPECT_EQ(logs_->read("/aws/x", "job/1", 3, 10)->size(), 0u);
  EXPECT_THAT(*logs_->streams("/aws/x", "job"), ElementsAre("job/1"));
  EXPECT_EQ(logs_->read("/aws/x", "no", 0, 1).error().reason, "ResourceNotFoundException");
}

TEST_F(LogsTest, GroupsAndStreamsComeAndGo) {
  must("CreateLogGroup", kGroup);
  EXPECT_THAT(resources_, ElementsAre("arn:aws:logs:us-east-1:123456789012:log-group:/aws/x:log-stream:"));
  EXPECT_EQ(reason("CreateLogGroup", kGroup), "ResourceAlreadyExistsException");
  must("CreateLogStream", kStream);
  EXPECT_THAT(resources_, ElementsAre("arn:aws:logs:us-east-1:123456789012:log-group:/aws/x:log-stream:job/1"));
  EXPECT_EQ(reason("CreateLogStream", kStream), "ResourceAlreadyExistsException");
  must("DeleteLogStream", kStream);
  EXPECT_EQ(reason("DeleteLogStream", kStream), "ResourceNotFoundException");
  append("/aws/x", "job/1", {"a"});
  must("DeleteLogGroup", kGroup);
  EXPECT_EQ(reason("DeleteLogGroup", kGroup), "ResourceNotFoundException");
  EXPECT_EQ(reason("GetLogEvents", kStream), "ResourceNotFoundException");
}

TEST_F(LogsTest, DescribesInPages) {
  for (const char* name : {"b/3", "a", "b/1", "b/2", "c"})
    must("CreateLogGroup", Value::object({{"logGroupName", name}}));
  Value input = Value::object({{"logGroupNamePrefix", "b/"}, {"limit", 2}});
  const Value first = must("DescribeLogGroups", input);
  EXPECT_THAT(column(first["logGroups"], "logGroupName"), ElementsAre("b/1", "b/2"));
  EXPECT_EQ(first["logGroups"].items()[0]["arn"].string_or(), "arn:aws:logs:us-east-1:123456789012:log-group:b/1:*");
  const Value second = must("DescribeLogGroups", input.set("nextToken", first["nextToken"]));
  EXPECT_THAT(column(second["logGroups"], "logGroupName"), ElementsAre("b/3"));
  EXPECT_FALSE(second.has("nextToken"));

  append("a", "old", {"1"});
  append("a", "new", {"2"});
  append("a", "old-too", {"3"});
  const auto names = [&](const Value& v) {
    return column(must("DescribeLogStreams", v)["logStreams"], "logStreamName");
  };
  EXPECT_THAT(names(Value::object({{"logGroupName", "a"}, {"logStreamNamePrefix", "old"}})),
              ElementsAre("old", "old-too"));
  EXPECT_THAT(names(Value::object({{"logGroupName", "a"}, {"orderBy", "LastEventTime"}, {"descending", true}})),
              ElementsAre("old-too", "new", "old"));
  const Value page = must("DescribeLogStreams", Value::object({{"logGroupName", "a"}, {"limit", 2}}));
  EXPECT_THAT(names(Value::object({{"logGroupName", "a"}, {"limit", 2}, {"nextToken", page["nextToken"]}})),
              ElementsAre("old-too"));
  EXPECT_EQ(reason("DescribeLogStreams",
                   Value::object({{"logGroupName", "a"}, {"orderBy", "LastEventTime"}, {"logStreamNamePrefix", "o"}})),
            "InvalidParameterException");
}

TEST_F(LogsTest, GetLogEventsPagesBothWaysAndKnowsTheEnd) {
  append("/aws/x", "job/1", {"1", "2", "3", "4", "5"});
  Value input = kStream;
  input.set("limit", 2);
  Value page = must("GetLogEvents", input);
  EXPECT_THAT(column(page["events"], "message"), ElementsAre("4", "5"));  // the latest, oldest first
  Value back = input;
  page = must("GetLogEvents", back.set("nextToken", page["nextBackwardToken"]));
  EXPECT_THAT(column(page["events"], "message"), ElementsAre("2", "3"));

  Value forward = input;
  page = must("GetLogEvents", forward.set("startFromHead", true));
  EXPECT_THAT(column(page["events"], "message"), ElementsAre("1", "2"));
  page = must("GetLogEvents", forward.set("nextToken", page["nextForwardToken"]));
  EXPECT_THAT(column(page["events"], "message"), ElementsAre("3", "4"));
  page = must("GetLogEvents", forward.set("nextToken", page["nextForwardToken"]));
  EXPECT_THAT(column(page["events"], "message"), ElementsAre("5"));
  const std::string token = page["nextForwardToken"].string_or();
  page = must("GetLogEvents", forward.set("nextToken", token));
  EXPECT_TRUE(page["events"].empty());
  EXPECT_EQ(page["nextForwardToken"].string_or(), token);
  append("/aws/x", "job/1", {"6"});
  EXPECT_THAT(column(must("GetLogEvents", forward)["events"], "message"), ElementsAre("6"));
  EXPECT_EQ(reason("GetLogEvents", Value(input).set("nextToken", "nonsense")), "InvalidParameterException");

  const std::int64_t start = to_epoch_ms(FakeClock().now());
  page = must("GetLogEvents", Value(kStream).set("startTime", start + 1).set("endTime", start + 3));
  EXPECT_THAT(column(page["events"], "message"), ElementsAre("2", "3"));
}

TEST_F(LogsTest, PutLogEventsChecksTheBatch) {
  const std::int64_t now = to_epoch_ms(clock_.now());
  const auto put = [&](std::initializer_list<std::int64_t> times) {
    Value events = Value::array();
    for (const auto at : times) events.push(Value::object({{"timestamp", at}, {"message", std::to_string(at - now)}}));
    return Value(kStream).set("logEvents", std::move(events));
  };
  EXPECT_EQ(reason("PutLogEvents", put({now})), "ResourceNotFoundException");
  must("CreateLogGroup", kGroup);
  EXPECT_EQ(reason("PutLogEvents", put({now})), "ResourceNotFoundException");
  must("CreateLogStream", kStream);
  EXPECT_TRUE(must("PutLogEvents", put({now - 1, now})).has("nextSequenceToken"));
  EXPECT_EQ(reason("PutLogEvents", put({now, now - 1})), "InvalidParameterException");
  EXPECT_EQ(reason("PutLogEvents", put({now - 90'000'000, now})), "InvalidParameterException");
  const Value future = must("PutLogEvents", put({now + 1, now + 3 * 3'600'000}));
  EXPECT_EQ(future["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"].int_or(-1), 1);
  const Value past = must("PutLogEvents", put({now - 15LL * 86'400'000}));
  EXPECT_EQ(past["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"].int_or(-1), 1);
  EXPECT_EQ(logs_->read("/aws/x", "job/1", 0, 10)->size(), 3u);
}

TEST_F(LogsTest, RetentionHidesAndRemovesOldEvents) {
  append("/aws/x", "job/1", {"old"});
  must("PutRetentionPolicy", Value(kGroup).set("retentionInDays", 1));
  EXPECT_EQ(reason("PutRetentionPolicy", Value(kGroup).set("retentionInDays", 2)), "InvalidParameterException");
  EXPECT_EQ(must("DescribeLogGroups", Value::object())["logGroups"].items()[0]["retentionInDays"].int_or(0), 1);
  clock_.advance(Millis(25 * 3'600'000));
  EXPECT_TRUE(must("GetLogEvents", kStream)["events"].empty());
  append("/aws/x", "job/1", {"new"});
  EXPECT_THAT(column(must("GetLogEvents", kStream)["events"], "message"), ElementsAre("new"));
  must("DeleteRetentionPolicy", kGroup);
  EXPECT_THAT(column(must("GetLogEvents", kStream)["events"], "message"), ElementsAre("new"));
}

TEST_F(LogsTest, FiltersOverStreamsByTime) {
  append("/aws/x", "a", {"ERROR one", "fine"});
  append("/aws/x", "b", {"ERROR two", "WARN three"});
  append("/aws/x", "a", {"ERROR four"});
  const auto found = [&](std::string_view pattern, int limit = 100) {
    return must("FilterLogEvents", Value(kGroup).set("filterPattern", pattern).set("limit", limit));
  };
  EXPECT_THAT(column(found("ERROR")["events"], "message"), ElementsAre("ERROR one", "ERROR two", "ERROR four"));
  EXPECT_THAT(column(found("\"ERROR t\"")["events"], "message"), ElementsAre("ERROR two"));
  EXPECT_THAT(column(found("ERROR -two")["events"], "message"), ElementsAre("ERROR one", "ERROR four"));
  EXPECT_THAT(column(found("?fine ?WARN")["events"], "message"), ElementsAre("fine", "WARN three"));
  EXPECT_EQ(found("")["events"].size(), 5u);
  const Value first = found("ERROR", 2);
  const Value second =
      must("FilterLogEvents", Value(kGroup).set("filterPattern", "ERROR").set("nextToken", first["nextToken"]));
  EXPECT_THAT(column(second["events"], "message"), ElementsAre("ERROR four"));
  EXPECT_THAT(
      column(must("FilterLogEvents", Value(kGroup).set("logStreamNames", Value::array({"b"})))["events"], "message"),
      ElementsAre("ERROR two", "WARN three"));
  for (const char* pattern : {"{ $.a = 1 }", "[a, b]", "%x+%", "\"open"}) {
    EXPECT_EQ(reason("FilterLogEvents", Value(kGroup).set("filterPattern", pattern)), "InvalidParameterException")
        << pattern;
  }
}

TEST_F(LogsTest, AnArnNamesAGroupToo) {
  append("/aws/x", "job/1", {"a"});
  const Value input = Value::object(
      {{"logGroupIdentifier", "arn:aws:logs:us-east-1:123456789012:log-group:/aws/x:*"}, {"logStreamName", "job/1"}});
  EXPECT_EQ(must("GetLogEvents", input)["events"].size(), 1u);
  EXPECT_EQ(reason("GetLogEvents", Value::object({{"logStreamName", "s"}})), "InvalidParameterException");
}

TEST_F(LogsTest, AFilterMergesStreamsByTime) {
  std::vector<Event> a, b;
  for (int i = 0; i < 3'000; ++i) {
    (i % 3 == 0 ? a : b).push_back({clock_.now(), std::to_string(i)});
    clock_.advance(Millis(1));
  }
  ASSERT_TRUE(logs_->append("/aws/x", "b", b));
  ASSERT_TRUE(logs_->append("/aws/x", "a", a));
  std::vector<std::string> seen;
  Value input = Value::object({{"logGroupName", "/aws/x"}, {"limit", 700}});
  for (int page = 0; page < 5; ++page) {
    const Value out = must("FilterLogEvents", input);
    for (const auto& message : column(out["events"], "message")) seen.push_back(message);
    input.set("nextToken", out["nextToken"]);
    EXPECT_EQ(out.has("nextToken"), page < 4);
  }
  ASSERT_EQ(seen.size(), 3'000u);
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], std::to_string(i));
  const Value one = must("FilterLogEvents", Value::object({{"logGroupName", "/aws/x"},
                                                           {"logStreamNames", Value::array({"a", "a"})},
                                                           {"filterPattern", "2997"}}));
  EXPECT_THAT(column(one["events"], "logStreamName"), ElementsAre("a"));
  EXPECT_EQ(reason("FilterLogEvents",
                   Value::object({{"logGroupName", "/aws/x"}, {"logStreamNames", Value::array({"a", "none"})}})),
            "ResourceNotFoundException");
}

TEST_F(LogsTest, AFilterFindsTheLastOfMany) {
  std::vector<Event> events;
  for (int i = 0; i < 150'000; ++i) events.push_back({clock_.now(), "line " + std::to_string(i)});
  ASSERT_TRUE(logs_->append("/aws/x", "long", events));
  const Value out = must("FilterLogEvents", Value::object({{"logGroupName", "/aws/x"}, {"filterPattern", "149999"}}));
  EXPECT_THAT(column(out["events"], "message"), ElementsAre("line 149999"));
  EXPECT_FALSE(out.has("nextToken"));
}

TEST_F(LogsTest, WhatIsNotKeptWithAGroupIsRefused) {
  const auto refused = [&](const char* member, Value value) {
    return reason("CreateLogGroup", Value::object({{"logGroupName", "g"}, {member, std::move(value)}}));
  };
  EXPECT_EQ(refused("kmsKeyId", "arn:aws:kms:us-east-1:123456789012:key/k"), "InvalidParameterException");
  EXPECT_EQ(refused("tags", Value::object({{"aws:a", "b"}})), "InvalidParameterException");
  EXPECT_EQ(refused("logGroupClass", "INFREQUENT_ACCESS"), "InvalidParameterException");
  EXPECT_EQ(refused("deletionProtectionEnabled", true), "InvalidParameterException");
  EXPECT_EQ(refused("logGroupClass", "STANDARD"), "succeeded");
}

TEST_F(LogsTest, AGroupHasTags) {
  const std::string arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/x";
  const auto of = [&](std::string_view member, Value value) {
    return Value::object({{"resourceArn", arn}, {std::string(member), std::move(value)}});
  };
  const auto tags = [&] { return to_json(must("ListTagsForResource", Value::object({{"resourceArn", arn}}))["tags"]); };
  EXPECT_EQ(reason("TagResource", of("tags", Value::object({{"a", "1"}}))), "ResourceNotFoundException");
  must("CreateLogGroup", Value(kGroup).set("tags", Value::object({{"made", "here"}})));
  EXPECT_EQ(tags(), R"({"made":"here"})");
  must("TagResource", of("tags", Value::object({{"b", "2"}, {"a", "1"}})));
  EXPECT_THAT(resources_, ElementsAre(arn));
  must("TagLogGroup", Value(kGroup).set("tags", Value::object({{"a", ""}})));
  EXPECT_EQ(tags(), R"({"a":"","b":"2","made":"here"})");
  EXPECT_EQ(to_json(must("ListTagsLogGroup", kGroup)["tags"]), tags());
  must("UntagResource", of("tagKeys", Value::array({"made", "none"})));
  must("UntagLogGroup", Value(kGroup).set("tags", Value::array({"b"})));
  EXPECT_EQ(tags(), R"({"a":""})");
  Value many = Value::object();
  for (int i = 0; i < 50; ++i) many.set("k" + std::to_string(i), "v");
  EXPECT_EQ(reason("TagResource", of("tags", many)), "TooManyTagsException");
  EXPECT_EQ(reason("TagLogGroup", Value(kGroup).set("tags", many)), "InvalidParameterException");
  EXPECT_EQ(tags(), R"({"a":""})");
  EXPECT_EQ(reason("TagResource", of("tags", Value::object({{"AWS:x", "v"}}))), "InvalidParameterException");
  for (const char* bad :
       {"/aws/x", "arn:aws:logs:us-east-1:123456789012:log-group:/aws/x:*", "arn:aws:s3:::bucket",
        "arn:aws:logs:us-east-1:123456789012:log-group:", "arn:aws:logs:us-east-1:123456789012:x:/aws/x"})
    EXPECT_EQ(reason("ListTagsForResource", Value::object({{"resourceArn", bad}})), "InvalidParameterException") << bad;
  for (const char* other :
       {"arn:aws:logs:us-east-1:123456789012:log-group:none", "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/x",
        "arn:aws:logs:us-east-1:210987654321:log-group:/aws/x"})
    EXPECT_EQ(reason("ListTagsForResource", Value::object({{"resourceArn", other}})), "ResourceNotFoundException");
  const auto keys = logs_->condition_tags();
  EXPECT_EQ(keys(arn + ":log-stream:one")->size(), 1u);
  EXPECT_EQ(keys(arn)->front().first, "aws:ResourceTag/a");
  EXPECT_TRUE(keys("arn:aws:logs:us-east-1:123456789012:log-group:none")->empty());
  must("DeleteLogGroup", kGroup);
  must("CreateLogGroup", kGroup);
  EXPECT_EQ(tags(), "{}");
}

TEST_F(LogsTest, AGroupIsNamedOnce) {
  aws::Call call;
  Value both = Value::object({{"logGroupName", "g"}, {"logGroupIdentifier", "g"}});
  const auto status = service_.dialect.prepare(call, {}, both);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().reason, "InvalidParameterException");
  Value one = Value::object({{"logGroupIdentifier", "g"}});
  EXPECT_TRUE(service_.dialect.prepare(call, {}, one));
}

}  // namespace
}  // namespace millrace::logs
