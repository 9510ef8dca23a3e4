// millrace iam least-privilege --run RUN

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
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

class IamLeastPrivilege final : public Command {
 public:
  void declare(Syntax& syntax) override {
    syntax.text("--run", run_, kRunHelp);
    syntax.flag("--verify", verify_, "Run the pipeline again, allowed just that");
    syntax.text("--data-dir", data_dir_, kDataDirHelp);
    declare_json(syntax);
    syntax.required("--run");
    syntax.examples(
        "  millrace iam least-privilege --run latest\n"
        "  millrace iam least-privilege --run latest --verify --json\n",
        "With --verify the exit code is 1 when the policies were not enough.\n");
  }

  Result<int> run() override {
    const auto client = MR_TRY(IdentityClient::open(data_dir_, text_for(json_)));
    const auto runs = MR_TRY(ApiClient::open({client->endpoint(), ""}, text_for(json_)));
    const Value run = MR_TRY(find_run(*runs, run_));
    const std::string path = "runs/" + percent_encode(run["run_id"].string_or());
    Value answer = MR_TRY(client->call("GET", path + "/policies"));
    if (!is_final(run["state"].string_or()))
      fmt::print(stderr, "The run is still under way: what it has not done yet is not in its policies.\n");
    if (!verify_) {
      if (json_)
        fmt::print("{}\n", to_json_pretty(answer));
      else
        print_policies(answer);
      return kSucceeded;
    }
    const std::string again = MR_TRY(client->call("POST", path + "/verify", Value::object()))["run_id"].string_or();
    if (!json_) {
      print_policies(answer);
      fmt::print("Running it again, allowed just that:\n");
      std::fflush(stdout);
    }
    const Value ended = MR_TRY(watch_run(*runs, again, json_ ? stderr : stdout));
    const bool enough = run_state(ended) == "SUCCEEDED";
    if (json_) {
      answer.set("verified", enough).set("verification_run_id", again);
      fmt::print("{}\n", to_json_pretty(answer));
    } else if (enough) {
      fmt::print("Verified: the pipeline succeeds with these policies alone.\n");
    } else {
      fmt::print("Not enough: see `millrace iam explain --run {}`.\n", again.substr(0, 8));
    }
    return enough ? kSucceeded : kFailed;
  }

 private:
  std::string data_dir_, run_;
  bool verify_ = false;
};

}  // namespace

std::unique_ptr<Command> make_iam_least_privilege() { return std::make_unique<IamLeastPrivilege>(); }

}  // namespace millrace::app
