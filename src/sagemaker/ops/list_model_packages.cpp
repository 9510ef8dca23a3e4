#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/listing.h"
#include "sagemaker/ops/model_packages.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kChunk = 200;  // rows looked at in one query

struct Wanted {
  std::string approval;  // empty: any
  bool versioned, unversioned;
  bool operator()(const Resource& package) const {
    if (!approval.empty() && package.body["ModelApprovalStatus"].string_or() != approval) return false;
    return package.parent.empty() ? unversioned : versioned;
  }
};

// Up to `limit` rows that are wanted.
Result<std::vector<Resource>> find_wanted(Store& store, ListQuery query, const Wanted& wanted) {
  const std::size_t limit = query.limit;
  std::vector<Resource> found;
  query.limit = kChunk;
  while (found.size() < limit) {
    const auto rows = MR_TRY(store.list(Kind::model_package, query));
    for (const auto& row : rows) {
      if (found.size() < limit && wanted(row)) found.push_back(row);
    }
    if (rows.size() < kChunk) break;
    query.after = place_of(query, rows.back());
  }
  return found;
}

}  // namespace

aws::Operation list_model_packages(Ops& ops) {
  const KindInfo& kind = info_of(Kind::model_package);
  return {kind.list.name, kind.list.action,
          [&ops](const aws::Call&, const Value& input) -> std::vector<std::string> {
            const std::string group = name_or_end_of_arn(input["ModelPackageGroupName"]);
            if (group.empty()) return {"*"};
            return {arn_of(ops.dependencies.account_region, Kind::model_package, group + "/*")};
          },
          [&ops, &kind](aws::Call&, const Value& input) -> Result<aws::Output> {
            ListQuery query = MR_TRY(parse_list_query(input, kind.list_defaults));
            query.parent = name_or_end_of_arn(input["ModelPackageGroupName"]);
            const std::string type = input["ModelPackageType"].string_or(query.parent.empty() ? "Unversioned" : "Both");
            const Wanted wanted{input["ModelApprovalStatus"].string_or(), type != "Unversioned", type != "Versioned"};
            const std::size_t page = query.limit;
            query.limit = page + 1;
            return list_answer(kind.list_member, input, query,
                               MR_TRY(find_wanted(ops.dependencies.store, query, wanted)), page, summary_of);
          }};
}

}  // namespace millrace::sagemaker
