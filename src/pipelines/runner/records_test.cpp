#include "pipelines/runner/records.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "pipelines/runner/rows_for_tests.h"

namespace millrace::pipelines::runner {
namespace {

using engine::Event;

class Events : public RowsTest {
 protected:
  void write(const db::Database::Work& work) {
    const Status written = database_->write(work);
    ASSERT_TRUE(written) << written.error().message;
  }
  std::vector<Event> read(const std::string& run_id) {
    std::vector<Event> events;
    const Status done = database_->read([&](db::Connection& connection) -> Status {
      events = MR_TRY(read_events(connection, run_id));
      return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    return events;
  }
  std::int64_t rows() {
    std::int64_t count = 0;
    EXPECT_TRUE(database_->read([&](db::Connection& connection) -> Status {
      auto row = MR_TRY(connection.prepare("SELECT count(*) FROM run_events"));
      MR_TRY(row.step());
      count = row.integer(0);
      return {};
    }));
    return count;
  }
};

Event ended(int number, std::string out) {
  Event event;
  event.kind = Event::Kind::finished;
  event.at = from_epoch_ms(1'700'000'000'000 + number);
  event.path = fmt::format("root/t{}", number);
  event.attempt = number;
  event.succeeded = true;
  event.output_parameters = Value::object({{"out", std::move(out)}});
  return event;
}

TEST_F(Events, OfABatchShareARowOfLimitedSize) {
  std::vector<Event> events;
  for (int i = 1; i <= 40; ++i) events.push_back(ended(i, std::string(4'000, 'x')));
  write([&](db::Connection& connection) -> Status {
    MR_TRY(put_events(connection, "r", 1, {}));
    MR_TRY(put_events(connection, "r", 1, std::span(events).first(38)));
    MR_TRY(put_events(connection, "other", 1, std::span(events).first(1)));
    return put_events(connection, "r", 39, std::span(events).subspan(38));
  });
  EXPECT_EQ(rows(), 3 + 1 + 1) << "of a batch of some 150 KiB, of another run, of a second batch";
  const auto there = read("r");
  ASSERT_EQ(there.size(), events.size());
  for (std::size_t i = 0; i < there.size(); ++i) {
    EXPECT_EQ(there[i].path, events[i].path);
    EXPECT_EQ(there[i].output_parameters, events[i].output_parameters);
  }
}

TEST_F(Events, OfEarlierVersionsHaveARowEach) {
  write([&](db::Connection& connection) -> Status {
    MR_TRY(connection.execute(
        R"sql(INSERT INTO run_events(run_id, number, event) VALUES
          ('r', 2, '{"kind":"launched","at":1700000000001,"path":"root/t1","attempt":1}'),
          ('r', 1, '{"kind":"created","at":1700000000000,"boot":"b"}'),
          ('r', 3, '{"kind":"finished","at":1700000000002,"path":"root/t1","attempt":1,"succeeded":false,"error":"e"}')
        )sql"));
    return put_events(connection, "r", 4, std::vector<Event>{ended(4, "x"), ended(5, "y")});
  });
  const auto events = read("r");
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[0].kind, Event::Kind::created);
  EXPECT_EQ(events[0].boot, "b");
  EXPECT_EQ(events[1].kind, Event::Kind::launched);
  EXPECT_EQ(events[2].error, "e");
  EXPECT_FALSE(events[2].succeeded);
  EXPECT_EQ(events[3].path, "root/t4");
  EXPECT_EQ(events[4].attempt, 5);
}

// An output may be as deep as a document that is read, and has to be read again within its event.
TEST_F(Events, KeepOutputsOfAnyDepth) {
  Event event = ended(1, "");
  Value deep = 1;
  for (int i = 0; i < 255; ++i) deep = Value::array({std::move(deep)});
  event.output_parameters = Value::object({{"out", deep}});
  write([&](db::Connection& connection) { return put_events(connection, "r", 1, std::span(&event, 1)); });
  const auto events = read("r");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].output_parameters["out"], deep);
}

}  // namespace
}  // namespace millrace::pipelines::runner
