// What a job may leave in its folders to get at other files, to block who reads it, or to fill a disk.

#include "sagemaker/jobs/output_files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "sagemaker/jobs/model_archive.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class OutputFiles : public testing::Test {
 protected:
  TempDir dir_ = std::move(*TempDir::make());
  fs::path ml_ = dir_.path() / "ml";
  OutputBudget budget_;
  std::vector<std::string> notes_;

  void SetUp() override {
    ASSERT_TRUE(make_directories(ml_ / "model"));
    ASSERT_TRUE(make_directories(ml_ / "output"));
    ASSERT_TRUE(make_directories(dir_.path() / "secret"));
    ASSERT_TRUE(write_file(dir_.path() / "secret/key", "k"));
  }
  void put(const std::string& path, const std::string& text) {
    ASSERT_TRUE(make_directories((ml_ / path).parent_path()));
    ASSERT_TRUE(write_file(ml_ / path, text));
  }
  UntrustedTree tree() { return std::move(*open_opt_ml(ml_)); }
  Result<std::vector<std::string>> names(const std::string& folder = "model") {
    std::vector<std::string> found;
    for (const auto& file : MR_TRY(output_files(tree(), folder, budget_, notes_))) found.push_back(file.name);
    return found;
  }
  std::string refused(const std::string& folder = "model") {
    const auto found = names(folder);
    return found ? "accepted" : found.error().message;
  }
};

TEST_F(OutputFiles, LinksAreFollowedWithinTheTreeOnly) {
  put("model/a/b", "1");
  put("ckpt-1/weights", "2");
  fs::create_symlink("/opt/ml/ckpt-1", ml_ / "model/latest");
  fs::create_symlink("../ckpt-1/weights", ml_ / "model/same");
  fs::create_symlink(dir_.path() / "secret", ml_ / "model/out");
  fs::create_symlink("../../secret/key", ml_ / "model/up");
  fs::create_symlink("/proc/self/root" + (dir_.path() / "secret/key").string(), ml_ / "model/magic");
  const auto found = names();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, ElementsAre("a/b", "latest/weights", "same"));
  ASSERT_EQ(notes_.size(), 3u);
  EXPECT_EQ(notes_[1], "/opt/ml/model/out is a link that leads to no file below /opt/ml and is not uploaded.");
}

TEST_F(OutputFiles, AFolderThatIsALinkOutIsRefused) {
  fs::remove_all(ml_ / "model");
  fs::create_symlink(dir_.path() / "secret", ml_ / "model");
  EXPECT_NE(refused(), "accepted");
  // So is a folder on the way.
  fs::remove_all(ml_ / "output");
  fs::create_symlink(dir_.path(), ml_ / "output");
  EXPECT_NE(refused("output/secret"), "accepted");
  fs::remove(ml_ / "model");
  put("model", "a file");
  EXPECT_THAT(refused(), HasSubstr("/opt/ml/model is not a directory"));
  fs::remove(ml_ / "model");
  EXPECT_THAT(*names(), ElementsAre());  // nothing there is nothing to upload
}

TEST_F(OutputFiles, SpecialFilesAreLeftOutWithALine) {
  put("model/weights", "1");
  ASSERT_EQ(::mkfifo((ml_ / "model/fifo").c_str(), 0600), 0);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string place = (ml_ / "model/socket").string();
  ASSERT_LT(place.size(), sizeof address.sun_path);
  place.copy(address.sun_path, place.size());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_THAT(*names(), ElementsAre("weights"));
  EXPECT_THAT(notes_, ElementsAre("/opt/ml/model/fifo is neither a file nor a directory and is not uploaded.",
                                  "/opt/ml/model/socket is neither a file nor a directory and is not uploaded."));
  notes_.clear();
  for (int i = 0; i < 150; ++i) fs::create_symlink("/", ml_ / "model" / std::to_string(i));
  EXPECT_TRUE(names());
  ASSERT_EQ(notes_.size(), 101u);
  EXPECT_EQ(notes_.back(), "52 more below /opt/ml/model are not uploaded.");
}

