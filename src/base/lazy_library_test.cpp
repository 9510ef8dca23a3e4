#include "base/lazy_library.h"

#include <zlib.h>

#include <gtest/gtest.h>

namespace millrace {
namespace {

LazyLibrary zlib{"libz.so.1", "zlib1g", "zlibVersion"};
MR_LAZY_FUNCTION(zlib, zlibVersion)
MR_LAZY_FUNCTION(zlib, crc32)

TEST(LazyLibrary, CallsItsFunctions) {
  ASSERT_TRUE(zlib.load());
  EXPECT_STREQ(zlibVersion(), ZLIB_VERSION);
  EXPECT_EQ(crc32(0UL, reinterpret_cast<const Bytef*>("123456789"), 9U), 0xcbf43926UL);
}

TEST(LazyLibrary, GivesAPointerToPassOn) {
  const char* (*version)() = zlibVersion;
  EXPECT_STREQ(version(), ZLIB_VERSION);
}

TEST(LazyLibrary, NamesThePackageOfOneThatIsNotThere) {
  LazyLibrary absent{"libmillrace-absent.so.7", "libabsent7", "millrace_absent"};
  for (int i = 0; i < 2; ++i) {
    const Status loaded = absent.load();
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Code::unavailable);
    EXPECT_EQ(loaded.error().message,
              "libmillrace-absent.so.7 cannot be loaded; install it (Debian's package libabsent7)");
  }
}

TEST(LazyLibrary, IsWhatTheProcessHasLoadedAlready) {
  LazyLibrary linked{"libmillrace-absent.so.7", "libabsent7", "strlen"};
  ASSERT_TRUE(linked.load());
  EXPECT_NE(linked.function("strlen"), nullptr);
}

TEST(LazyLibraryDeathTest, EndsTheProgramWhereTheFunctionIsNone) {
  EXPECT_DEATH(zlib.function("no_such_function"), "lazy_library");
}

}  // namespace
}  // namespace millrace
