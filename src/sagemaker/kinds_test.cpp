// The table of kinds against the service's model: every name in it is one that the API has.

#include "sagemaker/kinds.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "aws/model.h"
#include "sagemaker/errors.h"

namespace millrace::sagemaker {
namespace {

const aws::Shape& input_of(std::string_view operation) {
  return *aws::service_model("sagemaker").operation(operation)->input;
}
const aws::Shape& output_of(std::string_view operation) {
  return *aws::service_model("sagemaker").operation(operation)->output;
}
const aws::Shape& document_of(const KindInfo& kind) {
  const aws::Shape& output = output_of(kind.describe.name);
  return kind.wrapper.empty() ? output : *output.member(kind.wrapper)->shape;
}
// A member that the table leaves empty is one that the kind has not.
bool has(const aws::Shape& shape, std::string_view member) { return member.empty() || shape.member(member) != nullptr; }

class KindTest : public testing::TestWithParam<KindInfo> {};

TEST_P(KindTest, ItsOperationsAreTheModels) {
  const KindInfo& kind = GetParam();
  for (const auto& operation : {std::optional(kind.describe), std::optional(kind.list), kind.stop, kind.erase}) {
    if (!operation) continue;
    EXPECT_NE(aws::service_model("sagemaker").operation(operation->name), nullptr) << operation->name;
    EXPECT_EQ(operation->action.text(), "sagemaker:" + std::string(operation->name));
    if (operation->name != kind.list.name) EXPECT_TRUE(has(input_of(operation->name), kind.name_member));
  }
}

TEST_P(KindTest, ItsMembersAreThoseOfDescribe) {
  const KindInfo& kind = GetParam();
  const aws::Shape& described = document_of(kind);
  for (const auto member :
       {kind.name_member, kind.arn_member, kind.status_member, kind.start_member, kind.end_member}) {
    EXPECT_TRUE(has(described, member)) << member;
  }
}

TEST_P(KindTest, ItsMembersAreThoseOfItsSummaries) {
  const KindInfo& kind = GetParam();
  const aws::Member* list = output_of(kind.list.name).member(kind.list_member);
  ASSERT_NE(list, nullptr);
  const aws::Shape& summary = *list->shape->element.shape;
  const auto name = kind.list_name_member.empty() ? kind.name_member : kind.list_name_member;
  const auto arn = kind.list_arn_member.empty() ? kind.arn_member : kind.list_arn_member;
  for (const auto member : {name, arn, kind.status_member, kind.end_member}) {
    EXPECT_TRUE(has(summary, member)) << member;
  }
  for (const auto& filter : kind.list_filters) EXPECT_TRUE(has(input_of(kind.list.name), filter.member));
  EXPECT_EQ(summary.member("LastModifiedTime") != nullptr, kind.modified);
  for (const auto path : kind.summary_paths) {
    EXPECT_TRUE(has(summary, path.substr(path.rfind('.') + 1))) << path;
    EXPECT_TRUE(has(document_of(kind), path.substr(0, path.find('.')))) << path;
  }
}

TEST_P(KindTest, ItsErrorsNameTheResource) {
  const KindInfo& kind = GetParam();
  for (const Error& error :
       {no_such(kind.kind, "the-name", "the-arn"), exists_already(kind.kind, "the-name", "the-arn")}) {
    EXPECT_EQ(error.message.find_first_of("{}"), std::string::npos) << error.message;
    EXPECT_FALSE(error.reason.empty());
  }
  EXPECT_NE(exists_already(kind.kind, "the-name", "the-arn").message.find("the-"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Kinds, KindTest, testing::ValuesIn(all_kinds().begin(), all_kinds().end()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Kinds, NamesAreUnique) {
  std::set<std::string_view> seen;
  for (const KindInfo& kind : all_kinds()) {
    EXPECT_TRUE(seen.insert(kind.name).second && seen.insert(kind.arn_segment).second);
    EXPECT_EQ(find_kind(kind.name), &info_of(kind.kind));
  }
  EXPECT_EQ(find_kind("Notebook"), nullptr);
}

}  // namespace
}  // namespace millrace::sagemaker
