#include "proc/child_log.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/eventually_for_tests.h"
#include "base/file.h"
#include "base/strings.h"
#include "proc/log_limit.h"

namespace millrace::proc {
namespace {

constexpr std::uint64_t kLimit = kLeastChildLogLimit;

constexpr std::size_t kLine = 512;
std::string line_number(std::uint64_t n) { return fmt::format("line {:>{}}\n", n, kLine - 6); }

class ChildLog : public testing::Test {
 protected:
  explicit ChildLog(std::filesystem::path directory = {})
      : scratch_(*TempDir::make()), path_((directory.empty() ? scratch_.path() : directory) / "log.txt") {
    writer_ = Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    file_ = Fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  }
  void write(std::string_view text) const {
    ASSERT_EQ(::write(writer_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // Numbered lines of so many bytes together.
  void write_lines(std::uint64_t bytes) {
    std::string text;
    for (const std::uint64_t end = lines_ + bytes / kLine; lines_ < end;) text += line_number(lines_++);
    write(text);
  }
  std::uint64_t size() const {
    struct stat info{};
    return ::fstat(file_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  }
  // All from `offset`, which goes on to the end.
  std::string read_from(std::uint64_t& offset) const {
    std::string text;
    while (true) {
      const auto part = read_log(file_.get(), offset, 64 * 1024);
      EXPECT_TRUE(part);
      if (part->next == offset) return text;
      offset = part->next;
      text += part->text;
    }
  }
  std::string read_all() const {
    std::uint64_t offset = 0;
    return read_from(offset);
  }
  TempDir scratch_;
  std::filesystem::path path_;
  Fd writer_, file_;
  std::uint64_t lines_ = 0;
};

TEST_F(ChildLog, ACutLineSaysWhatItSays) {
  for (const LogCut cut : {LogCut{kCutLine, 0}, LogCut{123'456'789'012, 9'876'543'210}}) {
    EXPECT_EQ(cut_line(cut).size(), kCutLine);
    EXPECT_EQ(parse_cut_line(cut_line(cut)), cut);
    EXPECT_EQ(cut_line(cut).find('\n', 1), kCutLine - 1);
  }
  std::string text = cut_line({1'000, 3});
  EXPECT_FALSE(parse_cut_line(text.substr(0, kCutLine - 1)));
  EXPECT_FALSE(parse_cut_line(replace_all(text, "1000", "-100")));
  EXPECT_FALSE(parse_cut_line(replace_all(text, "1000", "1e99")));
  EXPECT_FALSE(parse_cut_line("\n[millrace: " + std::string(kCutLine, '9')));
}

TEST_F(ChildLog, AShortOneIsLeftAsItIs) {
  write_lines(kLimit);
  ASSERT_TRUE(cut_log(file_.get(), kLimit));
  EXPECT_EQ(size(), kLimit);
  EXPECT_EQ(read_all().size(), kLimit);
}

TEST_F(ChildLog, KeepsTheBeginningAndTheEndAndSaysHowMuchIsMissing) {
  write_lines(20 << 20);
  ASSERT_TRUE(cut_log(file_.get(), kLimit));
  EXPECT_LE(size(), kLimit);
  const std::string text = read_all();
  EXPECT_TRUE(text.starts_with(line_number(0)));
  EXPECT_TRUE(text.ends_with(line_number(lines_ - 1)));
  const std::size_t at = text.find("[millrace: ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(text.find("[millrace: ", at + 1), std::string::npos);
  EXPECT_EQ(text.substr(0, kLogHead).find('\0'), std::string::npos);
  // What is said to be missing and what is there is what was written.
  const auto cut = parse_cut_line(text.substr(at - 1));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->bytes + text.size() - kCutLine, std::uint64_t{20} << 20);
  EXPECT_NEAR(static_cast<double>(cut->lines), static_cast<double>(cut->bytes) / kLine, 2);
}

// Whatever is cut between its looks, a follower sees each line at most once, and each that was not cut.
TEST_F(ChildLog, AFollowersOffsetHoldsOverManyCuts) {
  std::uint64_t ahead = 0, behind = 0;
  std::string seen_ahead, seen_behind;
  for (int round = 0; round < 12; ++round) {
    write_lines(3 << 20);
    seen_ahead += read_from(ahead);  // before the cut: misses nothing
    ASSERT_TRUE(cut_log(file_.get(), kLimit));
    EXPECT_LE(size(), kLimit);
    if (round % 4 == 3) seen_behind += read_from(behind);
  }
  EXPECT_EQ(seen_ahead.size(), lines_ * kLine);
  EXPECT_EQ(seen_ahead.find("[millrace"), std::string::npos);
  std::uint64_t last = 0;
  std::size_t whole = 0;
  for (const std::string_view line : split(seen_behind, '\n')) {
    if (line.size() != kLine - 1 || !line.starts_with("line ")) continue;
    const auto number = parse_int(trim(line.substr(5)));
    ASSERT_TRUE(number) << line;
    if (whole++ > 0) ASSERT_GT(static_cast<std::uint64_t>(*number), last);
    last = static_cast<std::uint64_t>(*number);
  }
  EXPECT_EQ(last, lines_ - 1);
  EXPECT_GT(whole, 3 * kLimit / 2 / kLine / 2);
}

TEST_F(ChildLog, ReadsWhileItIsCut) {
  std::atomic<bool> done = false;
  std::thread cutter([&] {
    for (int i = 0; i < 24; ++i) {
      write_lines(1 << 20);
      EXPECT_TRUE(cut_log(file_.get(), kLimit));
    }
    done = true;
  });
  const Fd reader(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  std::uint64_t offset = 0, last = 0;
  std::string rest;
  bool in_order = true;
  for (bool ended = false; !ended;) {
    ended = done;
    while (true) {
      const auto part = read_log(reader.get(), offset, 64 * 1024);
      ASSERT_TRUE(part);
      if (part->next == offset) break;
      offset = part->next;
      if (part->cut) rest.clear();
      rest += part->text;
      std::size_t start = 0;
      for (std::size_t end; (end = rest.find('\n', start)) != std::string::npos; start = end + 1) {
        const auto line = std::string_view(rest).substr(start, end - start);
        if (line.size() != kLine - 1 || !line.starts_with("line ")) continue;
        const auto number = static_cast<std::uint64_t>(parse_int(trim(line.substr(5))).value_or(0));
        in_order = in_order && (last == 0 || number > last);
        last = number;
      }
      rest.erase(0, start);
    }
  }
  cutter.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(last, lines_ - 1);
}

// Whoever cuts it holds the file's lock. What is there meanwhile is a part, wherever it ends.
TEST_F(ChildLog, HasNoEndWhileItIsCut) {
  write_lines(kLogHead + 4 * kLine);
  std::uint64_t offset = 0;
  read_from(offset);
  EXPECT_TRUE(read_log(file_.get(), offset, 1)->at_end);
  EXPECT_TRUE(log_end(file_.get()));
  const Fd cutter(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(cutter.get(), LOCK_EX), 0);
  for (const std::uint64_t from : {offset, offset - kLine})
    EXPECT_FALSE(read_log(file_.get(), from, 2 * kLine)->at_end);
  EXPECT_FALSE(log_end(file_.get()));
  ASSERT_EQ(::flock(cutter.get(), LOCK_UN), 0);
  write_lines(kLine);  // it grew between the reading and the look at its size: the reading is not of its end
  EXPECT_FALSE(read_log(file_.get(), offset - kLine, kLine)->at_end);
  EXPECT_TRUE(read_log(file_.get(), offset - kLine, 4 * kLine)->at_end);
}

TEST_F(ChildLog, AHoleIsNotRead) {
  write("begin\n");
  ASSERT_EQ(::ftruncate(writer_.get(), off_t{1} << 40), 0);
  write("end\n");
  EXPECT_EQ(read_all(), "begin\nend\n");
  ASSERT_TRUE(cut_log(file_.get(), kLimit));
  EXPECT_LE(size(), kLimit);
  const std::string text = read_all();
  EXPECT_TRUE(text.starts_with("begin\n"));
  EXPECT_TRUE(text.ends_with("end\n"));
  EXPECT_EQ(text.find('\0'), std::string::npos);
  EXPECT_LT(text.size(), 1'000U);
}

TEST_F(ChildLog, NulsAreNotShown) {
  write(std::string_view("a\0b\0\0c\n", 7));
  write(std::string(3 << 20, '\0'));
  write("d\n");
  EXPECT_EQ(read_all(), "abc\nd\n");
}

TEST_F(ChildLog, WhatLooksLikeACutMisleadsNobodyForEver) {
  write(std::string(kLogHead, 'a'));
  write(cut_line({std::uint64_t{1} << 61, 7}));
  write("the rest\n");
  EXPECT_TRUE(read_all().ends_with("the rest\n"));
  write_lines(8 << 20);
  ASSERT_TRUE(cut_log(file_.get(), kLimit));
  EXPECT_TRUE(read_all().ends_with(line_number(lines_ - 1)));
}

TEST_F(ChildLog, AnOffsetBehindTheEndWaits) {
  write("abc");
  const auto part = read_log(file_.get(), 1'000, 100);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->next, 1'000U);
  EXPECT_TRUE(part->at_end);
}

// Another file system, one in memory.
class ChildLogInMemory : public ChildLog {
 protected:
  ChildLogInMemory() : ChildLog(make()) {}
  ~ChildLogInMemory() override { std::filesystem::remove_all(path_.parent_path()); }
  static std::filesystem::path make() {
    const auto directory = std::filesystem::path("/dev/shm") / fmt::format("millrace-test-{}", ::getpid());
    std::filesystem::create_directories(directory);
    return directory;
  }
};

TEST_F(ChildLogInMemory, IsCutToo) {
  std::uint64_t ahead = 0;
  std::string seen;
  for (int round = 0; round < 4; ++round) {
    write_lines(10 << 20);
    seen += read_from(ahead);
    ASSERT_TRUE(cut_log(file_.get(), kLimit));
    EXPECT_LE(size(), kLimit);
  }
  EXPECT_EQ(seen.size(), lines_ * kLine);
  const std::string text = read_all();
  EXPECT_TRUE(text.starts_with(line_number(0)));
  EXPECT_TRUE(text.ends_with(line_number(lines_ - 1)));
  const auto cut = parse_cut_line(text.substr(text.find("\n[millrace: ")));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->bytes + text.size() - kCutLine, lines_ * kLine);
}

TEST_F(ChildLog, IsKeptBelowItsLimitWhileItGrows) {
  LogLimit limit;
  limit.set(kLimit);
  limit.watch(1, Fd(::dup(writer_.get())), path_);
  std::filesystem::remove(path_);  // the child's name for it does not matter
  ASSERT_EQ(::fchmod(writer_.get(), 0), 0);
  for (int i = 0; i < 8; ++i) {
    write_lines(2 << 20);
    EXPECT_TRUE(eventually([&] { return size() <= kLimit; })) << size();
  }
  EXPECT_TRUE(read_all().ends_with(line_number(lines_ - 1)));
}

TEST_F(ChildLog, IsCutWhenItsChildHasEnded) {
  LogLimit limit;
  limit.set(kLimit);
  limit.watch(1, Fd(::dup(writer_.get())), path_);
  write_lines(32 << 20);
  limit.release(1);
  EXPECT_TRUE(eventually([&] { return size() <= kLimit; })) << size();
}

TEST_F(ChildLog, BeyondTheDescriptorsItIsFoundByItsName) {
  LogLimit limit;
  limit.set(kLimit);
  for (std::size_t i = 0; i < LogLimit::kMaxHeld; ++i) limit.watch(2, Fd(::dup(writer_.get())), "/nowhere");
  const auto second = scratch_.path() / "second.txt", third = scratch_.path() / "third.txt";
  const std::string much(kLimit + 1, 'x');
  Fd of_child;  // which has it open, by whatever name
  for (const auto& path : {second, third}) {
    ASSERT_TRUE(write_file(path, ""));
    of_child = Fd(::open(path.c_str(), O_WRONLY | O_APPEND));
    limit.watch(3, Fd(::dup(of_child.get())), path);
  }
  // Where the name is another file's, that one is left alone.
  std::filesystem::remove(third);
  ASSERT_TRUE(write_file(third, much));
  ASSERT_TRUE(write_file(second, much));
  EXPECT_TRUE(eventually([&] { return std::filesystem::file_size(second) <= kLimit; }));
  EXPECT_EQ(std::filesystem::file_size(third), much.size());
}

TEST_F(ChildLog, WithoutALimitItGrows) {
  LogLimit limit;
  limit.set(0);
  limit.watch(1, Fd(::dup(writer_.get())), path_);
  write_lines(8 << 20);
  limit.release(1);
  EXPECT_EQ(size(), std::uint64_t{8} << 20);
}

TEST_F(ChildLog, IsFoundAgainOnlyIfItIsTheProcesssOwn) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(writer_.get(), 1);
    while (true) ::pause();
  }
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(find_log(child, path_)); }));
  const auto other = scratch_.path() / "other", link = scratch_.path() / "link";
  ASSERT_TRUE(write_file(other, "x"));
  std::filesystem::create_symlink(path_, link);
  EXPECT_FALSE(find_log(child, other));
  EXPECT_FALSE(find_log(child, link));
  EXPECT_FALSE(find_log(child, "/dev/null"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace millrace::proc
