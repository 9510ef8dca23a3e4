#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

namespace millrace {
namespace {

namespace fs = std::filesystem;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("base_test");
    ASSERT_TRUE(made) << made.error().message;
    directory_.emplace(std::move(*made));
  }
  fs::path at(const std::string& name) const { return directory_->path() / name; }
  std::optional<TempDir> directory_;
};

TEST_F(Files, ReadsBackWhatWasWrittenWithItsMode) {
  std::string content("a\0b\n", 4);
  content += std::string(3u << 20, 'x');
  ASSERT_TRUE(write_file_atomic(at("f"), content, 0600));
  EXPECT_EQ(*read_file(at("f")), content);
  struct stat info{};
  ASSERT_EQ(::stat(at("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
  ASSERT_TRUE(write_file(at("f"), "short"));
  EXPECT_EQ(*read_file(at("f")), "short");
  EXPECT_FALSE(read_file("/proc/self/status")->empty());  // says size 0
}

TEST_F(Files, ErrorsNameThePathAndTheReason) {
  const auto missing = read_file(at("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_EQ(missing.error().message, "cannot read " + at("none").string() + ": No such file or directory");
  EXPECT_FALSE(read_file(directory_->path()));
  ASSERT_TRUE(write_file(at("f"), "12345"));
  EXPECT_EQ(read_file(at("f"), 4).error().code, Code::resource_exhausted);
  EXPECT_TRUE(read_file(at("f"), 5));
  EXPECT_EQ(make_directories(at("f") / "sub").error().code, Code::failed_precondition);
  EXPECT_EQ(write_file_atomic(at("none") / "f", "x").error().code, Code::not_found);
  EXPECT_EQ(write_file("/dev/full", "x").error().code, Code::resource_exhausted);
  EXPECT_EQ(system_error("x", EROFS).code, Code::failed_precondition);
  EXPECT_EQ(system_error("x", EACCES).code, Code::permission_denied);
}

TEST_F(Files, AReaderSeesTheOldOrTheNewContentNeverAMixture) {
  const std::string a(200'000, 'a'), b(200'000, 'b');
  ASSERT_TRUE(write_file_atomic(at("f"), a));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(write_file_atomic(at("f"), i % 2 == 0 ? b : a));
    done = true;
  });
  while (!done) {
    const auto content = read_file(at("f"));
    EXPECT_TRUE(content && (*content == a || *content == b));
  }
  writer.join();
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory_->path())) ++entries;
  EXPECT_EQ(entries, 1);  // no temporary is left
}

TEST_F(Files, AFailedWriteLeavesTheOldContent) {
  ASSERT_TRUE(make_directories(at("target")));
  EXPECT_FALSE(write_file_atomic(at("target"), "x"));  // a directory cannot be replaced by a file
  EXPECT_TRUE(fs::is_directory(at("target")));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_->path()), fs::directory_iterator()), 1);
}

TEST_F(Files, MakesDirectoriesAndCopies) {
  ASSERT_TRUE(make_directories(at("a") / "b" / "c", 0700));
  EXPECT_TRUE(make_directories(at("a") / "b" / "c"));
  const std::string content(5u << 20, 'z');
  ASSERT_TRUE(write_file(at("a") / "f", content));
  ASSERT_TRUE(millrace::copy_file(at("a") / "f", at("g")));
  EXPECT_EQ(*read_file(at("g")), content);
  EXPECT_EQ(millrace::copy_file(at("none"), at("h")).error().code, Code::not_found);
  EXPECT_FALSE(fs::exists(at("h")));
  EXPECT_TRUE(sync_directory(at("a")));
}

TEST_F(Files, ATempDirGoesWithAllThatIsInIt) {
  fs::path path;
  {
    auto inner = TempDir::make();
    ASSERT_TRUE(inner);
    path = inner->path();
    ASSERT_TRUE(make_directories(path / "x"));
    ASSERT_TRUE(write_file(path / "x" / "f", "1"));
    const TempDir moved = std::move(*inner);
    EXPECT_TRUE(fs::exists(moved.path() / "x" / "f"));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(Files, AnFdIsClosedOnce) {
  const int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    Fd fd(raw);
    Fd moved = std::move(fd);
    EXPECT_EQ(moved.get(), raw);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

}  // namespace
}  // namespace millrace
