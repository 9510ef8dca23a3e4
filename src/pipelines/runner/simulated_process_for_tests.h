#pragma once
// What lasts in a simulation, and one life of the program: everything that leaves it, to the database and to the
// backend, passes here, and stops at the moment of its death.

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/file.h"
#include "db/failing_for_tests.h"
#include "db/inline_for_tests.h"
#include "pipelines/runner/artifact_rows.h"
#include "pipelines/runner/schema.h"
#include "work/fake_backend.h"

namespace millrace::pipelines::runner {

// What lasts from one round to the next, so that a round costs no tables.
struct Ground {
  Ground() {
    auto opened = std::move(*db::InlineDatabase::open());
    tables = opened.get();
    database = std::make_unique<db::FailingDatabase>(std::move(opened));
    EXPECT_TRUE(database->migrate("pipelines", migrations()));
    EXPECT_TRUE(database->migrate("artifacts", artifact_migrations()));
  }
  db::InlineDatabase* tables;
  std::unique_ptr<db::FailingDatabase> database;
  TempDir directory = in_memory();

 private:
  // Half of a round's time is the making of files: where the machine has a file system in memory, they are made there.
  static TempDir in_memory() {
    if (::access("/dev/shm", W_OK) != 0) return std::move(*TempDir::make("simulation"));
    const char* before = std::getenv("TMPDIR");
    const std::string kept = before != nullptr ? before : "";
    ::setenv("TMPDIR", "/dev/shm", 1);
    TempDir made = std::move(*TempDir::make("simulation"));
    kept.empty() ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
    return made;
  }
};

// Dies before or after the n-th thing that it does outside of itself; what it does afterwards has no effect.
class Life {
 public:
  bool is_over() const { return over_; }
  void die() { over_ = true; }
  void die_at(int effect, bool before) {
    left_ = effect;
    before_ = before;
  }
  // The n-th statement of the next write fails.
  void fail_statement(std::size_t n) { failing_statement_ = n; }
  std::size_t take_failing_statement() {
    disturbed_ = disturbed_ || failing_statement_ != 0;
    return std::exchange(failing_statement_, 0);
  }
  void fail_next_status() { status_fails_ = true; }
  bool take_failing_status() {
    disturbed_ = disturbed_ || status_fails_;
    return std::exchange(status_fails_, false);
  }
  // No write and no question to the backend has failed: nothing waits to be tried again.
  bool is_undisturbed() const { return !over_ && !disturbed_; }

  // Around each effect. false: it has none.
  bool begin_effect() {
    if (over_) return false;
    if (left_ > 0 && --left_ == 0) over_ = before_, last_ = !before_;
    return !over_;
  }
  void end_effect() { over_ = over_ || last_; }
  static Status gone() { return fail(Code::unavailable, "the program has died"); }

 private:
  bool over_ = false, before_ = false, last_ = false, status_fails_ = false, disturbed_ = false;
  int left_ = 0;
  std::size_t failing_statement_ = 0;
};

class LivingDatabase final : public db::Database {
 public:
  LivingDatabase(db::Database& durable, Life& life) : durable_(durable), life_(life) {}
  Status migrate(std::string_view component, std::span<const db::Migration> migrations) override {
    return durable_.migrate(component, migrations);
  }
  Status write(const Work& work) override {
    if (!life_.begin_effect()) return Life::gone();
    const Status status = counted(work);
    life_.end_effect();
    return life_.is_over() ? Life::gone() : status;
  }
  void write_async(Work work, std::function<void(Status)> done) override { done(write(work)); }
  Status read(const Work& work) override { return life_.is_over() ? Life::gone() : durable_.read(work); }

 private:
  Status counted(const Work& work) {
    const std::size_t nth = life_.take_failing_statement();
    if (nth == 0) return durable_.write(work);
    const db::FailingDatabase::Nth failing(nth);
    return durable_.write(work);
  }
  db::Database& durable_;
  Life& life_;
};

class LivingBackend final : public work::Backend {
 public:
  LivingBackend(work::FakeBackend& lasting, Life& life)
      : lasting_(lasting), life_(life), ends_(lasting.on_end("", [this](const std::string& key, const auto& status) {
          if (!life_.is_over()) report_end(key, status);
        })) {}

  void start(work::Workload workload, Done done) override {
    if (!life_.begin_effect()) return;
    lasting_.start(std::move(workload), std::move(done));
    life_.end_effect();
  }
  Result<std::optional<work::WorkStatus>> status(const std::string& key) override {
    if (life_.is_over() || life_.take_failing_status()) return fail(Code::unavailable, "the backend does not answer");
    return lasting_.status(key);
  }
  Status stop(const std::string& key, Millis grace) override {
    if (!life_.begin_effect()) return Life::gone();
    const Status status = lasting_.stop(key, grace);
    life_.end_effect();
    return status;
  }
  Status forget(const std::string& key) override {
    if (!life_.begin_effect()) return Life::gone();
    const Status status = lasting_.forget(key);
    life_.end_effect();
    return status;
  }
  Status shutdown(Millis grace) override { return lasting_.shutdown(grace); }
  Status confines() override { return lasting_.confines(); }
  bool has_image(const std::string& image) override { return lasting_.has_image(image); }

 private:
  work::FakeBackend& lasting_;
  Life& life_;
  work::Subscription ends_;
};

}  // namespace millrace::pipelines::runner
