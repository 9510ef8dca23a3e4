#include "sagemaker/jobs/hosts.h"

#include <algorithm>

#include <fmt/core.h>

namespace millrace::sagemaker {
namespace {

constexpr std::string_view kFirst = "/algo-1-";

std::string name_of(std::size_t number) { return fmt::format("algo-{}", number); }

// Does `a` decide how the job ended, rather than `b`?
bool decides(const work::WorkStatus& a, const work::WorkStatus& b) {
  if (a.succeeded() != b.succeeded()) return !a.succeeded();
  return a.succeeded() ? a.ended > b.ended : a.ended < b.ended;
}

}  // namespace

std::string Host::name() const { return name_of(number); }

std::size_t hosts_of(const Resource& job) {
  const Value& cluster =
      job.kind == Kind::processing_job ? job.body["ProcessingResources"]["ClusterConfig"] : job.body["ResourceConfig"];
  return static_cast<std::size_t>(std::clamp<std::int64_t>(cluster["InstanceCount"].int_or(1), 1, kMaxHosts));
}

Value host_names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t number = 1; number <= count; ++number) names.push_back(name_of(number));
  std::ranges::sort(names);  // as SageMaker gives them: algo-1, algo-10, algo-2
  return Value::texts(names);
}

std::filesystem::path host_directory(const std::filesystem::path& job, std::size_t number) {
  return number == 1 ? job : job / name_of(number);
}

std::string host_key(const std::string& job_key, std::size_t number) {
  return number == 1 ? job_key : fmt::format("{}/{}", job_key, name_of(number));
}

std::string host_stream(const Resource& job, std::size_t number) {
  std::string stream = job.state["log_stream"].string_or();
  const auto at = number == 1 ? std::string::npos : stream.rfind(kFirst);
  if (at != std::string::npos) stream.replace(at, kFirst.size(), fmt::format("/{}-", name_of(number)));
  return stream;
}

std::string hosts_file(std::size_t count) {
  std::string text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
  for (std::size_t number = 1; number <= count; ++number) {
    text += fmt::format("127.0.1.{} {}\n", number, name_of(number));
  }
  return text;
}

TogetherStatus together(const std::vector<std::optional<work::WorkStatus>>& hosts) {
  TogetherStatus out;
  std::size_t started = 0, running = 0;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (!hosts[i]) continue;
    const work::WorkStatus& host = *hosts[i];
    ++started;
    const Time first = out.all ? std::min(out.all->started, host.started) : host.started;
    const bool is_over = host.is_over();
    if (!is_over) ++running;
    if (is_over && !host.succeeded()) out.has_failed = true;
    // While one runs, all do; among those that have ended, the one that decides.
    const bool takes = !out.all || (out.all->is_over() && (!is_over || decides(host, *out.all)));
    if (takes) {
      out.all = host;
      out.culprit = i + 1;
    }
    out.all->started = first;
  }
  out.is_incomplete = started > 0 && started < hosts.size();
  out.has_failed = out.has_failed && running > 0;
  return out;
}

}  // namespace millrace::sagemaker
