#include "proc/machine_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace millrace::proc {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class ProgramsTest : public testing::Test {
 protected:
  ProgramsTest() : temporary_(std::move(TempDir::make().value())), home_(temporary_.path() / "home" / "user") {
    // Not below /tmp, which counts as hidden too; but the tests' own directory may lie there: then all is.
    EXPECT_TRUE(make_directories(home_));
  }
  void file(const fs::path& path, std::string_view text = "") {
    EXPECT_TRUE(make_directories(path.parent_path()));
    EXPECT_TRUE(write_file(path, text));
  }
  std::vector<fs::path> on(const std::string& path) { return programs_on(path, {home_.native()}); }

  TempDir temporary_;
  fs::path home_;
};

TEST(MachinePlaces, HidesHomesAndNothingOfTheSystem) {
  const auto all = homes();
  EXPECT_THAT(all, Contains("/home"));
  EXPECT_THAT(all, Contains("/root"));
  for (const char* system : {"/", "/usr", "/var", "/bin", "/usr/sbin", "/tmp", "/nonexistent/x/.."})
    EXPECT_THAT(all, Not(Contains(system)));
}

TEST_F(ProgramsTest, ShowsAnEnvironmentAndWhatItIsBasedOn) {
  file(home_ / "python" / "bin" / "python3.11");
  file(home_ / "python" / "lib" / "python3.11" / "os.py");
  file(home_ / "venv" / "pyvenv.cfg", "home = " + (home_ / "python" / "bin").native() + "\nversion = 3.11.7\n");
  ASSERT_TRUE(make_directories(home_ / "venv" / "bin"));
  fs::create_symlink(home_ / "python" / "bin" / "python3.11", home_ / "venv" / "bin" / "python3");
  EXPECT_THAT(on((home_ / "venv" / "bin").native() + ":/usr/bin"), ElementsAre(home_ / "python", home_ / "venv"));
}

TEST_F(ProgramsTest, ShowsAVersionManager) {
  file(home_ / ".pyenv" / "shims" / "python3");
  file(home_ / ".pyenv" / "versions" / "3.11.7" / "bin" / "python3");
  EXPECT_THAT(on((home_ / ".pyenv" / "shims").native()), ElementsAre(home_ / ".pyenv"));
}

// Of these a directory of programs alone: beside it lie keys and mail.
TEST_F(ProgramsTest, ShowsNoHome) {
  file(home_ / "bin" / "python3");
  file(home_ / "lib" / "python3" / "os.py");
  file(home_ / ".ssh" / "id");
  file(home_ / ".local" / "bin" / "tool");
  file(home_ / ".local" / "share" / "keyring");
  file(home_ / "tools" / "bin" / "tool");
  EXPECT_THAT(on((home_ / "bin").native()), ElementsAre(home_ / "bin", home_ / "lib"));
  EXPECT_THAT(on((home_ / ".local" / "bin").native()), ElementsAre(home_ / ".local" / "bin"));
  EXPECT_THAT(on((home_ / "tools" / "bin").native()), ElementsAre(home_ / "tools" / "bin"));
  EXPECT_THAT(on(home_.native()), IsEmpty());
  EXPECT_THAT(on("/usr/bin:relative::/no/such/place"), IsEmpty());
}

TEST_F(ProgramsTest, ShowsTheProgramsOwnLibraries) {
  const fs::path unpacked = home_ / ".local" / "millrace", user = home_ / ".local" / "lib" / "python3.11";
  for (const fs::path& library :
       {unpacked / "lib" / "liba.so.1", user / "millrace.libs" / "libb.so", home_ / "keys" / "libc.so"})
    file(library);
  const std::vector<std::string> files{(unpacked / "lib" / "liba.so.1").native(), "/usr/lib/libc.so.6",
                                       (user / "millrace.libs" / "libb.so").native(),
                                       (home_ / "keys" / "libc.so").native()};
  EXPECT_THAT(places_of_libraries(files, {home_.native()}),
              testing::UnorderedElementsAre(unpacked / "lib", user / "millrace.libs", home_ / "keys" / "libc.so"));
}

TEST_F(ProgramsTest, FollowsNoCircleForEver) {
  ASSERT_TRUE(make_directories(home_ / "a" / "bin"));
  ASSERT_TRUE(make_directories(home_ / "b" / "bin"));
  fs::create_symlink(home_ / "b" / "bin" / "python3", home_ / "a" / "bin" / "python3");
  fs::create_symlink(home_ / "a" / "bin" / "python3", home_ / "b" / "bin" / "python3");
  EXPECT_THAT(on((home_ / "a" / "bin").native()), ElementsAre(home_ / "a" / "bin", home_ / "b" / "bin"));
}

}  // namespace
}  // namespace millrace::proc
