#include "app/data_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"

namespace millrace::app {
namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

class DataDirectory : public testing::Test {
 protected:
  DataDirectory() : scratch_(*TempDir::make()), layout_(scratch_.path() / "data") {
    EXPECT_TRUE(make_directories(layout_.root, 0700));
  }
  void put(const std::filesystem::path& path, std::string_view text = "x", unsigned mode = 0644) {
    ASSERT_TRUE(make_directories(path.parent_path(), 0755));
    ASSERT_TRUE(write_file_atomic(path, text, mode));
  }
  std::string refusal() const {
    const Status status = check_complete(layout_);
    return status ? "" : status.error().message;
  }
  TempDir scratch_;
  DataLayout layout_;
};

TEST_F(DataDirectory, AFreshOneIsComplete) { EXPECT_EQ(refusal(), ""); }

TEST_F(DataDirectory, ADatabaseThatIsMissingWhereThereIsDataIsRefused) {
  const DataLayout& l = layout_;
  for (const auto& file : {l.blobs() / "ab" / "abcd", l.pipelines() / "runs" / "1" / "log.txt",
                           l.sagemaker() / "endpoint" / "e" / "log"}) {
    put(file);
    EXPECT_NE(refusal().find("millrace.db is missing"), std::string::npos) << file << ": " << refusal();
    put(l.database(), "");
    EXPECT_NE(refusal().find("millrace.db is empty"), std::string::npos) << file;
    std::filesystem::remove(l.database());
    std::filesystem::remove_all(file.parent_path().parent_path());
    std::filesystem::remove_all(l.blobs());
    EXPECT_EQ(refusal(), "");
  }
}

TEST_F(DataDirectory, WhatAStartThatWasKilledLeavesIsNoData) {
  put(layout_.blobs() / "tmp" / "half");
  ASSERT_TRUE(make_directories(layout_.blobs() / "ab", 0700));
  ASSERT_TRUE(make_directories(layout_.pipelines() / "runs", 0700));
  put(layout_.sagemaker() / "sockets" / "a.sock");
  EXPECT_EQ(refusal(), "");
}

TEST_F(DataDirectory, AJournalThatIsMissingWhereThereAreRunsIsRefused) {
  put(layout_.database());
  EXPECT_EQ(refusal(), "");
  put(layout_.pipelines() / "runs" / "1" / "log.txt");
  EXPECT_NE(refusal().find("launcher/journal is missing"), std::string::npos) << refusal();
  put(layout_.launcher() / "journal", "");
  EXPECT_EQ(refusal(), "");
}

TEST_F(DataDirectory, WhatTheServerKeepsBecomesItsUsersAlone) {
  const DataLayout& l = layout_;
  ::chmod(l.root.c_str(), 0755);
  for (const auto& file : {l.database(), l.server_file(), l.tls() / "server.crt", l.launcher() / "journal"}) put(file);
  put(l.bin() / "aws", "#!/bin/sh\n", 0755);
  put(std::filesystem::path(l.database().string() + "-wal"));
  ASSERT_TRUE(make_private(l));
  EXPECT_EQ(mode_of(l.root), 0700U);
  EXPECT_EQ(mode_of(l.database()), 0600U);
  EXPECT_EQ(mode_of(l.database().string() + "-wal"), 0600U);
  EXPECT_EQ(mode_of(l.server_file()), 0600U);
  EXPECT_EQ(mode_of(l.tls()), 0700U);
  EXPECT_EQ(mode_of(l.tls() / "server.crt"), 0600U);
  EXPECT_EQ(mode_of(l.bin() / "aws"), 0700U);
  EXPECT_EQ(mode_of(l.launcher() / "journal"), 0600U);
}

TEST_F(DataDirectory, ADirectoryThatHoldsOthersFilesKeepsItsMode) {
  ::chmod(layout_.root.c_str(), 0755);
  put(layout_.root / "thesis.tex");
  ASSERT_TRUE(make_private(layout_));
  EXPECT_EQ(mode_of(layout_.root), 0755U);
  EXPECT_EQ(mode_of(layout_.root / "thesis.tex"), 0644U);
}

TEST_F(DataDirectory, LinksAreNotFollowed) {
  put(scratch_.path() / "outside");
  std::filesystem::create_symlink(scratch_.path() / "outside", layout_.server_file());
  ASSERT_TRUE(make_private(layout_));
  EXPECT_EQ(mode_of(scratch_.path() / "outside"), 0644U);
}

}  // namespace
}  // namespace millrace::app