TEST_F(OutputFiles, ASparseTerabyteIsRefusedAtOnce) {
  put("model/weights", "1");
  ASSERT_EQ(::truncate((ml_ / "model/weights").c_str(), off_t{1} << 40), 0);
  EXPECT_THAT(refused(), HasSubstr("larger than the volume that it asked for (VolumeSizeInGB)"));
  budget_ = budget_of_volume(Value(1));
  ASSERT_EQ(::truncate((ml_ / "model/weights").c_str(), (off_t{1} << 30) + 1), 0);
  EXPECT_THAT(refused(), HasSubstr("/opt/ml/model/weights has 1073741825 bytes"));
  EXPECT_EQ(pack_folder(tree(), "model", dir_.path() / "m.tar.gz", budget_, notes_).error().code,
            Code::resource_exhausted);
  EXPECT_FALSE(fs::exists(dir_.path() / "m.tar.gz"));
  EXPECT_EQ(budget_of_volume(Value(16'384)).bytes, kMaxOutputBytes);
  EXPECT_EQ(budget_of_volume(Value()).bytes, kMaxOutputBytes);
}

TEST_F(OutputFiles, NumberAndDepthAreBounded) {
  for (const char* name : {"a", "b", "c"}) put("model/" + std::string(name), "");
  budget_.entries = 3;
  EXPECT_TRUE(names());
  EXPECT_THAT(refused(), HasSubstr("more than 100000 files and directories"));
  budget_ = {};
  std::string deep = "model";
  for (int i = 0; i < 150; ++i) deep += "/d";
  put(deep, "x");
  EXPECT_NE(refused(), "accepted");
  // A circle of links ends too, as an error or as a link that leads nowhere.
  fs::remove_all(ml_ / "model");
  ASSERT_TRUE(make_directories(ml_ / "model"));
  fs::create_symlink(".", ml_ / "model/self");
  const auto circle = names();
  EXPECT_TRUE(!circle || circle->empty());
}

TEST_F(OutputFiles, NamesOfAnyBytesAreShown) {
  put("model/" + std::string(255, 'n'), "x");
  put("model/\xff\xfe", "x");
  const auto found = names();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), 2u);
  EXPECT_EQ(seen_path("model/\xff"), "/opt/ml/model/\\xff");
  EXPECT_TRUE(pack_folder(tree(), "model", dir_.path() / "m.tar.gz", budget_, notes_));
  EXPECT_TRUE(unpack_archive(dir_.path() / "m.tar.gz", dir_.path() / "out"));
  EXPECT_TRUE(fs::exists(dir_.path() / "out" / std::string(255, 'n')));
}

TEST_F(OutputFiles, ATextIsReadFromAFileOnly) {
  EXPECT_EQ(output_text(tree(), "output/failure", 100), "");
  put("output/failure", "  it broke\n");
  EXPECT_EQ(output_text(tree(), "output/failure", 100), "it broke");
  EXPECT_EQ(output_text(tree(), "output/failure", 4), "it");
  put("output/failure", "ab\xc3\xa4");
  EXPECT_EQ(output_text(tree(), "output/failure", 3), "ab");  // cut between characters
  put("output/failure", "\xff\xfe\x00 binary");
  EXPECT_EQ(output_text(tree(), "output/failure", 100), "");
  const auto replaced_by = [&](const std::function<void(const fs::path&)>& make) {
    fs::remove(ml_ / "output/failure");
    make(ml_ / "output/failure");
    return output_text(tree(), "output/failure", 100);
  };
  const std::string not_read = "/opt/ml/output/failure is not a file that can be read";
  EXPECT_EQ(replaced_by([](const fs::path& at) { ::mkfifo(at.c_str(), 0600); }), not_read);
  EXPECT_EQ(replaced_by([&](const fs::path& at) { fs::create_symlink(dir_.path() / "secret/key", at); }), not_read);
  put("model/why", "linked");
  EXPECT_EQ(replaced_by([](const fs::path& at) { fs::create_symlink("/opt/ml/model/why", at); }), "linked");
  fs::remove(ml_ / "output/failure");
  fs::create_directory(ml_ / "output/failure");
  EXPECT_EQ(output_text(tree(), "output/failure", 100), not_read);
  fs::remove_all(ml_ / "output");
  fs::create_symlink(dir_.path() / "secret", ml_ / "output");
  EXPECT_EQ(output_text(tree(), "output/key", 100), "/opt/ml/output/key is not a file that can be read");
}

TEST_F(OutputFiles, WhatIsExchangedMeanwhileIsNotRead) {
  put("model/weights", "1");
  const auto before = output_files(tree(), "model", budget_, notes_);
  ASSERT_TRUE(before);
  fs::remove(ml_ / "model/weights");
  fs::create_symlink(dir_.path() / "secret/key", ml_ / "model/weights");
  EXPECT_FALSE(tree().open_file(before->front().path, Links::within));
}

}  // namespace
}  // namespace millrace::sagemaker
