#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blob/blob_store.h"

namespace millrace::blob {
namespace {

namespace fs = std::filesystem;

class DirectoryStoreTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    auto opened = open_directory_store(root());
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  fs::path root() const { return dir_.path() / "blobs"; }
  Key put(std::string_view bytes) {
    auto writer = *store_->create();
    EXPECT_TRUE(writer->write(bytes));
    EXPECT_EQ(writer->written(), bytes.size());
    return *writer->commit();
  }
  std::string get(const Key& key) {
    auto reader = store_->open(key);
    if (!reader) return reader.error().message;
    std::string bytes(reader->size, '\0');
    EXPECT_EQ(::pread(reader->file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return bytes;
  }
  std::size_t files() const {
    std::size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root())) n += entry.is_regular_file() ? 1 : 0;
    return n;
  }

  TempDir dir_ = std::move(*TempDir::make("blob"));
  std::unique_ptr<BlobStore> store_;
};

TEST_F(DirectoryStoreTest, KeepsBytesAcrossReopening) {
  const std::string bytes("a\0b\xff", 4);
  const Key key = put(bytes), empty = put("");
  EXPECT_THAT(key, testing::MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(key.size(), 32u);
  reopen();
  EXPECT_EQ(get(key), bytes);
  EXPECT_EQ(get(empty), "");
}

TEST_F(DirectoryStoreTest, AnUncommittedWriterLeavesNothing) {
  {
    auto writer = *store_->create();
    ASSERT_TRUE(writer->write("x"));
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(DirectoryStoreTest, OpeningClearsWhatACrashLeft) {
  std::ofstream(root() / "tmp" / "half") << "x";
  reopen();
  EXPECT_EQ(files(), 0u);
}

TEST_F(DirectoryStoreTest, RemoveIsIdempotent) {
  const Key key = put("x");
  EXPECT_TRUE(store_->remove(key));
  EXPECT_TRUE(store_->remove(key));
  EXPECT_EQ(store_->open(key).error().code, Code::not_found);
}

TEST_F(DirectoryStoreTest, AKeyIsNeverAPath) {
  for (const char* key :
       {"", "../../etc/passwd", "0123456789abcdef0123456789abcde/", "0123456789ABCDEF0123456789ABCDEF"}) {
    EXPECT_EQ(store_->open(key).error().code, Code::invalid_argument) << key;
    EXPECT_EQ(store_->remove(key).error().code, Code::invalid_argument) << key;
  }
}

TEST_F(DirectoryStoreTest, AdoptTakesTheFileOver) {
  const auto file = dir_.path() / "made";
  std::ofstream(file) << "hello";
  const Key key = *store_->adopt(file);
  EXPECT_EQ(get(key), "hello");
  EXPECT_FALSE(fs::exists(file));
  EXPECT_EQ(store_->adopt(file).error().code, Code::not_found);
}

TEST_F(DirectoryStoreTest, AdoptCopiesAFileThatHasAnotherName) {
  const auto file = dir_.path() / "made", other = dir_.path() / "other";
  std::ofstream(file) << "hello";
  fs::create_hard_link(file, other);
  const Key key = *store_->adopt(file);
  std::ofstream(other) << "changed";
  EXPECT_EQ(get(key), "hello");
}

TEST_F(DirectoryStoreTest, MaterialiseLinksOrCopies) {
  const Key key = put("hello");
  const auto link = dir_.path() / "link", copy = dir_.path() / "copy";
  ASSERT_TRUE(store_->materialise(key, link, BlobStore::Share::read_only_link));
  ASSERT_TRUE(store_->materialise(key, copy, BlobStore::Share::copy));
  struct stat info{};
  ASSERT_EQ(::stat(link.c_str(), &info), 0);
  EXPECT_EQ(info.st_nlink, 2u);
  EXPECT_EQ(info.st_mode & 0222, 0u);
  std::ofstream(copy) << "changed";
  EXPECT_EQ(get(key), "hello");
  EXPECT_TRUE(store_->remove(key));
  std::ifstream in(link);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "hello");
  EXPECT_EQ(store_->materialise(key, dir_.path() / "gone", BlobStore::Share::copy).error().code, Code::not_found);
  EXPECT_FALSE(fs::exists(dir_.path() / "gone"));
}

TEST(DirectoryStore, NamesThePlaceItCannotUse) {
  const auto opened = open_directory_store("/proc/nothing/here");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, testing::HasSubstr("/proc/nothing"));
}

}  // namespace
}  // namespace millrace::blob
