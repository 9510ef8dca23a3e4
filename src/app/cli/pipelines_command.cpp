// millrace pipelines [PIPELINE]

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
#include "app/cli/text.h"
#include "base/encode.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

constexpr std::size_t kMost = 10'000, kNameShown = 60;

class ListPipelines final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("PIPELINE", pipeline_, "List the versions of this one, by name or id", false);
    syntax.number("-n,--limit", limit_, 1, kMost, "At most so many");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples("  millrace pipelines\n  millrace pipelines hello\n");
  }

  Result<int> run() override {
    const auto client = MR_TRY(connect());
    std::string path = "/pipelines", items = "pipelines", id = "pipeline_id";
    if (!pipeline_.empty()) {
      const Value pipeline = MR_TRY(find_pipeline(*client, pipeline_));
      path = fmt::format("/pipelines/{}/versions", percent_encode(pipeline["pipeline_id"].string_or()));
      items = "pipeline_versions";
      id = "pipeline_version_id";
    }
    Value found = MR_TRY(list_all(*client, path + "?sort_by=created_at%20desc", items, limit_));
    for (Value& one : found.as_array()) one.erase("pipeline_spec");  // a listing is for choosing one
    std::vector<std::vector<std::string>> rows = {{pipeline_.empty() ? "PIPELINE" : "VERSION", "NAME", "CREATED"}};
    for (const Value& one : found.items())
      rows.push_back({one[id].string_or(), cut(one_line(one["display_name"].string_or()), kNameShown),
                      one["created_at"].string_or()});
    say(found, !found.empty()      ? join(align(rows), "\n")
               : pipeline_.empty() ? "There is no pipeline yet; upload one with `millrace upload FILE`."
                                   : "It has no version; add one with `millrace upload FILE --pipeline`.");
    return kSucceeded;
  }

 private:
  std::string pipeline_;
  std::size_t limit_ = 100;
};

}  // namespace

std::unique_ptr<Command> make_pipelines() { return std::make_unique<ListPipelines>(); }

}  // namespace millrace::app
