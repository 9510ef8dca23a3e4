#include "iam/action_uses.h"

#include <string_view>

namespace millrace::iam {
namespace {

constexpr db::Migration kMigrations[] = {
    {1, R"sql(
      CREATE TABLE iam_action_use (
        id TEXT NOT NULL, service TEXT NOT NULL, action TEXT NOT NULL, used INTEGER NOT NULL, region TEXT NOT NULL,
        PRIMARY KEY (id, service, action)) STRICT, WITHOUT ROWID;
    )sql"},
};

}  // namespace

Status ActionUses::open() { return database_.migrate("iam.uses", kMigrations); }

void ActionUses::forget_gone() {
  database_.write_async(
      [](db::Connection& connection) -> Status {
        auto gone =
            MR_TRY(connection.prepare("DELETE FROM iam_action_use WHERE id NOT IN (SELECT id FROM iam_entity)"));
        return gone.run();
      },
      [](const Status&) {});
}

void ActionUses::note(const std::string& id, const std::string& service, const ActionUse& use) {
  database_.write_async(
      [id, service, use](db::Connection& connection) -> Status {
        auto insert = MR_TRY(connection.prepare(
            "INSERT INTO iam_action_use (id, service, action, used, region) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (id, service, action) DO UPDATE SET used = excluded.used, region = excluded.region"));
        return insert.bind_all(id, service, use.action, to_epoch_ms(use.at), use.region).run();
      },
      [](const Status&) {});
}

Result<std::vector<ActionUse>> ActionUses::of(const std::string& id, const std::string& service) {
  std::vector<ActionUse> found;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(
        "SELECT action, used, region FROM iam_action_use WHERE id = ? AND service = ? ORDER BY action"));
    select.bind_all(id, service);
    while (MR_TRY(select.step())) {
      auto [action, used, region] = select.columns<std::string, std::int64_t, std::string>();
      found.push_back({std::move(action), from_epoch_ms(used), std::move(region)});
    }
    return {};
  }));
  return found;
}

}  // namespace millrace::iam
