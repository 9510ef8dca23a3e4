#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/core.h>

#include "app/client_files.h"
#include "app/commands.h"
#include "base/json.h"
#include "db/database.h"
#include "iam/iam.h"
#include "net/client.h"

namespace millrace::app {
namespace {

constexpr std::chrono::milliseconds kAnswerLimit{2'000}, kStartLimit{1'000}, kPause{20};

Result<aws::Credentials> administrator_of(const DataLayout& layout, const ServerFile& server) {
  const std::string key = MR_TRY(iam::read_encryption_key(key_file_of(layout).string()));
  const auto database = MR_TRY(db::Database::open(layout.database().string()));
  const SystemClock clock;
  const auto iam = MR_TRY(iam::Iam::open(*database, clock, {server.account, key}));
  return iam->administrator();
}

Value as_json(const DataLayout& layout, const ServerFile& server, const aws::Credentials& administrator) {
  Value environment = Value::object();
  for (const Variable& variable : client_environment(layout, server, administrator))
    environment.set(std::string(variable.name), variable.value ? Value(*variable.value) : Value());
  environment.set("PATH", layout.bin().string());
  return Value::object({{"endpoint", server.endpoint},
                        {"region", server.region},
                        {"account", server.account},
                        {"access_key_id", administrator.access_key_id},
                        {"secret_access_key", administrator.secret_access_key},
                        {"kubeconfig", layout.kubeconfig().string()},
                        {"environment", std::move(environment)}});
}

bool answers(const std::string& endpoint) {
  net::Client client;
  net::ClientRequest request;
  request.url = endpoint + "/healthz";
  request.timeout = request.connect_timeout = kAnswerLimit;
  return client.send(request).has_value();
}

// The file that a server leaves, once one answers; a server that was started a moment ago has time to. After that time
// the file of an earlier server is enough, and is said to be.
Result<ServerFile> wait_for_server(const DataLayout& layout) {
  const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  while (true) {
    auto server = read_server_file(layout);
    if (server && answers(server->endpoint)) return server;
    if (std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kPause);
      continue;
    }
    if (server)
      fmt::print(stderr, "millrace: no server answers at {}; start one with `millrace serve --data-dir {}`\n",
                 server->endpoint, layout.root.string());
    return server;
  }
}

Result<std::string> output(const DataLayout& layout, bool json) {
  const ServerFile server = MR_TRY(wait_for_server(layout));
  const aws::Credentials administrator = MR_TRY(administrator_of(layout, server));
  if (json) return to_json_pretty(as_json(layout, server, administrator)) + "\n";
  return environment_lines(layout, client_environment(layout, server, administrator));
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
