#include "work/container_backend.h"

#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "work/container_command.h"
#include "work/container_engine.h"

namespace millrace::work {
namespace {

namespace fs = std::filesystem;

constexpr Millis kInspectLimit{30'000}, kRemoveLimit{60'000};  // of the engine's answers
constexpr std::chrono::seconds kMoment{60};
constexpr std::size_t kSettlingThreads = 2, kMaxSettling = 100'000;

std::set<std::string, std::less<>> names_in(const fs::path& directory) {
  std::set<std::string, std::less<>> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) names.insert(entry.path().filename().native());
  return names;
}

Status remove_containers(const fs::path& engine, const std::set<std::string, std::less<>>& names) {
  std::vector<std::string> words = {"rm", "--force"};
  // podman gives it ten seconds else; docker kills at once, and does not know the option.
  if (engine.filename() == "podman") words.insert(words.end(), {"--time", "0"});
  words.insert(words.end(), names.begin(), names.end());
  const int code = MR_TRY(ask_engine(engine, std::move(words), kRemoveLimit));
  return code == 0 ? Status() : fail(Code::unavailable, "the engine's client ends with " + std::to_string(code));
}

}  // namespace

ContainerBackend::ContainerBackend(Backend& processes, Options options)
    : processes_(processes),
      options_(std::move(options)),
      unsettled_(names_in(options_.directory)),
      ends_(processes.on_end("", [this](const auto& key, const auto& status) { client_ended(key, status); })) {}

ContainerBackend::~ContainerBackend() {
  stopping_ = true;
  ends_.reset();
  if (settling_) settling_->stop();
}

Result<fs::path> ContainerBackend::engine() {
  const MutexLock lock(engine_mutex_);
  if (!engine_) engine_ = options_.engine.empty() ? find_container_engine("") : Result<fs::path>(options_.engine);
  return *engine_;
}

bool ContainerBackend::is_contained(const std::string& name) const {
  const MutexLock lock(mutex_);
  return unsettled_.contains(name);
}

bool ContainerBackend::any() const {
  const MutexLock lock(mutex_);
  return !unsettled_.empty() || (last_settled_ && Steady::now() - *last_settled_ < kMoment);
}

void ContainerBackend::start(Workload workload, Done done) {
  if (workload.image.empty()) return processes_.start(std::move(workload), std::move(done));
  const auto engine = this->engine();
  if (!engine) return done(fail(engine.error()));
  const std::string name = container_name(workload.key);
  const fs::path directory = directory_of(name);
  if (const Status made = make_directories(directory, 0700); !made) return done(fail(made.error()));
  {
    const MutexLock lock(mutex_);
    unsettled_.insert(name);
  }
  auto client = client_of(*engine, std::move(workload), directory);
  if (!client) {
    settle(name, {});
    return done(fail(client.error()));
  }
  processes_.start(std::move(*client), [this, name, done = std::move(done)](Result<WorkStatus> status) {
    // One that is not known to have failed may run.
    if (!status && status.error().code != Code::unavailable) settle_later(name, {}, {});
    if (status && status->is_over()) settle_later(name, *status, {});
    done(std::move(status));
  });
}

void ContainerBackend::client_ended(const std::string& key, const WorkStatus& status) {
  const bool any_contained = [this] {
    const MutexLock lock(mutex_);
    return !unsettled_.empty();
  }();
  const std::string name = any_contained ? container_name(key) : std::string();
  if (!any_contained || !is_contained(name)) return report_end(key, status);
  settle_later(name, status, [this, key, status] { report_end(key, status); });
}

void ContainerBackend::settle_later(const std::string& name, const WorkStatus& status, std::function<void()> after) {
  const auto task = [this, name, status, after] {
    if (stopping_) return;
    settle(name, status);
    if (after) after();
  };
  bool submitted = false;
  {
    const MutexLock lock(mutex_);
    if (!settling_) settling_ = std::make_unique<WorkerPool>(kSettlingThreads, kMaxSettling, ThreadName("containers"));
    submitted = settling_->submit(task);
  }
  if (submitted || stopping_) return;
  log::warn("the container {} is not removed: too many wait for it", name);
  if (after) after();
}

void ContainerBackend::settle(const std::string& name, const WorkStatus& status) {
  if (status.was_killed()) {
    const auto engine = this->engine();
    const Status removed = engine ? remove_containers(*engine, {name}) : fail(engine.error());
    if (!removed) log::warn("the container {} cannot be removed: {}", name, removed.error().message);
  }
  std::error_code failed;
  fs::remove_all(directory_of(name), failed);
  if (failed) log::warn("the files of the container {} cannot be removed: {}", name, failed.message());
  const MutexLock lock(mutex_);
  if (unsettled_.erase(name) > 0) last_settled_ = Steady::now();
}

Result<std::optional<WorkStatus>> ContainerBackend::status(const std::string& key) {
  auto status = MR_TRY(processes_.status(key));
  if (!status || !status->is_over()) return status;
  // It ended while no server ran.
  if (const std::string name = container_name(key); is_contained(name)) settle(name, *status);
  return status;
}

std::uint16_t ContainerBackend::published_port(const std::string& key) {
  const std::string name = container_name(key);
  return is_contained(name) ? kept_port(directory_of(name)) : std::uint16_t{0};
}

Status ContainerBackend::shutdown(Millis grace) {
  MR_TRY(processes_.shutdown(grace));
  std::set<std::string, std::less<>> left;
  {
    const MutexLock lock(mutex_);
    left = unsettled_;
  }
  if (left.empty()) return {};
  return remove_containers(MR_TRY(engine()), left);
}

bool ContainerBackend::has_image(const std::string& image) {
  if (!is_image_reference(image)) return false;
  const auto engine = this->engine();
  if (!engine) return false;
  const auto code = ask_engine(*engine, {"image", "inspect", image}, kInspectLimit);
  if (!code) log::warn("the image {} cannot be looked for: {}", image, code.error().message);
  return code && *code == 0;
}

}  // namespace millrace::work
