#include "iam/run_calls.h"

#include <fmt/core.h>

#include "base/log.h"
#include "iam/request_keys.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kRunsKnown = 64;

constexpr db::Migration kMigrations[] = {
    {1, R"sql(
      CREATE TABLE iam_run_call (
        run TEXT NOT NULL, principal TEXT NOT NULL, action TEXT NOT NULL, resource TEXT NOT NULL, passed_to TEXT NOT NULL,
        PRIMARY KEY (run, principal, action, resource, passed_to)) STRICT, WITHOUT ROWID;
      CREATE TABLE iam_run_limit (
        run TEXT NOT NULL, principal TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (run, principal)) STRICT;
    )sql"},
};

UsedPermission used_by(const aws::Call& call, const aws::Check& check) {
  UsedPermission used{principal_of(call.principal), check.action, check.resource, ""};
  for (const auto& [key, values] : check.keys) {
    if (key == "iam:PassedToService" && values.size() == 1) used.passed_to = values[0];
  }
  return used;
}

std::string id_of(const UsedPermission& used) {
  return fmt::format("{}\n{}\n{}\n{}", used.principal, used.action, used.resource, used.passed_to);
}

const std::shared_ptr<const policy::Document>& nothing_allowed() {
  static const auto document = std::make_shared<const policy::Document>();
  return document;
}

}  // namespace

std::string principal_of(const aws::Principal& principal) {
  return principal.kind == aws::Principal::Kind::assumed_role ? principal.role_arn : principal.arn;
}

Status RunCalls::open() { return database_.migrate("iam.runs", kMigrations); }

Result<std::shared_ptr<RunCalls::Known>> RunCalls::known(const std::string& run) {
  {
    const MutexLock lock(mutex_);
    if (const auto found = known_.find(run); found != known_.end()) return found->second;
  }
  auto fresh = std::make_shared<Known>();
  for (const UsedPermission& used : MR_TRY(calls_of(run)).calls) fresh->calls.insert(id_of(used));
  auto limits = std::make_shared<Limits>();
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare("SELECT principal, document FROM iam_run_limit WHERE run = ?"));
    row.bind_all(run);
    while (MR_TRY(row.step())) {
      auto [principal, text] = row.columns<std::string, std::string>();
      auto document = MR_TRY(policy::parse_document(text, policy::Kind::identity));
      limits->emplace(std::move(principal), std::make_shared<const policy::Document>(std::move(document)));
    }
    return {};
  }));
  if (!limits->empty()) fresh->limits = std::move(limits);
  const MutexLock lock(mutex_);
  // Runs that are under way are looked at again at once; which one goes does not matter.
  if (known_.size() >= kRunsKnown) known_.erase(known_.begin());
  return known_.emplace(run, std::move(fresh)).first->second;
}

Status RunCalls::note(const aws::Call& call, const aws::Check& check) {
  using Kind = aws::Principal::Kind;
  const Kind kind = call.principal.kind;
  if (call.origin.empty() || (kind != Kind::user && kind != Kind::assumed_role)) return {};
  const UsedPermission used = used_by(call, check);
  const std::string id = id_of(used);
  const auto of_run = MR_TRY(known(call.origin));
  {
    const MutexLock lock(mutex_);
    if (of_run->calls.contains(id) || of_run->calls.size() > kMaxCallsOfRun) return {};
  }
  MR_TRY(database_.write([&](db::Connection& connection) -> Status {
    auto insert = MR_TRY(connection.prepare(
        "INSERT INTO iam_run_call (run, principal, action, resource, passed_to) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (run, principal, action, resource, passed_to) DO NOTHING"));
    return insert.bind_all(call.origin, used.principal, used.action, used.resource, used.passed_to).run();
  }));
  const MutexLock lock(mutex_);
  of_run->calls.insert(id);
  return {};
}

Result<RunCalls::Of> RunCalls::calls_of(const std::string& run) {
  Of out;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare(
        "SELECT principal, action, resource, passed_to FROM iam_run_call WHERE run = ? ORDER BY 1, 2, 3, 4"));
    row.bind_all(run);
    while (MR_TRY(row.step())) {
      auto [principal, action, resource, passed_to] = row.columns<std::string, std::string, std::string, std::string>();
      out.calls.push_back({std::move(principal), std::move(action), std::move(resource), std::move(passed_to)});
    }
    return {};
  }));
  out.complete = out.calls.size() <= kMaxCallsOfRun;
  return out;
}

Status RunCalls::limit(const std::string& run, const std::map<std::string, std::string>& document_of_principal) {
  for (const auto& [principal, document] : document_of_principal)
    MR_TRY(policy::parse_document(document, policy::Kind::identity));
  MR_TRY(database_.write([&](db::Connection& connection) -> Status {
    for (const auto& [principal, document] : document_of_principal) {
      auto insert = MR_TRY(connection.prepare("INSERT INTO iam_run_limit (run, principal, document) VALUES (?, ?, ?)"));
      MR_TRY(insert.bind_all(run, principal, document).run());
    }
    return {};
  }));
  const MutexLock lock(mutex_);
  known_.erase(run);
  return {};
}

Result<std::shared_ptr<const policy::Document>> RunCalls::limit_of(const std::string& run,
                                                                   const aws::Principal& principal) {
  if (run.empty()) return std::shared_ptr<const policy::Document>();
  const auto of_run = MR_TRY(known(run));
  if (!of_run->limits) return std::shared_ptr<const policy::Document>();
  const auto found = of_run->limits->find(principal_of(principal));
  return found == of_run->limits->end() ? nothing_allowed() : found->second;
}

}  // namespace millrace::iam
