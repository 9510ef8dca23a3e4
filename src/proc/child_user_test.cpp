#include "proc/child_user.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace millrace::proc {
namespace {

namespace fs = std::filesystem;

uid_t owner(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_uid;
}

class ChildUserTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "children of an ordinary user run as that user";
    temporary_ = std::move(TempDir::make().value());
    tree_ = temporary_->path() / "tree";
    ASSERT_TRUE(make_directories(tree_ / "a" / "b"));
    ASSERT_TRUE(write_file(tree_ / "a" / "b" / "file", "x"));
    ASSERT_TRUE(write_file(temporary_->path() / "outside", "x"));
  }
  std::optional<TempDir> temporary_;
  fs::path tree_;
};

TEST(ChildUser, IsNobodyElseForAnOrdinaryUser) { EXPECT_EQ(child_user().has_value(), ::geteuid() == 0); }

TEST_F(ChildUserTest, IsNeverRoot) {
  for (const char* text : {"root", "0", "0:5", "5:0", "no-such-user", "", "-1", "4294967295", "1:x"})
    EXPECT_FALSE(choose_child_user(text)) << text;
  EXPECT_NE(child_user()->user, 0U);
  EXPECT_NE(child_user()->group, 0U);
}

TEST_F(ChildUserTest, IsGivenATree) {
  ASSERT_TRUE(give_to_child(tree_));
  for (const auto& path : {tree_, tree_ / "a", tree_ / "a" / "b", tree_ / "a" / "b" / "file"})
    EXPECT_EQ(owner(path), child_user()->user) << path;
}

TEST_F(ChildUserTest, IsGivenNothingThroughLinks) {
  const fs::path outside = temporary_->path() / "outside";
  fs::create_symlink(outside, tree_ / "link");
  fs::create_directory_symlink(temporary_->path(), tree_ / "a" / "away");
  fs::create_hard_link(outside, tree_ / "hard");
  ASSERT_EQ(::mkfifo((tree_ / "fifo").c_str(), 0600), 0);  // not waited for
  ASSERT_TRUE(give_to_child(tree_));
  EXPECT_EQ(owner(outside), 0U);
  EXPECT_EQ(owner(temporary_->path()), 0U);
  EXPECT_EQ(owner(tree_ / "link"), child_user()->user);
  fs::create_directory_symlink(tree_ / "a", temporary_->path() / "top");
  ASSERT_EQ(::lchown((tree_ / "a").c_str(), 0, 0), 0);
  ASSERT_TRUE(give_to_child(temporary_->path() / "top"));
  EXPECT_EQ(owner(tree_ / "a"), 0U);
}

TEST_F(ChildUserTest, IsGivenOnlySoDeepATree) {
  Fd at(::open(tree_.c_str(), O_PATH | O_CLOEXEC));
  for (std::size_t i = 0; i <= kMaxGivenDepth; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    at = Fd(::openat(at.get(), "d", O_PATH | O_CLOEXEC));
  }
  EXPECT_FALSE(give_to_child(tree_));
  EXPECT_FALSE(give_to_child(tree_ / "nothing"));
}

}  // namespace
}  // namespace millrace::proc
