#include "db/database.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include <fmt/core.h>

#include "base/file.h"
#include "db/open.h"
#include "db/sqlite/connection.h"
#include "db/sqlite/readers.h"
#include "db/sqlite/writer.h"

namespace millrace::db {
namespace {

// SQLite says "unable to open database file" for all of these.
Status check_place(const std::string& path) {
  const auto parent = std::filesystem::absolute(path).parent_path();
  struct stat info{};
  if (::stat(parent.c_str(), &info) != 0) {
    return fail(system_error(fmt::format("cannot open the database {}", path), errno));
  }
  if (!S_ISDIR(info.st_mode)) {
    return fail(Code::failed_precondition,
                fmt::format("cannot open the database {}: {} is not a directory", path, parent.string()));
  }
  if (::access(parent.c_str(), W_OK | X_OK) != 0) {
    return fail(system_error(fmt::format("cannot write to the directory {}", parent.string()), errno));
  }
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) return fail(Code::failed_precondition, fmt::format("{} is not a file", path));
    if (::access(path.c_str(), R_OK | W_OK) != 0) {
      return fail(system_error(fmt::format("cannot write to the database {}", path), errno));
    }
  }
  return {};
}

Status check_whole(SqliteConnection& connection, const std::string& path) {
  std::error_code error;
  if (const auto size = std::filesystem::file_size(path, error); error || size > kCheckedBytes) return {};
  auto check = MR_TRY(connection.prepare("PRAGMA quick_check(1)"));
  if (!MR_TRY(check.step()) || check.text(0) == "ok") return {};
  std::string what = check.text(0);
  what.erase(0, what.rfind('\n') + 1);  // its first line names the database
  return fail(Code::data_loss, fmt::format("{} is damaged ({}); restore it from a backup, or move the data directory "
                                           "away to begin anew",
                                           path, what));
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const std::string& path, std::unique_ptr<SqliteConnection> writer, const Options& options)
      : path_(path), readers_(path, options.readers), writer_(std::move(writer), options) {}

  Status migrate(std::string_view component, std::span<const Migration> migrations) override;
  Status write(const Work& work) override { return writer_.write(work); }
  void write_async(Work work, std::function<void(Status)> done) override {
    writer_.write_async(std::move(work), std::move(done));
  }
  Status read(const Work& work) override { return readers_.read(work); }

 private:
  Result<int> version_of(std::string_view component);

  const std::string path_;
  Readers readers_;
  Writer writer_;
};

Result<int> SqliteDatabase::version_of(std::string_view component) {
  int version = 0;
  MR_TRY(read([&](Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT max(version) FROM schema_version WHERE component = ?"));
    if (MR_TRY(select.bind(component).step())) version = static_cast<int>(select.integer(0));
    return {};
  }));
  return version;
}

Status SqliteDatabase::migrate(std::string_view component, std::span<const Migration> migrations) {
  const int present = MR_TRY(version_of(component));
  int previous = 0;
  for (const Migration& migration : migrations) {
    if (migration.version != previous + 1) {
      return fail(Code::internal, fmt::format("the migrations of {} are not numbered 1, 2, 3…", component));
    }
    previous = migration.version;
    if (migration.version <= present) continue;
    MR_TRY(write([&](Connection& connection) -> Status {
      MR_TRY(connection.execute(migration.sql));
      auto insert = MR_TRY(connection.prepare("INSERT INTO schema_version (component, version) VALUES (?, ?)"));
      return insert.bind(component).bind(migration.version).run();
    }));
  }
  if (present > previous) {
    return fail(Code::failed_precondition,
                fmt::format("{} was written by a newer version of this program ({} is at {}, this one knows {})", path_,
                            component, present, previous));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, const Options& options) {
  return open_database(path, Expected::anything, options);
}

Result<std::unique_ptr<Database>> open_database(const std::string& path, Expected expected, const Options& options) {
  MR_TRY(check_place(path));
  auto writer = MR_TRY(SqliteConnection::open(path, SqliteConnection::Role::writer));
  bool known = false;
  {
    auto select = MR_TRY(writer->prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'"));
    known = MR_TRY(select.step());
  }
  if (known) {
    MR_TRY(check_whole(*writer, path));
  } else if (expected == Expected::existing) {
    return fail(
        Code::failed_precondition,
        fmt::format("{} is no database of this program, but its directory holds objects or runs; restore it from "
                    "a backup, or move the directory away to begin anew",
                    path));
  } else {
    MR_TRY(
        writer->execute("CREATE TABLE IF NOT EXISTS schema_version (component TEXT NOT NULL, version INTEGER NOT NULL,"
                        " PRIMARY KEY (component, version)) STRICT, WITHOUT ROWID"));
  }
  return std::make_unique<SqliteDatabase>(path, std::move(writer), options);
}

}  // namespace millrace::db
