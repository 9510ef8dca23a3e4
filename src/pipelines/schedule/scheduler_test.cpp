// The scheduler against a real database, with a clock that the test moves and runs that the test ends. Where the server
// dies is a matter of where the test stops calling: everything else is in the database.

#include "pipelines/schedule/scheduler.h"

#include <future>
#include <random>
#include <set>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/json.h"
#include "pipelines/runner/records.h"
#include "pipelines/runner/schema.h"

namespace millrace::pipelines::schedule {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Time at(std::string_view text) { return *parse_rfc3339(text); }

struct Started {
  std::int64_t index;
  std::string recurring_run_id;
  Time scheduled;
};

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest() { open(); }

  void open() {
    scheduler_.reset();
    database_.reset();
    auto database = db::Database::open((directory_.path() / "state.db").string());
    ASSERT_TRUE(database) << database.error().message;
    database_ = std::move(*database);
    ASSERT_TRUE(database_->migrate("pipelines", runner::migrations()));
    scheduler_ = std::make_unique<Scheduler>(*database_, clock_, timers_,
                                             [this](const RecurringRun& recurring, const Tick& tick, const auto& also) {
                                               return start(recurring, tick, also);
                                             });
  }

  // A run's row, as the runner would write it.
  Status start(const RecurringRun& recurring, const Tick& tick, const db::Database::Work& also) {
    ++attempts_;
    if (refuse_) return fail(*refuse_);
    if (meanwhile_) std::exchange(meanwhile_, {})();
    MR_TRY(database_->write([&](db::Connection& connection) -> Status {
      runner::RunRecord run;
      run.id = uuid4();
      run.name = std::to_string(tick.index);
      run.recurring_run_id = recurring.id;
      run.created = tick.now;
      run.scheduled = tick.scheduled;
      MR_TRY(runner::insert_run(connection, run, Value::object()));
      return also(connection);
    }));
    if (after_start_) after_start_();
    return {};
  }

  std::string make(const char* trigger, std::int64_t max_concurrency = 10, bool no_catchup = false) {
    RecurringRun recurring;
    recurring.id = fmt::format("r{}", ++made_);
    recurring.trigger = *parse_json(trigger);
    recurring.max_concurrency = max_concurrency;
    recurring.no_catchup = no_catchup;
    recurring.enabled = true;
    recurring.experiment_id = "e";
    recurring.created = recurring.updated = clock_.now();
    write([&](db::Connection& connection) { return insert_recurring(connection, recurring, Value()); });
    return recurring.id;
  }
  void write(const db::Database::Work& work) {
    const Status status = database_->write(work);
    EXPECT_TRUE(status) << status.error().message;
  }
  void enable(const std::string& id, bool enabled) {
    write([&](db::Connection& connection) { return set_enabled(connection, id, enabled, clock_.now()); });
  }
  void end_runs(std::int64_t most = 1'000'000) {
    write([&](db::Connection& connection) -> Status {
      auto row = MR_TRY(
          connection.prepare("UPDATE kfp_runs SET finished = 1 WHERE id IN (SELECT id FROM kfp_runs WHERE finished = 0 "
                             "ORDER BY scheduled LIMIT ?)"));
      return row.bind_all(most).run();
    });
  }
  RecurringRun row(const std::string& id) {
    RecurringRun found;
    const Status read = database_->read([&](db::Connection& connection) -> Status {
      auto recurring = MR_TRY(find_recurring(connection, id));
      if (recurring) found = *recurring;
      return {};
    });
    EXPECT_TRUE(read);
    return found;
  }
  std::vector<Started> runs() {
    std::vector<Started> out;
    const Status read = database_->read([&](db::Connection& connection) -> Status {
      auto row =
          MR_TRY(connection.prepare("SELECT name, recurring_run_id, scheduled FROM kfp_runs "
                                    "ORDER BY recurring_run_id, CAST(name AS INTEGER)"));
      while (MR_TRY(row.step())) out.push_back({std::stol(row.text(0)), row.text(1), from_epoch_ms(row.integer(2))});
      return {};
    });
    EXPECT_TRUE(read);
    return out;
  }
  // What the runs are for, "11:00:00" each.
  std::vector<std::string> times() {
    std::vector<std::string> out;
    for (const Started& run : runs()) out.push_back(format_rfc3339(run.scheduled).substr(11, 8));
    return out;
  }
  std::string again() {
    const auto time = scheduler_->run_due();
    return time ? format_rfc3339(*time).substr(11, 8) : "never";
  }

