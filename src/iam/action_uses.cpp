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
            "INSERT OR REPLACE INTO iam_action_use (id, service, action, used, region) VALUES (?, ?, ?, ?, ?)"));
        return insert.bind(std::string_view(id))
            .bind(std::string_view(service))
            .bind(std::string_view(use.action))
            .bind(to_epoch_ms(use.at))
            .bind(std::string_view(use.region))
            .run();
      },
      [](const Status&) {});
}

Result<std::vector<ActionUse>> ActionUses::of(const std::string& id, const std::string& service) {
  std::vector<ActionUse> found;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(
        "SELECT action, used, region FROM iam_action_use WHERE id = ? AND service = ? ORDER BY action"));
    select.bind(std::string_view(id)).bind(std::string_view(service));
    while (MR_TRY(select.step())) found.push_back({select.text(0), from_epoch_ms(select.integer(1)), select.text(2)});
    return {};
  }));
  return found;
}

}  // namespace millrace::iam
