// millrace iam explain [REQUEST]

#include <cstdio>
#include <map>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
#include "app/cli/identity_client.h"
#include "app/cli/text.h"
#include "app/cli/watch.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

constexpr std::size_t kPatternsShown = 3;
constexpr const char* kKinds[] = {"identity-based policy", "resource-based policy", "permissions boundary",
                                  "session policy"};

std::string listed(const Value& texts) {
  std::vector<std::string> words;
  for (const Value& text : texts.items()) words.push_back(one_line(text.string_or()));
  const std::size_t all = words.size();
  if (all > kPatternsShown) words.resize(kPatternsShown);
  return join(words, ", ") + (all > kPatternsShown ? fmt::format(", … ({})", all) : "");
}

std::string mark(bool good) { return good ? "✓" : "✗"; }

class Printer {
 public:
  Printer(bool colour, bool all) : colour_(colour), all_(all) {}

  void print(const Value& decision) {
    const bool allowed = decision["allowed"].bool_or(false);
    fmt::print("{} {} {} on {}\n", tinted(mark(allowed), allowed), tinted(allowed ? "allowed" : "denied", allowed),
               one_line(decision["action"].string_or()), one_line(decision["resource"].string_or()));
    std::vector<std::vector<std::string>> facts = {{"  who", one_line(decision["principal"].string_or())}};
    if (decision.has("role") && decision["role"] != decision["principal"])
      facts.push_back({"  role", decision["role"].string_or()});
    const std::string request = decision["request_id"].string_or();
    facts.push_back({"  when", decision["at"].string_or()});
    facts.push_back(
        {"  call", fmt::format("{} of {}{}", decision["operation"].string_or(), decision["service"].string_or(),
                               request.empty() ? "" : ", request " + request)});
    if (const std::string run = decision["run"].string_or(); !run.empty()) facts.push_back({"  run", run});
    facts.push_back({"  because", decision["because"].string_or()});
    for (const std::string& line : align(facts)) fmt::print("{}\n", line);
    for (const char* kind : kKinds) print_kind(decision, kind);
  }

 private:
  std::string tinted(const std::string& text, bool good) const {
    return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", good ? 32 : 31, text) : text;
  }

  void print_kind(const Value& decision, const std::string& kind) {
    // Policies in their order, each with its statements.
    std::vector<std::pair<std::string, std::vector<const Value*>>> policies;
    for (const Value& statement : decision["statements"].items()) {
      if (statement["kind"].string_or() != kind) continue;
      const std::string name = statement["policy"].string_or();
      if (policies.empty() || policies.back().first != name) policies.push_back({name, {}});
      policies.back().second.push_back(&statement);
    }
    if (policies.empty()) {
      fmt::print("\n{}: none\n", kind);
      return;
    }
    fmt::print("\n{}\n", kind);
    for (std::size_t i = 0; i < policies.size(); ++i) {
      const bool last = i + 1 == policies.size();
      fmt::print("{} {}\n", last ? "└─" : "├─", one_line(policies[i].first));
      print_statements(policies[i].second, last ? "   " : "│  ");
    }
  }

  void print_statements(const std::vector<const Value*>& statements, const std::string& guide) {
    std::vector<const Value*> shown;
    for (const Value* statement : statements) {
      if (all_ || (*statement)["action_matches"].bool_or(false)) shown.push_back(statement);
    }
    const std::size_t others = statements.size() - shown.size();
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const bool last = i + 1 == shown.size() && others == 0;
      print_statement(*shown[i], guide + (last ? "└─ " : "├─ "), guide + (last ? "     " : "│    "));
    }
    if (others > 0)
      fmt::print("{}└─ {} {}statement{} speak{} of other actions\n", guide, others, shown.empty() ? "" : "more ",
                 others == 1 ? "" : "s", others == 1 ? "s" : "");
  }

  void print_statement(const Value& statement, const std::string& head, const std::string& below) {
    const bool applies = statement["applies"].bool_or(false), decided = statement["decided"].bool_or(false);
    const bool allows = statement["effect"].string_or() == "Allow";
    const std::string sid = statement["sid"].string_or();
    const std::string name = sid.empty() ? fmt::format("#{}", statement["number"].int_or(0)) : one_line(sid);
    const std::string verdict = decided   ? tinted(allows ? "this allows it" : "this denies it", allows)
                                : applies ? "applies"
                                          : "does not apply";
    fmt::print("{}{} {}: {}\n", head, statement["effect"].string_or(), name, verdict);
    const auto line = [&](bool good, const std::string& text) { fmt::print("{}{} {}\n", below, mark(good), text); };
    const auto element = [&](const char* plain, const char* negated, const char* matches) {
      const bool is_negated = statement.has(negated);
      const Value& patterns = statement[is_negated ? negated : plain];
      if (patterns.empty()) return;
      line(statement[matches].bool_or(false),
           fmt::format("{}{} {}", plain, is_negated ? " other than" : "", listed(patterns)));
    };
    element("action", "not_action", "action_matches");
    element("resource", "not_resource", "resource_matches");
    if (!statement["principal_matches"].bool_or(true)) line(false, "principal: somebody else's");
    for (const Value& condition : statement["conditions"].items()) {
      line(condition["holds"].bool_or(false),
           fmt::format("{} {} {}: the request has {}", condition["operator"].string_or(), condition["key"].string_or(),
                       listed(condition["wanted"]),
                       condition["present"].bool_or(false) ? listed(condition["actual"]) : "no such key"));
    }
  }

  bool colour_, all_;
};