  TempDir directory_ = std::move(*TempDir::make("scheduler"));
  FakeClock clock_{at("2026-05-05T10:00:30Z")};
  std::unique_ptr<db::Database> database_;
  Timers timers_{clock_, Timers::Manual()};
  std::function<void()> after_start_;
  std::unique_ptr<Scheduler> scheduler_;
  std::optional<Error> refuse_;
  std::function<void()> meanwhile_;
  int made_ = 0, attempts_ = 0;
};

constexpr const char* kMinutely = R"({"cron_schedule": {"cron": "0 * * * * *"}})";
constexpr const char* kTenSeconds = R"({"periodic_schedule": {"interval_second": 10}})";

TEST_F(SchedulerTest, StartsARunWhenItIsDueAndSleepsUntilThen) {
  EXPECT_EQ(again(), "never");
  make(kMinutely);
  make(kTenSeconds);
  EXPECT_EQ(again(), "10:00:40");
  EXPECT_THAT(times(), IsEmpty());
  clock_.advance(Millis(9'999));
  EXPECT_EQ(again(), "10:00:40");
  EXPECT_THAT(times(), IsEmpty());
  clock_.advance(Millis(1));
  EXPECT_EQ(again(), "10:00:50");
  EXPECT_THAT(times(), ElementsAre("10:00:40"));
  EXPECT_EQ(again(), "10:00:50");
  clock_.set(at("2026-05-05T10:01:00Z"));
  EXPECT_EQ(again(), "10:01:10");
  EXPECT_THAT(times(), ElementsAre("10:01:00", "10:00:40", "10:00:50", "10:01:00"));
}

TEST_F(SchedulerTest, CatchesUpWithEachMissedTimeAsFarAsRunsMayRunSideBySide) {
  const std::string id = make(kMinutely, 3);
  clock_.set(at("2026-05-05T10:06:30Z"));  // 10:01 to 10:06 were missed
  EXPECT_EQ(again(), "never");             // the end of a run wakes us
  EXPECT_THAT(times(), ElementsAre("10:01:00", "10:02:00", "10:03:00"));
  end_runs(1);
  again();
  EXPECT_THAT(times(), ElementsAre("10:01:00", "10:02:00", "10:03:00", "10:04:00"));
  end_runs();
  while (again() == "10:06:30") {
  }
  EXPECT_THAT(times(), ElementsAre("10:01:00", "10:02:00", "10:03:00", "10:04:00", "10:05:00", "10:06:00"));
  end_runs();
  EXPECT_EQ(again(), "10:07:00");
  EXPECT_EQ(row(id).last_index, 6);
}

TEST_F(SchedulerTest, SkipsMissedTimesWithoutCatchup) {
  make(kMinutely, 1, true);
  make(kTenSeconds, 1, true);
  clock_.set(at("2026-05-05T10:06:35Z"));
  again();
  EXPECT_THAT(times(), ElementsAre("10:06:00", "10:06:35"));
  end_runs();
  EXPECT_EQ(again(), "10:06:45");
  // What was missed while another ran is skipped, too.
  clock_.set(at("2026-05-05T10:07:00Z"));
  again();
  clock_.set(at("2026-05-05T10:09:59Z"));
  again();
  EXPECT_EQ(times().size(), 4u);
  end_runs();
  again();
  EXPECT_THAT(times(), ElementsAre("10:06:00", "10:07:00", "10:09:00", "10:06:35", "10:07:00", "10:09:59"));
}

TEST_F(SchedulerTest, StartsOneRunAtOnceWhereThereIsNoTrigger) {
  const std::string id = make("null");
  EXPECT_EQ(again(), "never");
  EXPECT_THAT(times(), ElementsAre("10:00:30"));
  end_runs();
  clock_.advance(std::chrono::hours(1'000));
  EXPECT_EQ(again(), "never");
  EXPECT_EQ(row(id).last_index, 1);
  EXPECT_FALSE(row(id).due);
}

TEST_F(SchedulerTest, StartsNothingWhileDisabledAndCatchesUpOnceEnabled) {
  const std::string id = make(kMinutely);
  enable(id, false);
  clock_.set(at("2026-05-05T10:03:00Z"));
  EXPECT_EQ(again(), "never");
  EXPECT_THAT(times(), IsEmpty());
  enable(id, true);
  again();
  EXPECT_THAT(times(), ElementsAre("10:01:00", "10:02:00", "10:03:00"));
}

TEST_F(SchedulerTest, EndsWithItsEnd) {
  make(R"({"periodic_schedule": {"interval_second": 60, "end_time": "2026-05-05T10:03:00Z"}})");
  clock_.set(at("2026-05-05T11:00:00Z"));
  EXPECT_EQ(again(), "never");
  EXPECT_THAT(times(), ElementsAre("10:01:30", "10:02:30"));
}

TEST_F(SchedulerTest, StartsNoRunForOneThatIsDisabledOrDeletedMeanwhile) {
  for (const bool remove : {false, true}) {
    const std::string id = make(kTenSeconds);
    clock_.advance(Millis(10'000));
    meanwhile_ = [&] {
      if (remove)
        write([&](db::Connection& connection) { return delete_recurring(connection, id); });
      else
        enable(id, false);
    };
    again();
    EXPECT_EQ(again(), "never");
    EXPECT_THAT(times(), IsEmpty());
  }
}

TEST_F(SchedulerTest, TriesAgainLaterAndLaterAndSaysWhyMeanwhile) {
  const std::string id = make(kTenSeconds), other = make(kMinutely);
  refuse_ = Error(Code::not_found, "Pipeline p not found");
  clock_.advance(Millis(10'000));
  EXPECT_EQ(again(), "10:00:50");
  ASSERT_TRUE(row(id).error);
  EXPECT_EQ(row(id).error->code, Code::not_found);
  EXPECT_EQ(row(id).error->message, "Pipeline p not found");
  EXPECT_FALSE(row(other).error);
  EXPECT_EQ(again(), "10:00:50");
  EXPECT_EQ(attempts_, 1);
  Millis waited(0);
  for (const int seconds : {10, 20, 40, 80, 160, 320, 360, 360}) {
    clock_.advance(Millis(seconds * 1'000));
    waited += Millis(seconds * 1'000);
    again();
    EXPECT_TRUE(row(id).error);
  }
  EXPECT_THAT(times(), IsEmpty());
  refuse_.reset();
  clock_.advance(Scheduler::kLastRetry);
  again();
  EXPECT_FALSE(row(id).error);
  EXPECT_EQ(row(id).last_index, 10);
  EXPECT_EQ(times().front(), "10:00:40") << "nothing is lost by it";

  // Disabled and enabled again, it is tried at once.
  end_runs();
  refuse_ = Error(Code::internal, "x");
  again();
  enable(id, false);
  again();
  enable(id, true);
  refuse_.reset();
  again();
  EXPECT_EQ(row(id).last_index, 20);
}

TEST_F(SchedulerTest, KeepsEachRecurringRunFromTheOthersTurn) {
  // A start years ago, at one a second: it catches up for ever.
  const std::string greedy =
      make(R"({"periodic_schedule": {"interval_second": 1, "start_time": "2020-01-01T00:00:00Z"}})", 1);
  const std::string modest = make(kTenSeconds);
  clock_.advance(Millis(10'000));
  again();
  EXPECT_EQ(row(greedy).last_index, 1);
  EXPECT_EQ(row(modest).last_index, 1);
}

// The database is all that outlives a crash. Each time, one of the writes is never made or the scheduler does not live
// to see that it was; whatever happens, each time is started once and in order, and never too many side by side.
TEST_F(SchedulerTest, StartsEachTimeOnceWhereverItDies) {
  std::size_t all = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const std::string id = make(kMinutely, 1 + seed % 4);
    const std::int64_t most = row(id).max_concurrency;
    Time expected = *row(id).due;
    std::size_t seen = 0;
    for (int step = 0; step < 60; ++step) {
      clock_.advance(Millis(1'000 * (random() % 150)));
      switch (random() % 6) {
        case 0:
          refuse_ = Error(Code::unavailable, "the database cannot be written");
          again();
          refuse_.reset();
          break;
        case 1:
          // Dies in the middle of a round, right after a run was stored.
          meanwhile_ = [&] { meanwhile_ = [&] { refuse_ = Error(Code::unavailable, "gone"); }; };
          again();
          refuse_.reset();
          meanwhile_ = {};
          open();
          break;
        case 2:
          open();
          break;
        case 3:
          end_runs(static_cast<std::int64_t>(1 + random() % 3));
          break;
        default:
          again();
      }
      std::int64_t under_way = 0;
      ASSERT_TRUE(database_->read([&](db::Connection& connection) -> Status {
        under_way = MR_TRY(count_under_way(connection, id));
        return {};
      }));
      ASSERT_LE(under_way, most) << "seed " << seed;
    }
    for (const Started& run : runs()) {
      if (run.recurring_run_id != id) continue;
      ++seen;
      ASSERT_EQ(run.index, static_cast<std::int64_t>(seen)) << "seed " << seed;
      ASSERT_EQ(run.scheduled, expected) << "seed " << seed;
      expected += Millis(60'000);
    }
    EXPECT_EQ(row(id).last_index, static_cast<std::int64_t>(seen));
    EXPECT_EQ(row(id).due, expected);
    all += seen;
    enable(id, false);
    end_runs();
  }
  EXPECT_GT(all, 200u);
}

TEST_F(SchedulerTest, GoesByTheServersZoneWhereACronNamesNone) {
  const auto tokyo = *TimeZone::find("Asia/Tokyo");
  const std::string plain = make(R"({"cron_schedule": {"cron": "0 0 9 * * *"}})"),
                    named = make(R"({"cron_schedule": {"cron": "CRON_TZ=Asia/Tokyo 0 0 9 * * *"}})"),
                    utc = make(R"({"cron_schedule": {"cron": "TZ=UTC 0 0 9 * * *"}})"),
                    period = make(R"({"periodic_schedule": {"interval_second": "86400"}})");
  const auto before = row(period).due;
  EXPECT_EQ(row(plain).due, row(utc).due);
  EXPECT_NE(row(plain).due, row(named).due);
  const auto refresh = [&](const std::shared_ptr<const TimeZone>& zone) {
    scheduler_->set_zone(zone);
    write([&](db::Connection& connection) { return refresh_due(connection, zone); });
  };
  refresh(tokyo);  // as a start with that zone does
  EXPECT_EQ(row(plain).due, row(named).due);
  EXPECT_NE(row(plain).due, row(utc).due);
  EXPECT_EQ(row(period).due, before);
  clock_.advance(*row(plain).due - clock_.now());
  scheduler_->run_due();
  EXPECT_EQ(row(plain).last_index, 1);
  EXPECT_EQ(row(plain).last_scheduled, row(named).last_scheduled);
  EXPECT_EQ(row(plain).due, row(named).due);
  refresh(nullptr);
  EXPECT_EQ(row(plain).due, row(utc).due);
}

TEST_F(SchedulerTest, LooksWhenItIsWokenAndStopsAtOnce) {
  std::promise<void> stored;
  after_start_ = [&] { stored.set_value(); };
  scheduler_->begin();
  make(kTenSeconds);
  clock_.advance(Millis(10'000));
  scheduler_->wake();
  stored.get_future().wait();
  EXPECT_THAT(times(), ElementsAre("10:00:40"));
  scheduler_->stop();
  clock_.advance(Millis(10'000));
  scheduler_->wake();
  EXPECT_EQ(times().size(), 1u);
}

TEST_F(SchedulerTest, FindsRunsOfADatabaseOfBefore) {
  auto old = db::Database::open((directory_.path() / "old.db").string());
  ASSERT_TRUE(old);
  ASSERT_TRUE((*old)->migrate("pipelines", runner::migrations().first(2)));
  ASSERT_TRUE((*old)->write([](db::Connection& connection) {
    return connection.execute(
        "INSERT INTO kfp_runs VALUES('r','n','','e','','','p','p-1','','{}','{}',5000,6000,'SUCCEEDED',"
        "'AVAILABLE','','[]')");
  }));
  ASSERT_TRUE((*old)->migrate("pipelines", runner::migrations()));
  std::optional<runner::RunRecord> run;
  ASSERT_TRUE((*old)->read([&](db::Connection& connection) -> Status {
    run = MR_TRY(runner::find_run(connection, "r"));
    return {};
  }));
  ASSERT_TRUE(run);
  EXPECT_EQ(run->scheduled, from_epoch_ms(5'000));
  EXPECT_EQ(run->recurring_run_id, "");
}

TEST_F(SchedulerTest, KeepsNoMoreThanItsLimit) {
  write([&](db::Connection& connection) {
    return connection.execute(
        fmt::format("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) "
                    "INSERT INTO kfp_recurring_runs SELECT 'x' || i, '', '', '', '', '', '', '', '', '{{}}', 'null', "
                    "1, 0, 0, 0, 0, 0, "
                    "0, NULL, '', '' FROM n",
                    kMaxRecurringRuns));
  });
  RecurringRun recurring;
  recurring.id = "one more";
  const Status refused =
      database_->write([&](db::Connection& connection) { return insert_recurring(connection, recurring, Value()); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::resource_exhausted);
}

}  // namespace
}  // namespace millrace::pipelines::schedule
