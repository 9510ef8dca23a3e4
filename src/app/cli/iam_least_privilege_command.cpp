// millrace iam least-privilege --run RUN

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/client.h"
#include "app/cli/commands.h"
#include "app/cli/identity_client.h"
#include "app/cli/text.h"
#include "app/cli/tree.h"
#include "app/cli/watch.h"
#include "base/encode.h"
#include "base/json.h"
#include "iam/least_privilege.h"

namespace millrace::app {
namespace {

void print_policies(const Value& answer) {
  if (answer["principals"].empty()) fmt::print("The run made no call that needs a policy.\n");
  for (const Value& one : answer["principals"].items()) {
    fmt::print("{}\n{}\n", one["principal"].string_or(), to_json_pretty(one["document"]));
    if (one["bytes"].int_or(0) > static_cast<std::int64_t>(iam::kMaxManagedPolicyBytes)) {
      fmt::print("This is longer than a managed policy may be ({} of {} characters): put it into several.\n",
                 one["bytes"].int_or(0), iam::kMaxManagedPolicyBytes);
    }
    fmt::print("\n");
  }
  if (!answer["complete"].bool_or(true))
    fmt::print("The run made more distinct calls than are kept, so the policies may be too small.\n");
}

Result<int> least_privilege(const IamLeastPrivilegeOptions& options) {
  const auto client = MR_TRY(IdentityClient::open(options.data_dir, text_for(options.json)));
  const auto runs = MR_TRY(DoorClient::open({client->endpoint(), ""}, text_for(options.json)));
  const Value run = MR_TRY(runs->find_run(options.run));
  const std::string path = "runs/" + percent_encode(run["run_id"].string_or());
  Value answer = MR_TRY(client->call("GET", path + "/policies"));
  if (!is_final(run["state"].string_or()))
    fmt::print(stderr, "The run is still under way: what it has not done yet is not in its policies.\n");
  if (!options.verify) {
    if (options.json)
      fmt::print("{}\n", to_json_pretty(answer));
    else
      print_policies(answer);
    return kSucceeded;
  }
  const std::string again = MR_TRY(client->call("POST", path + "/verify", Value::object()))["run_id"].string_or();
  if (!options.json) {
    print_policies(answer);
    fmt::print("Running it again, allowed just that:\n");
    std::fflush(stdout);
  }
  const Value ended = MR_TRY(watch_run(*runs, again, options.json ? stderr : stdout));
  const bool enough = run_state(ended) == "SUCCEEDED";
  if (options.json) {
    answer.set("verified", enough).set("verification_run_id", again);
    fmt::print("{}\n", to_json_pretty(answer));
  } else if (enough) {
    fmt::print("Verified: the pipeline succeeds with these policies alone.\n");
  } else {
    fmt::print("Not enough: see `millrace iam explain --run {}`.\n", again.substr(0, 8));
  }
  return enough ? kSucceeded : kFailed;
}

}  // namespace

int iam_least_privilege_command(const IamLeastPrivilegeOptions& options) {
  const auto code = least_privilege(options);
  return code ? *code : report(code.error(), options.json);
}

}  // namespace millrace::app
