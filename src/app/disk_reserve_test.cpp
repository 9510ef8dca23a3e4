#include "app/disk_reserve.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/upkeep.h"
#include "base/file.h"

namespace millrace::app {
namespace {

std::uint64_t allocated(const std::filesystem::path& file) {
  struct stat info{};
  return ::stat(file.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks) * 512 : 0;
}

// A small disk of its own, which only root can mount.
class SmallDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || ::mount("tmpfs", scratch_.path().c_str(), "tmpfs", 0, "size=16m") != 0)
      GTEST_SKIP() << "cannot mount a small disk";
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2(scratch_.path().c_str(), MNT_DETACH);
  }
  void fill() const {
    std::string chunk(1 << 20, 'x');
    for (int i = 0; write_file(scratch_.path() / ("filler" + std::to_string(i)), chunk); ++i) {
    }
  }
  TempDir scratch_ = *TempDir::make();
  bool mounted_ = false;
};

TEST_F(SmallDisk, IsKeptBackAndGivenUpWhenSpaceIsToBeFreed) {
  const auto file = scratch_.path() / "reserve";
  DiskReserve reserve(scratch_.path());
  reserve.open();
  reserve.refill();
  EXPECT_EQ(allocated(file), 1U << 20) << "a sixteenth of the disk";
  reserve.before_freeing();
  EXPECT_EQ(allocated(file), 1U << 20) << "there is space";
  fill();
  EXPECT_TRUE(reserve.is_full());
  EXPECT_FALSE(write_file(scratch_.path() / "row", std::string(8192, 'x')));
  reserve.before_freeing();
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_TRUE(write_file(scratch_.path() / "row", std::string(8192, 'x')));
}

TEST_F(SmallDisk, AStartGivesItUpAndKeepsHalfOfWhatIsLeft) {
  const auto file = scratch_.path() / "reserve";
  DiskReserve(scratch_.path()).refill();
  fill();
  DiskReserve reserve(scratch_.path());
  reserve.open();
  EXPECT_FALSE(std::filesystem::exists(file));
  reserve.refill();
  EXPECT_GE(allocated(file), 256U << 10);
  EXPECT_LE(allocated(file), 512U << 10);
  for (int i = 0; i < 4; ++i) std::filesystem::remove(scratch_.path() / ("filler" + std::to_string(i)));
  reserve.refill();
  EXPECT_EQ(allocated(file), 1U << 20);
  EXPECT_FALSE(reserve.is_full());
}

// Whoever fills the disk takes what is given up at once: what has been allocated to a log before stays the log's.
TEST_F(SmallDisk, ALogCanBeAppendedToAlsoWhenAllElseIsTakenAgain) {
  const auto log = scratch_.path() / "log";
  ASSERT_TRUE(write_file(log, "first\n"));
  DiskReserve reserve(scratch_.path(), {log, scratch_.path() / "not-there-yet"});
  reserve.refill();
  fill();
  reserve.before_freeing();
  EXPECT_EQ(std::filesystem::file_size(log), 6U);
  std::string chunk(4096, 'x');
  for (int i = 0; write_file(scratch_.path() / ("more" + std::to_string(i)), chunk); ++i) {
  }
  const Fd file(::open(log.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  for (int i = 0; i < 32; ++i) EXPECT_EQ(::write(file.get(), chunk.data(), chunk.size()), 4096) << i;
}

TEST_F(SmallDisk, ItsRefillIsNoLink) {
  ASSERT_TRUE(write_file(scratch_.path() / "precious", "x"));
  std::filesystem::create_symlink(scratch_.path() / "precious", scratch_.path() / "reserve");
  DiskReserve(scratch_.path()).refill();
  EXPECT_EQ(std::filesystem::file_size(scratch_.path() / "precious"), 1U);
}

TEST(Upkeep, PrunesUntilNothingIsLeftAndThenAgain) {
  const auto scratch = *TempDir::make();
  DiskReserve reserve(scratch.path());
  std::mutex mutex;
  std::condition_variable changed;
  int calls = 0;
  Upkeep upkeep(
      reserve,
      [&] {
        const std::lock_guard lock(mutex);
        ++calls;
        changed.notify_all();
        return calls < 3;
      },
      Millis(1));
  std::unique_lock lock(mutex);
  EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return calls >= 5; }));
  lock.unlock();
  upkeep.stop();
}

}  // namespace
}  // namespace millrace::app
