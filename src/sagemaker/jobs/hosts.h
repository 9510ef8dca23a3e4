#pragma once
// The hosts of a job of several instances: processes of this machine, each with an /opt/ml of its own, that know each
// other as algo-1, algo-2 and so on by an /etc/hosts of the job's. Pure.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"
#include "sagemaker/resource.h"
#include "work/workload.h"

namespace millrace::sagemaker {

inline constexpr std::int64_t kMaxHosts = 20;

struct Host {
  std::size_t number = 1, count = 1;
  std::string name() const;
};

std::size_t hosts_of(const Resource& job);  // what its InstanceCount says
Value host_names(std::size_t count);
// The first host's are the job's own, so that a job of one instance has nothing else.
std::filesystem::path host_directory(const std::filesystem::path& job, std::size_t number);
std::string host_key(const std::string& job_key, std::size_t number);
std::string host_stream(const Resource& job, std::size_t number);  // in the job's log group
// Each host has an address of loopback, so that two may listen on the same port.
std::string hosts_file(std::size_t count);

// What the backend has of the hosts, as of one program.
struct TogetherStatus {
  // Running while any runs; then the failure that came first, or the end of the last. nullopt: none was started.
  std::optional<work::WorkStatus> all;
  bool is_incomplete = false;  // some were started, and the server ended before the others were
  bool has_failed = false;     // one has failed, and others still run
  std::size_t culprit = 1;     // the number of the host that `all` is the end of
};
TogetherStatus together(const std::vector<std::optional<work::WorkStatus>>& hosts);

}  // namespace millrace::sagemaker
