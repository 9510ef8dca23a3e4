#include <cstdio>

#include <fmt/core.h>

#include "app/client_files.h"
#include "app/commands.h"
#include "base/json.h"
#include "db/database.h"
#include "iam/iam.h"

namespace millrace::app {
namespace {

Result<aws::Credentials> administrator_of(const DataLayout& layout, const ServerFile& server) {
  const std::string key = MR_TRY(iam::read_encryption_key(key_file_of(layout).string()));
  const auto database = MR_TRY(db::Database::open(layout.database().string()));
  const SystemClock clock;
  const auto iam = MR_TRY(iam::Iam::open(*database, clock, {server.account, key}));
  return iam->administrator();
}

Result<std::string> output(const DataLayout& layout, bool json) {
  const ServerFile server = MR_TRY(read_server_file(layout));
  const aws::Credentials administrator = MR_TRY(administrator_of(layout, server));
  if (!json) return environment_lines(layout, administrator);
  return to_json_pretty(Value::object({{"endpoint", server.endpoint},
                                       {"region", server.region},
                                       {"account", server.account},
                                       {"access_key_id", administrator.access_key_id},
                                       {"secret_access_key", administrator.secret_access_key},
                                       {"kubeconfig", layout.kubeconfig().string()}})) +
         "\n";
}

}  // namespace

int env_command(const std::filesystem::path& data_dir, bool json) {
  const auto text = output(DataLayout(data_dir), json);
  if (!text) {
    fmt::print(stderr, "millrace: {}\n", text.error().message);
    return 1;
  }
  std::fwrite(text->data(), 1, text->size(), stdout);
  return 0;
}

}  // namespace millrace::app