void print_list(const Value& decisions) {
  std::vector<std::vector<std::string>> rows = {{"", "WHEN", "ACTION", "RESOURCE", "WHO", "REQUEST"}};
  for (const Value& one : decisions.items()) {
    rows.push_back({mark(one["allowed"].bool_or(false)), one["at"].string_or(), one["action"].string_or(),
                    cut(one_line(one["resource"].string_or()), 60), cut(one_line(one["principal"].string_or()), 70),
                    one["request_id"].string_or()});
  }
  for (const std::string& line : align(rows)) fmt::print("{}\n", line);
}

class IamExplain final : public Command {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("REQUEST", request_, "A request id (default: the latest request that was denied)", false);
    syntax.text("--run", run_, "Only calls of this run's steps and jobs");
    syntax.flag("--allowed", allowed_, "Also what was allowed");
    syntax.flag("-l,--list", list_, "List the latest decisions instead");
    syntax.number("-n,--limit", limit_, 1, 200, "At most so many with --list");
    syntax.flag("-a,--all", all_, "Also the statements that speak of other actions");
    syntax.text("--data-dir", data_dir_, kDataDirHelp);
    declare_json(syntax);
    syntax.examples(
        "  millrace iam explain\n  millrace iam explain 6f1c2d3e-0a1b-4c5d-8e9f-0123456789ab\n"
        "  millrace iam explain --run latest --list\n  millrace iam explain --allowed --all --json\n",
        "Decisions are kept in memory: the latest 512 denials and 1,024 others of the running server.\n");
  }

  Result<int> run() override {
    const auto client = MR_TRY(IdentityClient::open(data_dir_, text_for(json_)));
    std::string query = fmt::format("decisions?limit={}", list_ ? limit_ : request_.empty() ? 1 : 100);
    if (!request_.empty()) query += "&request_id=" + percent_encode(request_);
    if (request_.empty() && !allowed_) query += "&denied=true";
    if (!run_.empty()) {
      const auto runs = MR_TRY(ApiClient::open({client->endpoint(), ""}, Text::as_it_is));
      query += "&run=" + MR_TRY(find_run(*runs, run_))["run_id"].string_or();
    }
    const Value answer = MR_TRY(client->call("GET", query));
    const Value& decisions = answer["decisions"];
    if (json_) {
      fmt::print("{}\n", to_json_pretty(answer));
      return kSucceeded;
    }
    if (decisions.empty()) {
      return fail(Code::not_found,
                  !request_.empty()
                      ? fmt::format("no decision is kept for the request {}: it is too old, or was refused before any "
                                    "policy was asked (an unknown key, a wrong signature)",
                                    request_)
                  : allowed_ ? "nothing has been decided since the server was started"
                             : "nothing has been denied since the server was started; see --allowed");
    }
    if (list_) {
      print_list(decisions);
      return kSucceeded;
    }
    Printer printer(wants_colour(stdout), all_);
    for (std::size_t i = 0; i < decisions.size(); ++i) {
      if (i > 0) fmt::print("\n");
      printer.print(decisions.items()[i]);
    }
    return kSucceeded;
  }

 private:
  std::string data_dir_, request_, run_;  // request empty: the latest denied one
  bool allowed_ = false;                  // … or allowed
  bool list_ = false, all_ = false;
  std::size_t limit_ = 20;
};

}  // namespace

std::unique_ptr<Command> make_iam_explain() { return std::make_unique<IamExplain>(); }

}  // namespace millrace::app
