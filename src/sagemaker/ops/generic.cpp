// The operations that are the same for every kind of resource, from the table of kinds.

#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/jobs/machine.h"
#include "sagemaker/listing.h"
#include "sagemaker/ops/model_packages.h"
#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {
namespace {

std::string name_in(const Value& input, const KindInfo& kind) {
  return kind.by_arn ? name_or_end_of_arn(input[kind.name_member]) : input[kind.name_member].string_or();
}

aws::Operation describe(Ops& ops, const KindInfo& kind) {
  return {
      kind.describe.name, kind.describe.action, resource_named(ops, kind.kind),
      [&ops, &kind](aws::Call&, const Value& input) -> Result<aws::Output> {
        Value body =
            MR_TRY(ops.dependencies.store.get(kind.kind, name_in(input, kind), ops.dependencies.account_region)).body;
        if (kind.wrapper.empty()) return aws::Output(std::move(body));
        return aws::Output(Value::object({{std::string(kind.wrapper), std::move(body)}}));
      }};
}

Result<aws::Output> list_page(Ops& ops, const KindInfo& kind, const Value& input) {
  MR_TRY(refuse_unsupported(input, {{"WarmPoolStatusEquals", "WarmPoolStatusEquals is not supported."},
                                    {"TrainingPlanArnEquals", "TrainingPlanArnEquals is not supported."}}));
  ListQuery query = MR_TRY(parse_list_query(input, kind.list_defaults));
  for (const ListFilter& filter : kind.list_filters) {
    if (const std::string text = input[filter.member].string_or(); !text.empty()) {
      query.equal.emplace_back(filter.path, text);
    }
  }
  const std::size_t page = query.limit;
  query.limit = page + 1;  // one more tells whether there is a next page
  return list_answer(kind.list_member, input, query, MR_TRY(ops.dependencies.store.list(kind.kind, query)), page,
                     summary_of);
}

aws::Operation list(Ops& ops, const KindInfo& kind) {
  return {kind.list.name, kind.list.action, aws::any_resource(),
          [&ops, &kind](aws::Call&, const Value& input) { return list_page(ops, kind, input); }};
}

aws::Operation stop(Ops& ops, const KindInfo& kind) {
  return {kind.stop->name, kind.stop->action, resource_named(ops, kind.kind),
          [&ops, &kind](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string name = name_in(input, kind);
            MR_TRY(ops.dependencies.store.get(kind.kind, name, ops.dependencies.account_region));
            MR_TRY(ops.dependencies.store.change(kind.kind, name,
                                                 [&](Resource& row) { return request_stop(row, call.now); }));
            ops.dependencies.changed(kind.kind, name);
            ops.jobs.poke(kind.kind, name);
            return aws::Output();
          }};
}

bool is_job(const KindInfo& kind) { return kind.stop.has_value(); }

// May it be deleted? Asked in the transaction that deletes it.
Status check_unused(db::Connection& connection, const KindInfo& kind, const std::string& name) {
  const auto row = MR_TRY(Store::find_in(connection, kind.kind, name));
  if (!row) return {};
  if (row->active) {
    return resource_in_use(
        fmt::format("The request was rejected because {} {} is in status {}.", kind.singular, row->name, row->status));
  }
  if (row->parent.empty() || row->kind != Kind::training_job) return {};
  const auto parent = MR_TRY(Store::find_in(connection, Kind::tuning_job, row->parent));
  if (!parent || !parent->active) return {};
  return resource_in_use(fmt::format(
      "The request was rejected because {} {} belongs to the hyperparameter tuning job {}, which is in status {}.",
      kind.singular, row->name, parent->name, parent->status));
}

Status check_no_versions(db::Connection& connection, const std::string& group) {
  if (!MR_TRY(Store::has_children_in(connection, Kind::model_package, group))) return {};
  return fail(Code::failed_precondition,
              fmt::format("Model Package Group {} has model packages; delete them first.", group), "ConflictException");
}

Error nothing_to_delete(const Ops& ops, const KindInfo& kind, const std::string& name) {
  Error error = no_such(kind.kind, name, arn_of(ops.dependencies.account_region, kind.kind, name));
  // The deletions of jobs are newer than the other operations on them, and have an error of their own.
  if (is_job(kind)) error = Error(Code::not_found, error.message, "ResourceNotFound");
  return error;
}

aws::Operation erase(Ops& ops, const KindInfo& kind) {
  return {kind.erase->name, kind.erase->action, resource_named(ops, kind.kind),
          [&ops, &kind](aws::Call&, const Value& input) -> Result<aws::Output> {
            const std::string name = name_in(input, kind);
            const auto guard = [&](db::Connection& connection) -> Status {
              MR_TRY(check_unused(connection, kind, name));
              if (kind.kind == Kind::model_package_group) MR_TRY(check_no_versions(connection, name));
              // Its training jobs stay, as jobs of their own.
              return kind.kind == Kind::tuning_job ? Store::orphan_in(connection, name) : Status();
            };
            if (!MR_TRY(ops.dependencies.store.erase(kind.kind, name, guard))) {
              return fail(nothing_to_delete(ops, kind, name));
            }
            ops.dependencies.changed(kind.kind, name);
            if (is_job(kind)) ops.jobs.poke(kind.kind, name);
            if (kind.kind == Kind::workteam) return aws::Output(Value::object({{"Success", true}}));
            return aws::Output();
          }};
}

}  // namespace

aws::Output list_answer(std::string_view member, const Value& input, const ListQuery& query, std::vector<Resource> rows,
                        std::size_t page, const std::function<Value(const Resource&)>& summary) {
  const bool more = rows.size() > page;
  if (more) rows.resize(page);
  Value list = Value::array();
  for (const auto& row : rows) list.push(summary(row));
  aws::Output output;
  output.members.set(member, std::move(list));
  if (more) output.members.set("NextToken", next_token(input, query, rows.back()));
  return output;
}

std::vector<aws::Operation> generic_operations(Ops& ops) {
  std::vector<aws::Operation> operations;
  for (const KindInfo& kind : all_kinds()) {
    if (!kind.own_describe) operations.push_back(describe(ops, kind));
    if (!kind.own_list) operations.push_back(list(ops, kind));
    if (kind.stop) operations.push_back(stop(ops, kind));
    if (kind.erase) operations.push_back(erase(ops, kind));
  }
  return operations;
}

}  // namespace millrace::sagemaker
