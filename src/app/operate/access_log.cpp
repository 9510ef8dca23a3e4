#include "app/operate/access_log.h"

#include <array>

#include <fmt/core.h>

#include "base/log_format.h"

namespace millrace::app {
namespace {

constexpr std::string_view kRuns = "/runs/";
constexpr std::size_t kUuid = 36, kMaxPath = 1024;

std::string run_of(std::string_view path) {
  const std::size_t at = path.find(kRuns);
  if (at == std::string_view::npos) return {};
  const std::string_view id = path.substr(at + kRuns.size(), kUuid);
  return id.size() == kUuid && id.find_first_not_of("0123456789abcdef-") == std::string_view::npos ? std::string(id)
                                                                                                   : std::string();
}

std::string request_id_of(const net::Response& answer) {
  for (const std::string_view name : {"x-amzn-requestid", "x-amz-request-id"}) {
    if (const auto id = answer.headers.get(name); !id.empty()) return std::string(id);
  }
  return {};
}

}  // namespace

AccessRecord access_record(const net::Request& request) {
  return {request.method, request.path.substr(0, kMaxPath), std::string(request.headers.get("x-amz-target")),
          run_of(request.path)};
}

void log_access(const AccessRecord& record, const net::Response& answer, std::chrono::nanoseconds took) {
  const std::array<log::Field, 7> fields = {
      {{"method", record.method},
       {"path", record.path},
       {"operation", record.operation},
       {"status", std::to_string(answer.status)},
       {"seconds", fmt::format("{:.6f}", std::chrono::duration<double>(took).count())},
       {"request_id", request_id_of(answer)},
       {"run_id", record.run_id}}};
  log::write(log::Level::info, "request", fields);
}

}  // namespace millrace::app
