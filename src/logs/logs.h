#pragma once
// CloudWatch Logs: groups, streams, events.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/gateway.h"
#include "base/result.h"
#include "base/time.h"
#include "db/database.h"

namespace millrace::logs {

struct Event {
  Time at{};
  std::string message;
};

class Logs {
 public:
  static Result<std::unique_ptr<Logs>> open(db::Database& database, const Clock& clock, std::string account,
                                            std::string region);
  virtual ~Logs() = default;
  virtual aws::Service service() = 0;
  // Tags of a group, of the group's ARN or one of what is in it, as condition keys (aws:ResourceTag/…), for iam. Null:
  // none has any.
  using ConditionTags =
      std::function<Result<std::vector<std::pair<std::string, std::string>>>(const std::string& resource_arn)>;
  virtual ConditionTags condition_tags() { return {}; }
  // For the services in this process: the group and the stream are made when absent. Events of one stream keep the
  // order of the calls.
  virtual Status append(const std::string& group, const std::string& stream, const std::vector<Event>& events) = 0;
  // From the start; `skip` events are left out (the caller's position). At most `limit`.
  virtual Result<std::vector<Event>> read(const std::string& group, const std::string& stream, std::size_t skip,
                                          std::size_t limit) = 0;
  virtual Result<std::vector<std::string>> streams(const std::string& group, const std::string& prefix) = 0;
};

}  // namespace millrace::logs
