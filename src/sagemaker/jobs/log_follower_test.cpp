#include "sagemaker/jobs/log_follower.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "proc/child_log.h"

namespace millrace::sagemaker {
namespace {

using testing::ElementsAre;

class Follower : public testing::Test {
 protected:
  TempDir dir_ = std::move(*TempDir::make());
  SystemClock clock_;
  std::unique_ptr<db::Database> database_ = std::move(*db::Database::open((dir_.path() / "db").string()));
  std::unique_ptr<logs::Logs> logs_ = std::move(*logs::Logs::open(*database_, clock_, "123456789012", "us-east-1"));
  std::filesystem::path file_ = dir_.path() / "log";
  std::vector<std::string> seen_;

  // What a follower that begins now and ends with the file has stored.
  std::vector<std::string> followed(LogFollower::Limits limits = {}) {
    LogFollower follower(*logs_, clock_, limits);
    seen_.clear();
    follower.follow("k", {file_, "group", "stream", [&](std::string_view line, Time) { seen_.emplace_back(line); }});
    EXPECT_TRUE(follower.finish("k"));
    std::vector<std::string> lines;
    const auto events = logs_->read("group", "stream", 0, 10'000);
    if (!events) return lines;
    for (const auto& event : *events) lines.push_back(event.message);
    return lines;
  }
  void append(const std::string& text) {
    std::string before = std::filesystem::exists(file_) ? *read_file(file_) : std::string();
    ASSERT_TRUE(write_file(file_, before + text));
  }
};

TEST_F(Follower, ARestartGoesOnWhereItWas) {
  append("one\ntwo\n");
  EXPECT_THAT(followed(), ElementsAre("one", "two"));
  append("three\n");
  EXPECT_THAT(followed(), ElementsAre("one", "two", "three"));
}

TEST_F(Follower, OfALongLogTheStartIsKept) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "line " + std::to_string(i) + "\n";
  append(text);
  LogFollower::Limits limits;
  limits.stored_events = 3;
  limits.tail_bytes = 32;
  const std::string full(LogFollower::kFullLine);
  EXPECT_THAT(followed(limits), ElementsAre("line 0", "line 1", "line 2", full));
  EXPECT_EQ(seen_.back(), "line 99");  // a metric printed last is still found
  EXPECT_THAT(followed(limits), ElementsAre("line 0", "line 1", "line 2", full));  // after a restart too
  EXPECT_EQ(seen_.back(), "line 99");
  EXPECT_LT(seen_.size(), 10u);
}

TEST_F(Follower, BytesThatMakeNoEventsAreBoundedToo) {
  append("first\n" + std::string(3u << 20, '\n') + "last\n");
  LogFollower::Limits limits;
  limits.stored_bytes = 1u << 20;
  limits.tail_bytes = 64;
  EXPECT_THAT(followed(limits), ElementsAre("first", std::string(LogFollower::kFullLine)));
  EXPECT_EQ(seen_.back(), "last");
}

TEST_F(Follower, HolesAndZeroBytesAreLeftOut) {
  append("a\n");
  ASSERT_EQ(::truncate(file_.c_str(), off_t{1} << 40), 0);  // as `truncate -s 1T /dev/stdout` does
  EXPECT_THAT(followed(), ElementsAre("a"));
  ASSERT_EQ(::truncate(file_.c_str(), 2), 0);
  append(std::string("b") + '\0' + "c\n");
  EXPECT_THAT(followed(), ElementsAre("a", "bc"));
}

TEST_F(Follower, OnlyAFileIsFollowed) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  EXPECT_THAT(followed(), ElementsAre());  // and nobody waits for a writer
  std::filesystem::remove(file_);
  ASSERT_TRUE(write_file(dir_.path() / "key", "secret\n"));
  std::filesystem::create_symlink(dir_.path() / "key", file_);
  EXPECT_THAT(followed(), ElementsAre());
  std::filesystem::remove(file_);
  EXPECT_THAT(followed(), ElementsAre());  // not there yet
}

// Streams in memory.
class FakeLogs final : public logs::Logs {
 public:
  aws::Service service() override { return {}; }
  Status append(const std::string&, const std::string&, const std::vector<logs::Event>& events) override {
    for (const auto& event : events) lines.push_back(event.message);
    return {};
  }
  Result<std::vector<logs::Event>> read(const std::string&, const std::string&, std::size_t skip,
                                        std::size_t limit) override {
    std::vector<logs::Event> page;
    for (std::size_t i = skip; i < lines.size() && page.size() < limit; ++i) page.push_back({{}, lines[i]});
    return page;
  }
  Result<std::vector<std::string>> streams(const std::string&, const std::string&) override {
    return std::vector<std::string>{};
  }
  std::vector<std::string> lines;
};

class LogFollowerTest : public testing::Test {
 protected:
  LogFollowerTest() : scratch_(*TempDir::make()), path_(scratch_.path() / "log") {
    writer_ = Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  }
  void write_lines(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += fmt::format("line {:>500}\n", next_++);
    ASSERT_EQ(::write(writer_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void cut() {
    const Fd file(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(proc::cut_log(file.get(), proc::kLeastChildLogLimit));
  }
  // As one server does it, from its start to its end.
  void follow_to_the_end() {
    LogFollower follower(logs_, clock_);
    follower.follow("key", {path_, "group", "stream", {}});
    EXPECT_TRUE(follower.finish("key"));
  }
  // The numbers of the whole lines that are stored.
  std::vector<int> numbers() const {
    std::vector<int> out;
    for (const std::string& line : logs_.lines) {
      if (line.size() == 505 && line.starts_with("line ")) out.push_back(std::stoi(line.substr(5)));
    }
    return out;
  }
  TempDir scratch_;
  std::filesystem::path path_;
  Fd writer_;
  int next_ = 0;
  FakeLogs logs_;
  SystemClock clock_;
};

// The position of the next server is the number of stored events: a cut must not make it wrong by more than the two
// lines that it broke.
TEST_F(LogFollowerTest, GoesOnAfterARestartWhereTheLogWasCutMeanwhile) {
  write_lines(30'000);
  follow_to_the_end();
  ASSERT_EQ(logs_.lines.size(), 30'000U);
  cut();
  write_lines(10);
  follow_to_the_end();
  const auto stored = numbers();
  EXPECT_EQ(stored.back(), next_ - 1);
  EXPECT_NEAR(static_cast<double>(stored.size()), static_cast<double>(next_), 3);
  EXPECT_TRUE(std::is_sorted(stored.begin(), stored.end()));
}

TEST_F(LogFollowerTest, SaysWhatWasCutBeforeItWasStored) {
  write_lines(30'000);
  cut();
  follow_to_the_end();
  EXPECT_EQ(std::count_if(logs_.lines.begin(), logs_.lines.end(),
                          [](const std::string& line) { return line.starts_with("[millrace: "); }),
            1);
  const auto stored = numbers();
  EXPECT_EQ(stored.front(), 0);
  EXPECT_EQ(stored.back(), next_ - 1);
  EXPECT_LT(stored.size(), 10'000U);
}

}  // namespace
}  // namespace millrace::sagemaker
