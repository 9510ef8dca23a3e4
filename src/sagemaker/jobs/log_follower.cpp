#include "sagemaker/jobs/log_follower.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/thread_name.h"
#include "base/untrusted_tree.h"
#include "proc/child_log.h"
#include "sagemaker/printable.h"

namespace millrace::sagemaker {
namespace {

constexpr std::chrono::milliseconds kPoll{100};
constexpr std::size_t kReadBytes = 256u << 10;
constexpr std::size_t kBatchEvents = 1'000;
constexpr std::size_t kBatchBytes = 1u << 20;
constexpr std::size_t kCountPage = 10'000;

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
    Mutex mutex;  // one reader at a time: of all the rest
    Source source;
    Fd file;
    bool unreadable = false;   // said once
    std::uint64_t offset = 0;  // of what is read next, in the log as it was written
    LineCutter cutter;
    std::vector<logs::Event> batch;
    std::size_t batch_bytes = 0;
    std::size_t to_skip = 0;  // lines that are stored already
    std::uint64_t read = 0, stored_bytes = 0;
    std::size_t events = 0;
    bool counted = false;
    bool full = false;    // kFullLine is stored, or in the batch
    bool closed = false;  // finished or dropped
  };

  Impl(logs::Logs& l, const Clock& c, Limits most, Reads how) : logs(l), clock(c), limits(most), reads(how) {}
  logs::Logs& logs;
  const Clock& clock;
  const Limits limits;
  const Reads reads;
  Mutex mutex;
  CondVar changed;
  // Shared: finish() and the thread hold one at a time.
  std::map<std::string, std::shared_ptr<Followed>> followed MR_GUARDED_BY(mutex);
  bool stopping MR_GUARDED_BY(mutex) = false;
  std::thread thread MR_GUARDED_BY(mutex);

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
      f.full = f.full || (!page->empty() && page->back().message == kFullLine);
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
    f.batch_bytes = 0;
    return {};
  }

  bool over_limit(const Followed& f) const {
    return f.read > limits.stored_bytes || f.stored_bytes > limits.stored_bytes || f.events >= limits.stored_events;
  }

  void take(Followed& f, std::string_view line, Time now) const {
    if (f.source.on_line) f.source.on_line(line, now);
    if (f.full) return;
    std::string text = printable(line);
    f.stored_bytes += text.size();
    ++f.events;
    if (f.to_skip > 0) {
      --f.to_skip;
    } else {
      f.batch_bytes += text.size();
      f.batch.push_back({now, std::move(text)});
    }
    if (over_limit(f)) fill_up(f, now);
  }

  static void fill_up(Followed& f, Time now) {
    f.full = true;
    f.batch.push_back({now, std::string(kFullLine)});
  }

  // The child's log as it is now; false: there is none, or nothing that could be read.
  static bool open(Followed& f) {
    if (f.file) return true;
    const auto directory = UntrustedTree::open(f.source.file.parent_path());
    auto file =
        directory ? directory->open_file(f.source.file.filename().string()) : Result<Fd>(fail(directory.error()));
    if (file) {
      f.file = std::move(*file);
    } else if (file.error().code != Code::not_found && !std::exchange(f.unreadable, true)) {
      log::warn("{}", file.error().message);
    }
    return static_cast<bool>(f.file);
  }

  // Past what is not kept; at the start of a log that its child made shorter.
  void seek(Followed& f) const {
    const auto end = proc::log_end(f.file.get());
    if (!end) return;
    if (*end < f.offset) f.offset = 0;
    if (f.full && *end - f.offset > limits.tail_bytes) f.offset = *end - limits.tail_bytes;
  }

  // Reads what there is, one turn of it, or all if it is the last time.
  Status advance(Followed& f, bool last) {
    MR_TRY(count_stored(f));
    const Time now = clock.now();
    const auto line = [&](std::string_view text) { take(f, text, now); };
    const bool is_there = open(f);
    const std::uint64_t most = last ? limits.stored_bytes + 2 * limits.tail_bytes + 4 * kReadBytes : limits.turn_bytes;
    for (std::uint64_t turn = 0; is_there && turn < most;) {
      seek(f);
      const proc::LogPart part = MR_TRY(proc::read_log(f.file.get(), f.offset, kReadBytes));
      if (part.next == f.offset) break;
      f.offset = part.next;
      f.read += part.text.size();
      turn += std::max<std::uint64_t>(part.text.size(), 1);
      if (part.cut && f.to_skip > 0) {
        // What was cut was stored before: its lines count as those that are read.
        f.cutter.end(line);
        f.to_skip -= std::min<std::uint64_t>(f.to_skip, part.cut->lines);
      } else {
        f.cutter.add(part.text, line);
      }
      if (!f.full && over_limit(f)) fill_up(f, now);
      if (f.batch.size() >= kBatchEvents || f.batch_bytes >= kBatchBytes) MR_TRY(flush(f));
    }
    if (last) f.cutter.end(line);
    return flush(f);
  }

  void run() {
    name_thread("sagemaker-logs");
    MutexLock lock(mutex);
    while (!stopping) {
      if (followed.empty()) {
        changed.wait(mutex);
        continue;
      }
      changed.wait_for(mutex, kPoll);
      auto now = followed;
      lock.unlock();
      for (auto& [key, f] : now) {
        const MutexLock reading(f->mutex);
        if (f->closed) continue;
        if (auto done = advance(*f, false); !done) log::warn("log of {}: {}", key, done.error().message);
      }
      now.clear();
      lock.lock();
    }
  }
};

LogFollower::LogFollower(logs::Logs& logs, const Clock& clock) : LogFollower(logs, clock, Limits()) {}
LogFollower::LogFollower(logs::Logs& logs, const Clock& clock, Limits limits, Reads reads)
    : impl_(std::make_unique<Impl>(logs, clock, limits, reads)) {}
LogFollower::~LogFollower() { stop(); }

bool LogFollower::follow(const std::string& key, Source source) {
  const MutexLock lock(impl_->mutex);
  if (impl_->stopping || impl_->followed.contains(key)) return false;
  auto f = std::make_shared<Impl::Followed>();
  f->source = std::move(source);
  impl_->followed.emplace(key, std::move(f));
  if (impl_->reads == Reads::when_it_is_over) return true;
  if (!impl_->thread.joinable()) impl_->thread = std::thread([this] { impl_->run(); });
  impl_->changed.notify_one();
  return true;
}

Status LogFollower::finish(const std::string& key) {
  std::shared_ptr<Impl::Followed> f;
  {
    const MutexLock lock(impl_->mutex);
    const auto found = impl_->followed.find(key);
    if (found == impl_->followed.end()) return {};
    f = found->second;
  }
  {
    const MutexLock reading(f->mutex);
    MR_TRY(impl_->advance(*f, true));
    f->closed = true;
  }
  drop(key);
  return {};
}

void LogFollower::drop(const std::string& key) {
  const MutexLock lock(impl_->mutex);
  impl_->followed.erase(key);
}

void LogFollower::stop() {
  std::thread thread;
  {
    const MutexLock lock(impl_->mutex);
    impl_->stopping = true;
    thread = std::move(impl_->thread);
  }
  impl_->changed.notify_all();
  if (thread.joinable()) thread.join();
}

}  // namespace millrace::sagemaker
