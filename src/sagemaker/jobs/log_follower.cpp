#include "sagemaker/jobs/log_follower.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"

namespace millrace::sagemaker {
namespace {

constexpr std::chrono::milliseconds kPoll{100};
constexpr std::size_t kReadBytes = 256u << 10;
constexpr std::size_t kBatchEvents = 1'000;
constexpr std::size_t kCountPage = 10'000;

// CloudWatch holds text; what is not UTF-8 is shown byte by byte.
std::string printable(std::string_view line) {
  if (is_valid_utf8(line)) return std::string(line);
  std::string text;
  for (const char c : line) {
    if (static_cast<unsigned char>(c) < 0x80) {
      text += c;
    } else {
      text += "\\x" + to_hex(std::string_view(&c, 1));
    }
  }
  return text;
}

}  // namespace

void LineCutter::add(std::string_view bytes, const std::function<void(std::string_view)>& line) {
  while (!bytes.empty()) {
    const auto newline = bytes.find('\n');
    const std::size_t room = kMaxLine - pending_.size();
    const std::size_t take = std::min(newline == std::string_view::npos ? bytes.size() : newline, room);
    pending_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    const bool at_newline = !bytes.empty() && bytes.front() == '\n';
    if (at_newline) bytes.remove_prefix(1);
    if (at_newline || pending_.size() >= kMaxLine) end(line);
  }
}

void LineCutter::end(const std::function<void(std::string_view)>& line) {
  std::string_view text = pending_;
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (!text.empty()) line(text);
  pending_.clear();
}

struct LogFollower::Impl {
  struct Followed {
    std::mutex mutex;  // one reader at a time
    Source source;
    Fd file;
    LineCutter cutter;
    std::vector<logs::Event> batch;
    std::size_t to_skip = 0;  // lines that are stored already
    bool counted = false;
    bool closed = false;  // finished or dropped
  };

  Impl(logs::Logs& l, const Clock& c) : logs(l), clock(c) {}
  logs::Logs& logs;
  const Clock& clock;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::shared_ptr<Followed>> followed;  // shared: finish() and the thread hold one at a time
  bool stopping = false;
  std::thread thread;

  Status count_stored(Followed& f) {
    if (f.counted) return {};
    std::size_t stored = 0;
    while (true) {
      const auto page = logs.read(f.source.group, f.source.stream, stored, kCountPage);
      if (!page) {
        if (page.error().code == Code::not_found) break;
        return fail(page.error());
      }
      stored += page->size();
      if (page->size() < kCountPage) break;
    }
    f.to_skip = stored;
    f.counted = true;
    return {};
  }

  Status flush(Followed& f) {
    if (f.batch.empty()) return {};
    MR_TRY(logs.append(f.source.group, f.source.stream, f.batch));
    f.batch.clear();
    return {};
  }

  // Reads to the file's present end.
  Status advance(Followed& f, bool last) {
    MR_TRY(count_stored(f));
    const Time now = clock.now();
    const auto take = [&](std::string_view line) {
      if (f.source.on_line) f.source.on_line(line, now);
      if (f.to_skip > 0) {
        --f.to_skip;
      } else {
        f.batch.push_back({now, printable(line)});
      }
    };
    if (!f.file) f.file = Fd(::open(f.source.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (f.file) {
      std::vector<char> buffer(kReadBytes);
      while (true) {
        const ssize_t got = ::read(f.file.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(system_error("cannot read " + f.source.file.string(), errno));
        if (got == 0) break;
        f.cutter.add(std::string_view(buffer.data(), static_cast<std::size_t>(got)), take);
        if (f.batch.size() >= kBatchEvents) MR_TRY(flush(f));
      }
    }
    if (last) f.cutter.end(take);
    return flush(f);
  }

  void run() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      if (followed.empty()) {
        changed.wait(lock);
        continue;
      }
      changed.wait_for(lock, kPoll);
      auto now = followed;
      lock.unlock();
      for (auto& [key, f] : now) {
        const std::lock_guard reading(f->mutex);
        if (f->closed) continue;
        if (auto done = advance(*f, false); !done) log::warn("log of {}: {}", key, done.error().message);
      }
      now.clear();
      lock.lock();
    }
  }
};

LogFollower::LogFollower(logs::Logs& logs, const Clock& clock) : impl_(std::make_unique<Impl>(logs, clock)) {}
LogFollower::~LogFollower() { stop(); }

bool LogFollower::follow(const std::string& key, Source source) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->stopping || impl_->followed.contains(key)) return false;
  auto f = std::make_shared<Impl::Followed>();
  f->source = std::move(source);
  impl_->followed.emplace(key, std::move(f));
  if (!impl_->thread.joinable()) impl_->thread = std::thread([this] { impl_->run(); });
  impl_->changed.notify_one();
  return true;
}

Status LogFollower::finish(const std::string& key) {
  std::shared_ptr<Impl::Followed> f;
  {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->followed.find(key);
    if (found == impl_->followed.end()) return {};
    f = found->second;
  }
  {
    const std::lock_guard reading(f->mutex);
    MR_TRY(impl_->advance(*f, true));
    f->closed = true;
  }
  drop(key);
  return {};
}

void LogFollower::drop(const std::string& key) {
  const std::lock_guard lock(impl_->mutex);
  impl_->followed.erase(key);
}

void LogFollower::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace millrace::sagemaker
