#include "sagemaker/jobs/model_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

TempDir temp() { return std::move(*TempDir::make()); }

Result<std::size_t> pack(const fs::path& folder, const fs::path& archive, OutputBudget budget = {}) {
  std::vector<std::string> notes;
  return pack_folder(MR_TRY(open_opt_ml(folder)), "", archive, budget, notes);
}

// One entry of any kind, as a stranger might send it.
void write_archive(const fs::path& file, const std::string& name, mode_t type, const std::string& content = "x") {
  ::archive* out = ::archive_write_new();
  ::archive_write_add_filter_gzip(out);
  ::archive_write_set_format_pax_restricted(out);
  ASSERT_EQ(::archive_write_open_filename(out, file.c_str()), ARCHIVE_OK);
  ::archive_entry* entry = ::archive_entry_new();
  ::archive_entry_set_pathname(entry, name.c_str());
  ::archive_entry_set_filetype(entry, type);
  ::archive_entry_set_perm(entry, 0644);
  if (type == AE_IFLNK) {
    ::archive_entry_set_symlink(entry, "/etc/passwd");
  } else {
    ::archive_entry_set_size(entry, static_cast<std::int64_t>(content.size()));
  }
  ::archive_write_header(out, entry);
  if (type == AE_IFREG) ::archive_write_data(out, content.data(), content.size());
  ::archive_entry_free(entry);
  ::archive_write_free(out);
}

TEST(ModelArchive, TheSameFilesGiveTheSameBytes) {
  const auto a = temp(), b = temp();
  for (const auto* dir : {&a, &b}) {
    ASSERT_TRUE(make_directories(dir->path() / "model/sub"));
    ASSERT_TRUE(write_file(dir->path() / "model/sub/two", "22"));
    ASSERT_TRUE(write_file(dir->path() / "model/one", "1"));
  }
  fs::last_write_time(b.path() / "model/one", fs::file_time_type::clock::now() - std::chrono::hours(5));
  ASSERT_TRUE(pack(a.path() / "model", a.path() / "m.tar.gz"));
  ASSERT_TRUE(pack(b.path() / "model", b.path() / "m.tar.gz"));
  EXPECT_EQ(*read_file(a.path() / "m.tar.gz"), *read_file(b.path() / "m.tar.gz"));

  ASSERT_TRUE(unpack_archive(a.path() / "m.tar.gz", a.path() / "out"));
  EXPECT_EQ(*read_file(a.path() / "out/sub/two"), "22");
  EXPECT_EQ(*read_file(a.path() / "out/one"), "1");
}

TEST(ModelArchive, AnEmptyFolderPacks) {
  const auto dir = temp();
  ASSERT_TRUE(make_directories(dir.path() / "model"));
  ASSERT_TRUE(pack(dir.path() / "model", dir.path() / "m.tar.gz"));
  EXPECT_TRUE(unpack_archive(dir.path() / "m.tar.gz", dir.path() / "out"));
}

TEST(ModelArchive, NothingLandsOutside) {
  struct Case {
    std::string name;
    mode_t type;
  };
  for (const auto& c : {Case{"../evil", AE_IFREG}, Case{"/tmp/evil", AE_IFREG}, Case{"a/../../evil", AE_IFREG},
                        Case{"link", AE_IFLNK}, Case{"dev", AE_IFCHR}}) {
    const auto dir = temp();
    write_archive(dir.path() / "m.tar.gz", c.name, c.type);
    const auto done = unpack_archive(dir.path() / "m.tar.gz", dir.path() / "out");
    ASSERT_FALSE(done) << c.name;
    EXPECT_EQ(done.error().code, Code::invalid_argument) << c.name;
    EXPECT_FALSE(fs::exists(dir.path() / "evil"));
  }
}

TEST(ModelArchive, LimitsHold) {
  const auto dir = temp();
  write_archive(dir.path() / "m.tar.gz", "big", AE_IFREG, std::string(5'000, 'x'));
  EXPECT_TRUE(unpack_archive(dir.path() / "m.tar.gz", dir.path() / "fits", {5'000, 1}));
  const auto big = unpack_archive(dir.path() / "m.tar.gz", dir.path() / "big", {4'999, 1});
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().code, Code::resource_exhausted);
  EXPECT_FALSE(unpack_archive(dir.path() / "m.tar.gz", dir.path() / "many", {5'000, 0}));
}

TEST(ModelArchive, NamesThatNoFileCanHaveAreRefused) {
  std::string deep = "d";
  for (int i = 0; i < 150; ++i) deep += "/d";
  for (const auto& name : {std::string(300, 'n'), deep, "a/" + std::string(4'000, 'x')}) {
    const auto dir = temp();
    write_archive(dir.path() / "m.tar.gz", name, AE_IFREG);
    const auto done = unpack_archive(dir.path() / "m.tar.gz", dir.path() / "out");
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().code == Code::invalid_argument || done.error().code == Code::resource_exhausted);
  }
}

TEST(ModelArchive, OtherBytesAreNoArchive) {
  const auto dir = temp();
  ASSERT_TRUE(write_file(dir.path() / "m.tar.gz", "hello"));
  const auto done = unpack_archive(dir.path() / "m.tar.gz", dir.path() / "out");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace millrace::sagemaker
