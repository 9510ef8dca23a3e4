#include "logs/logs.h"

#include "logs/ops/ops.h"
#include "logs/store.h"

namespace millrace::logs {
namespace {

constexpr std::size_t kMostStreams = 10'000;  // that streams() lists

class LogsService final : public Logs {
 public:
  LogsService(db::Database& database, const Clock& clock) : store_(database, clock) {}
  Status open() { return store_.open(); }

  aws::Service service() override {
    aws::Service service{"logs"};
    service.dialect.validation.code = "InvalidParameterException";
    service.dialect.prepare = ops::check_group_members;
    service.add(store_, {ops::create_log_group, ops::delete_log_group, ops::describe_log_groups,
                         ops::put_retention_policy, ops::delete_retention_policy, ops::create_log_stream,
                         ops::delete_log_stream, ops::describe_log_streams, ops::put_log_events, ops::get_log_events,
                         ops::filter_log_events, ops::tag_resource, ops::tag_log_group, ops::untag_resource,
                         ops::untag_log_group, ops::list_tags_for_resource, ops::list_tags_log_group});
    return service;
  }

  ConditionTags condition_tags() override {
    return [this](const std::string& arn) -> Result<std::vector<std::pair<std::string, std::string>>> {
      constexpr std::string_view kMark = ":log-group:";
      std::vector<std::pair<std::string, std::string>> keys;
      const auto mark = arn.find(kMark);
      if (mark == std::string::npos) return keys;
      const auto begin = mark + kMark.size(), end = arn.find(':', begin);
      const std::string group = arn.substr(begin, end == std::string::npos ? end : end - begin);
      const auto tags = store_.tags(group);
      if (!tags && tags.error().code != Code::not_found) return fail(tags.error());
      if (!tags) return keys;
      for (const auto& [key, value] : *tags) keys.emplace_back("aws:ResourceTag/" + key, value);
      return keys;
    };
  }

  Status append(const std::string& group, const std::string& stream, const std::vector<Event>& events) override {
    return store_.append(group, stream, events, true);
  }

  Result<std::vector<Event>> read(const std::string& group, const std::string& stream, std::size_t skip,
                                  std::size_t limit) override {
    return store_.arrivals(group, stream, skip, limit);
  }

  Result<std::vector<std::string>> streams(const std::string& group, const std::string& prefix) override {
    std::vector<std::string> names;
    for (auto& stream : MR_TRY(store_.streams(group, prefix, {}, 0, kMostStreams))) {
      names.push_back(std::move(stream.name));
    }
    return names;
  }

 private:
  Store store_;
};

}  // namespace

// Account and region come with each call, from the gateway.
Result<std::unique_ptr<Logs>> Logs::open(db::Database& database, const Clock& clock, std::string, std::string) {
  auto logs = std::make_unique<LogsService>(database, clock);
  MR_TRY(logs->open());
  return logs;
}

}  // namespace millrace::logs
