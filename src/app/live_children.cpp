#include "app/live_children.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include <fmt/core.h>

#include "proc/child_user.h"

namespace millrace::app {
namespace {

constexpr std::chrono::seconds kMoment{60};

// A child of an earlier server's may have been started by other settings than this one's. It cannot change its user.
bool may_be_own_user(std::int64_t pid) {
  struct stat facts{};
  return ::stat(fmt::format("/proc/{}", pid).c_str(), &facts) != 0 || facts.st_uid == ::geteuid() || facts.st_uid == 0;
}

}  // namespace

bool runs_as_own_user(const proc::LaunchSpec& spec, bool another_user) {
  return !spec.sandbox || spec.as_server || !another_user;
}

LiveChildren::LiveChildren(const std::filesystem::path& directory, const std::filesystem::path& executable,
                           ExitHandler on_exit, std::uint64_t log_limit)
    : last_seen_(seen_at_start(directory)),
      last_seen_as_own_user_(last_seen_),
      launcher_(
          directory, executable,
          [this, on_exit = std::move(on_exit)](const std::string& key, const proc::ChildStatus& status) {
            end(key);
            on_exit(key, status);
          },
          log_limit) {}

LiveChildren::Steady::time_point LiveChildren::seen_at_start(const std::filesystem::path& directory) {
  std::error_code unreadable;
  const bool never = !std::filesystem::exists(directory / "journal", unreadable) && !unreadable;
  return Steady::now() - (never ? kMoment : std::chrono::seconds(0));
}

void LiveChildren::begin(const std::string& key, Child child) {
  const MutexLock lock(mutex_);
  Child& known = running_.try_emplace(key, Child{0, false}).first->second;
  as_own_user_ += child.as_own_user ? 1U : 0U;
  as_own_user_ -= known.as_own_user ? 1U : 0U;
  known = child;
  if (child.pid != 0) by_pid_[child.pid] = key;
}

void LiveChildren::end(const std::string& key) {
  const MutexLock lock(mutex_);
  last_seen_ = Steady::now();
  const auto child = running_.extract(key);
  if (!child) return;
  if (child.mapped().as_own_user) {
    --as_own_user_;
    last_seen_as_own_user_ = last_seen_;
  }
  const auto known = by_pid_.find(child.mapped().pid);
  if (known != by_pid_.end() && known->second == key) by_pid_.erase(known);
}

void LiveChildren::launch_async(const proc::LaunchSpec& spec, LaunchDone done) {
  const bool as_own_user = runs_as_own_user(spec, spec.user || proc::child_user());
  begin(spec.key, {0, as_own_user});
  launcher_.launch_async(spec,
                         [this, key = spec.key, as_own_user, done = std::move(done)](Result<proc::ChildStatus> status) {
                           if (status && status->state == proc::ChildStatus::State::running)
                             begin(key, {status->pid, as_own_user});
                           else
                             end(key);
                           done(std::move(status));
                         });
}

Result<std::optional<proc::ChildStatus>> LiveChildren::status(const std::string& key) {
  auto status = launcher_.status(key);
  if (status && *status && (*status)->state == proc::ChildStatus::State::running)
    begin(key, {(*status)->pid, may_be_own_user((*status)->pid)});
  return status;
}

Status LiveChildren::stop(const std::string& key, Millis grace) { return launcher_.stop(key, grace); }
Status LiveChildren::forget(const std::string& key) { return launcher_.forget(key); }
Status LiveChildren::shutdown(Millis grace) { return launcher_.shutdown(grace); }

bool LiveChildren::runs(const std::string& key) {
  {
    const MutexLock lock(mutex_);
    if (running_.contains(key)) return true;
  }
  const auto now = status(key);
  return now && *now && (*now)->state == proc::ChildStatus::State::running;
}

std::string LiveChildren::key_of(std::span<const pid_t> processes) const {
  const MutexLock lock(mutex_);
  for (const pid_t process : processes) {
    if (const auto found = by_pid_.find(process); found != by_pid_.end()) return found->second;
  }
  return {};
}

std::size_t LiveChildren::count() const {
  const MutexLock lock(mutex_);
  return running_.size();
}

bool LiveChildren::any() const {
  const MutexLock lock(mutex_);
  return !running_.empty() || Steady::now() - last_seen_ < kMoment;
}

bool LiveChildren::any_as_own_user() const {
  const MutexLock lock(mutex_);
  return as_own_user_ > 0 || Steady::now() - last_seen_as_own_user_ < kMoment;
}

}  // namespace millrace::app
