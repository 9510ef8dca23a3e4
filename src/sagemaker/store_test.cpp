#include "sagemaker/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "sagemaker/listing.h"

namespace millrace::sagemaker {
namespace {

using testing::ElementsAre;

class StoreTest : public testing::Test {
 protected:
  TempDir dir_ = std::move(*TempDir::make());
  std::unique_ptr<db::Database> database_ = std::move(*db::Database::open((dir_.path() / "db").string()));
  Store store_{*database_};
  AccountRegion account_region_{"123456789012", "us-east-1"};

  void SetUp() override { ASSERT_TRUE(store_.open()); }

  Resource job(const std::string& name, int created, const std::string& status = "Completed", bool active = false) {
    Resource r;
    r.kind = Kind::training_job;
    r.name = name;
    r.arn = arn_of(account_region_, r.kind, name);
    r.status = status;
    r.created = r.modified = from_epoch_ms(created);
    r.active = active;
    return r;
  }
  std::vector<std::string> pages(Value input) {
    std::vector<std::string> names;
    while (true) {
      auto query = parse_list_query(input, info_of(Kind::training_job).list_defaults);
      EXPECT_TRUE(query);
      auto rows = store_.list(Kind::training_job, *query);
      EXPECT_TRUE(rows);
      for (const auto& row : *rows) names.push_back(row.name);
      if (rows->size() < query->limit) return names;
      input.set("NextToken", next_token(input, *query, rows->back()));
    }
  }
};

TEST_F(StoreTest, NamesAreTakenWithoutRegardToCase) {
  EXPECT_EQ(arn_of(account_region_, Kind::training_job, "My-Job"),
            "arn:aws:sagemaker:us-east-1:123456789012:training-job/my-job");
  ASSERT_TRUE(store_.insert(job("My-Job", 1), {{"k", "v"}}));
  const auto twice = store_.insert(job("my-job", 2), {});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().reason, "ResourceInUse");
  EXPECT_EQ(store_.get(Kind::training_job, "MY-JOB", account_region_)->name, "My-Job");
  const auto none = store_.get(Kind::training_job, "other", account_region_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().reason, "ValidationException");
  EXPECT_EQ(none.error().message, "Requested resource not found.");
}

TEST_F(StoreTest, ListsInAnyOrderAndPageByPage) {
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(store_.insert(
        job("job-" + std::string(1, static_cast<char>('g' - i)), 1'000 * (i / 2), i % 2 == 0 ? "Completed" : "Failed"),
        {}));
  }
  EXPECT_THAT(pages(Value::object({{"MaxResults", 2}})),
              ElementsAre("job-f", "job-g", "job-d", "job-e", "job-b", "job-c", "job-a"));
  EXPECT_THAT(pages(Value::object({{"MaxResults", 3}, {"SortBy", "Name"}, {"SortOrder", "Descending"}})),
              ElementsAre("job-g", "job-f", "job-e", "job-d", "job-c", "job-b", "job-a"));
  EXPECT_THAT(pages(Value::object({{"MaxResults", 2}, {"SortBy", "Status"}, {"StatusEquals", "Failed"}})),
              ElementsAre("job-b", "job-d", "job-f"));
  EXPECT_THAT(pages(Value::object({{"NameContains", "B-B"}})), ElementsAre("job-b"));
  EXPECT_THAT(pages(Value::object({{"NameContains", "%"}})), ElementsAre());
  EXPECT_THAT(pages(Value::object({{"CreationTimeAfter", 1.5}, {"CreationTimeBefore", "1970-01-01T00:00:02Z"}})),
              ElementsAre("job-b", "job-c"));
}

TEST_F(StoreTest, ATokenGoesWithItsQuery) {
  ASSERT_TRUE(store_.insert(job("a", 1), {}));
  const Value input = Value::object({{"SortBy", "Name"}});
  const auto query = parse_list_query(input, {});
  const std::string token = next_token(input, *query, job("a", 1));
  EXPECT_TRUE(parse_list_query(Value::object({{"SortBy", "Name"}, {"NextToken", token}, {"MaxResults", 5}}), {}));
  for (const auto& bad : {Value::object({{"SortBy", "Status"}, {"NextToken", token}}),
                          Value::object({{"SortBy", "Name"}, {"NextToken", "nonsense"}})}) {
    const auto refused = parse_list_query(bad, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "ValidationException");
  }
}

TEST_F(StoreTest, AChangeThatFailsChangesNothing) {
  ASSERT_TRUE(store_.insert(job("a", 1, "InProgress", true), {}));
  EXPECT_FALSE(store_.change(Kind::training_job, "a", [](Resource& row) -> Status {
    row.status = "Failed";
    return fail(Code::aborted, "no");
  }));
  EXPECT_EQ((*store_.find(Kind::training_job, "a"))->status, "InProgress");
  EXPECT_EQ(store_.active()->size(), 1u);
  ASSERT_TRUE(store_.change(Kind::training_job, "A", [](Resource& row) -> Status {
    row.active = false;
    return {};
  }));
  EXPECT_EQ(store_.active()->size(), 0u);
}

TEST_F(StoreTest, TagsGoWithTheResource) {
  const auto a = job("a", 1);
  ASSERT_TRUE(store_.insert(a, {{"one", "1"}, {"two", "2"}}));
  ASSERT_TRUE(store_.add_tags(a.arn, {{"two", "zwei"}, {"three", "3"}}));
  ASSERT_TRUE(store_.remove_tags(a.arn, {"one", "absent"}));
  EXPECT_THAT(*store_.tags(a.arn), ElementsAre(testing::Pair("three", "3"), testing::Pair("two", "zwei")));
  Tags many;
  for (int i = 0; i < 49; ++i) many.emplace_back("k" + std::to_string(i), "v");
  const auto refused = store_.add_tags(a.arn, many);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "ValidationException");
  EXPECT_EQ(store_.tags(a.arn)->size(), 2u);  // all or nothing
  EXPECT_TRUE(*store_.erase(Kind::training_job, "a"));
  EXPECT_FALSE(*store_.erase(Kind::training_job, "a"));
  EXPECT_TRUE(store_.tags(a.arn)->empty());
}

TEST_F(StoreTest, CountsByKindAndStatus) {
  ASSERT_TRUE(store_.insert(job("a", 1), {}));
  ASSERT_TRUE(store_.insert(job("b", 2), {}));
  ASSERT_TRUE(store_.insert(job("c", 3, "Failed"), {}));
  Resource model = job("m", 4, "");
  model.kind = Kind::model;
  model.arn = arn_of(account_region_, Kind::model, "m");
  ASSERT_TRUE(store_.insert(model, {}));
  std::vector<std::string> counted;
  const auto counts = store_.counts();
  ASSERT_TRUE(counts);
  for (const auto& count : *counts) {
    counted.push_back(count.kind + " " + count.status + " " + std::to_string(count.resources));
  }
  EXPECT_THAT(counted, ElementsAre("Model  1", "TrainingJob Completed 2", "TrainingJob Failed 1"));
}

}  // namespace
}  // namespace millrace::sagemaker
