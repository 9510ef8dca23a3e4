#include "work/environment_builds.h"

#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"

namespace millrace::work {
namespace {

constexpr std::size_t kLogEnd = 64u << 10;  // bytes of what a failed making said, for each that waited

std::string end_of(const std::filesystem::path& log) {
  const auto place = UntrustedTree::open(log.parent_path());
  const auto text =
      place ? place->read_end(log.filename().native(), kLogEnd) : Result<std::string>(fail(place.error()));
  return text.value_or("");
}

void put(const std::filesystem::path& log, const std::string& text) {
  const auto place = UntrustedTree::open(log.parent_path());
  const Status written = place ? place->write(log.filename().native(), text) : Status(fail(place.error()));
  if (!written) log::warn("{}", written.error().message);
}

std::string last_line(std::string_view text) {
  text = trim(text);
  const std::size_t line = text.rfind('\n');
  if (line != std::string_view::npos) text = text.substr(line + 1);
  return text.empty() || !is_valid_utf8(text) ? std::string() : ": " + std::string(text);
}

}  // namespace

EnvironmentBuilds::EnvironmentBuilds(Backend& backend, const Clock& clock, PythonPlaces places, Timers& timers)
    : backend_(backend), clock_(clock), places_(std::move(places)), timers_(timers) {}

void EnvironmentBuilds::begin(bool idle) {
  for (const std::string& key : discard_builds(places_, idle)) {
    if (const Status stopped = backend_.stop(key, Millis(0)); !stopped)
      log::warn("{} cannot be stopped: {}", key, stopped.error().message);
    (void)backend_.forget(key);  // of one that ended meanwhile
  }
}

void EnvironmentBuilds::make(PythonBuild build, const std::filesystem::path& log, Done done) {
  const std::string name = build.name, key = build.child.key;
  const Workload child = build.child;
  bool begun = false, is_full = false;
  {
    const MutexLock lock(state_->mutex);
    auto [making, is_new] = state_->making.try_emplace(name);
    is_full = making->second.waiting.size() >= kMaxWaiting;
    if (!is_full) making->second.waiting.push_back({log, std::move(done)});
    begun = is_new;
    if (is_new) making->second.build = std::move(build);
  }
  if (is_full) {  // and so it is being made
    discard_build(places_, build);
    return done(fail(Code::resource_exhausted, "too many tasks wait for their Python environment"), "");
  }
  if (!begun) return discard_build(places_, build);
  backend_.start(child, [this, state = std::weak_ptr(state_), name](const auto& started) {
    if (!started && state.lock()) finish(name, [&](const auto&) -> Status { return fail(started.error()); });
  });
  auto too_long = timers_.timer_at(clock_.now() + kLongest, [this, key, state = std::weak_ptr(state_)] {
    if (!state.lock()) return;
    log::warn("{} takes too long and is stopped", key);
    (void)backend_.stop(key, Millis(0));
  });
  const MutexLock lock(state_->mutex);
  const auto found = state_->making.find(name);
  if (found != state_->making.end() && found->second.build.child.key == key)
    found->second.too_long = std::move(too_long);
}

void EnvironmentBuilds::ended(const std::string& key, const WorkStatus& status) {
  std::string name;
  {
    const MutexLock lock(state_->mutex);
    for (const auto& [of, making] : state_->making) {
      if (making.build.child.key == key) name = of;
    }
  }
  if (!name.empty()) finish(name, [&](const auto& build) { return publish(build, status); });
}

Status EnvironmentBuilds::publish(const PythonBuild& build, const WorkStatus& status) const {
  if (status.succeeded()) return publish_environment(places_, build);
  const std::string how = status.signal != 0 ? fmt::format("was ended by signal {}", status.signal)
                                             : fmt::format("ended with exit code {}", status.exit_code);
  return fail(Code::unavailable, "the making of its Python environment " + how);
}

void EnvironmentBuilds::finish(const std::string& name, const std::function<Status(const PythonBuild&)>& outcome) {
  Making made;
  {
    const MutexLock lock(state_->mutex);
    const auto found = state_->making.find(name);
    if (found == state_->making.end()) return;
    made.build = found->second.build;
  }
  // Whoever asks meanwhile waits with the others: this one is still being made.
  Status status = outcome(made.build);
  const auto& first = made.build.child.log;
  const std::string said = status ? std::string() : end_of(first);
  if (!status) status = fail(status.error().code, status.error().message + last_line(said));
  discard_build(places_, made.build);
  {
    const MutexLock lock(state_->mutex);
    made = std::move(state_->making.extract(name).mapped());
  }
  for (const Waiting& one : made.waiting) {
    if (!status && !one.log.empty() && one.log != first && !said.empty()) put(one.log, said);
    one.done(status, said);
  }
}

}  // namespace millrace::work
