#include "base/untrusted_tree.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "base/file.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

// Each test runs with openat2 and with the way that stands in for it.
class Tree : public testing::TestWithParam<bool> {
 protected:
  Tree() : directory_(*TempDir::make()), place_(directory_.path() / "tree"), outside_(directory_.path() / "outside") {
    use_openat2_for_tests(GetParam());
    fs::create_directories(place_);
    fs::create_directories(outside_);
    put(outside_ / "key", "secret");
  }
  ~Tree() override { use_openat2_for_tests(true); }

  static void put(const fs::path& path, std::string_view content) {
    fs::create_directories(path.parent_path());
    ASSERT_TRUE(write_file(path, content));
  }
  UntrustedTree tree(std::string seen_as = {}) const { return *UntrustedTree::open(place_, std::move(seen_as)); }
  static Code code_of(const auto& result) {
    EXPECT_FALSE(result);
    return result ? Code::internal : result.error().code;
  }

  TempDir directory_;
  fs::path place_, outside_;
};

TEST_P(Tree, ReadsFiles) {
  put(place_ / "a/b", "text");
  EXPECT_EQ(*tree().read("a/b", 4), "text");
  EXPECT_EQ(*tree().read("./a/./b", 100), "text");
  EXPECT_EQ(*tree().read_end("a/b", 2), "xt");
  EXPECT_EQ(code_of(tree().read("a/b", 3)), Code::resource_exhausted);
  EXPECT_EQ(code_of(tree().read("a/c", 3)), Code::not_found);
  EXPECT_EQ(code_of(tree().read("a/b/c", 3)), Code::not_found);
  EXPECT_EQ(code_of(tree().read("a", 3)), Code::failed_precondition);
  EXPECT_TRUE(tree().is_directory("a"));
  EXPECT_TRUE(tree().is_directory(""));
  EXPECT_TRUE(tree().is_file("a/b"));
  EXPECT_EQ(*tree().open_tree("a")->read("b", 4), "text");
}

TEST_P(Tree, RefusesPathsThatAreNotBelowIt) {
  for (const std::string_view path : {"/etc/passwd", "..", "../outside/key", "a/../../outside/key", "a//b"})
    EXPECT_EQ(code_of(tree().read(path, 100)), Code::invalid_argument) << path;
  EXPECT_EQ(code_of(tree().read(std::string_view("a\0b", 3), 100)), Code::invalid_argument);
  EXPECT_EQ(code_of(tree().write("../outside/new", "x")), Code::invalid_argument);
  EXPECT_EQ(code_of(tree().remove("../outside")), Code::invalid_argument);
  EXPECT_EQ(code_of(tree().make_directories("a/../../b")), Code::invalid_argument);
}

TEST_P(Tree, FollowsNoLink) {
  fs::create_symlink(outside_ / "key", place_ / "absolute");
  fs::create_symlink("../outside/key", place_ / "relative");
  fs::create_symlink(outside_, place_ / "directory");
  fs::create_symlink("/proc/self/root", place_ / "root");
  put(place_ / "file", "x");
  fs::create_symlink("file", place_ / "inside");
  for (const std::string& path : {std::string("absolute"), std::string("relative"), std::string("directory/key"),
                                  "root" + outside_.string() + "/key", std::string("inside")})
    EXPECT_EQ(code_of(tree().read(path, 100)), Code::failed_precondition) << path;
  EXPECT_EQ(tree().info("absolute").value()->kind, FileKind::symlink);
  EXPECT_EQ(code_of(tree().info("directory/key")), Code::failed_precondition);
  EXPECT_EQ(code_of(tree().open_tree("directory")), Code::failed_precondition);
  EXPECT_EQ(code_of(tree().make_directories("directory/new")), Code::failed_precondition);
  EXPECT_EQ(code_of(tree().write("directory/new", "x")), Code::failed_precondition);
  EXPECT_FALSE(fs::exists(outside_ / "new"));
}

TEST_P(Tree, FollowsLinksThatStayInside) {
  put(place_ / "models/v1/weights", "w");
  fs::create_symlink("v1", place_ / "models/latest");
  fs::create_symlink("/opt/ml/models/v1", place_ / "absolute");
  fs::create_symlink("../tree/models", place_ / "through_above");
  fs::create_symlink(outside_ / "key", place_ / "out");
  fs::create_symlink("/opt/mlx", place_ / "similar");
  fs::create_symlink("circle", place_ / "circle");
  const UntrustedTree seen = tree("/opt/ml/");
  EXPECT_EQ(*seen.read("models/latest/weights", 10, Links::within), "w");
  EXPECT_EQ(*seen.read("absolute/weights", 10, Links::within), "w");
  for (const std::string_view path : {"through_above/v1/weights", "out", "similar", "circle"})
    EXPECT_EQ(code_of(seen.read(path, 10, Links::within)), Code::failed_precondition) << path;
  EXPECT_EQ(code_of(tree().read("absolute/weights", 10, Links::within)), Code::failed_precondition);
}

TEST_P(Tree, NeverWaitsForWhatIsNoFile) {
  ASSERT_EQ(::mkfifo((place_ / "fifo").c_str(), 0600), 0);
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (place_ / "socket").native().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address), 0);
  for (const std::string_view path : {"fifo", "socket"}) {
    EXPECT_EQ(code_of(tree().read(path, 100)), Code::failed_precondition) << path;
    EXPECT_EQ(tree().info(path).value()->kind, FileKind::other);
    EXPECT_EQ(code_of(tree().copy(path, tree(), "copy", Links::within, UntrustedTree::Others::refuse, {})),
              Code::failed_precondition);
  }
  EXPECT_THAT(tree().read("fifo", 100).error().message, testing::HasSubstr("a FIFO"));
  if (::mknod((place_ / "device").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0)
    EXPECT_THAT(tree().read("device", 100).error().message, testing::HasSubstr("a device"));
}

TEST_P(Tree, WalksWithinItsLimits) {
  put(place_ / "b/2", "22");
  put(place_ / "b/1", "1");
  put(place_ / "a", "");
  fs::create_symlink(outside_, place_ / "out");
  fs::create_symlink("b", place_ / "inner");
  fs::create_symlink("..", place_ / "b/up");
  const auto walked = [&](Links links, UntrustedTree::Limits limits = {}) {
    std::vector<std::string> seen;
    const Status status = tree().walk("", links, limits, [&](const UntrustedTree::Entry& entry) -> Status {
      const char* kinds[] = {"f", "d", "l", "o"};
      seen.push_back(entry.path + ":" + kinds[static_cast<int>(entry.info.kind)]);
      return {};
    });
    if (!status) seen.push_back(std::string(code_name(status.error().code)));
    return seen;
  };
  using testing::ElementsAre;
  EXPECT_THAT(walked(Links::refuse), ElementsAre("a:f", "b:d", "b/1:f", "b/2:f", "b/up:l", "inner:l", "out:l"));
  EXPECT_THAT(walked(Links::within), ElementsAre("a:f", "b:d", "b/1:f", "b/2:f", "b/up:l", "inner:d", "inner/1:f",
                                                 "inner/2:f", "inner/up:l", "out:l"));
  UntrustedTree::Limits limits;
  limits.entries = 3;
  EXPECT_THAT(walked(Links::refuse, limits), ElementsAre("RESOURCE_EXHAUSTED"));
  limits = {};
  limits.bytes = 2;
  EXPECT_THAT(walked(Links::refuse, limits), ElementsAre("a:f", "b:d", "b/1:f", "RESOURCE_EXHAUSTED"));
  limits = {};
  limits.depth = 1;
  EXPECT_THAT(walked(Links::refuse, limits), ElementsAre("a:f", "b:d", "RESOURCE_EXHAUSTED"));
  EXPECT_EQ(tree().list("b", {})->size(), 3u);
  EXPECT_EQ(tree().list("b", {})->front().path, "b/1");
}

TEST_P(Tree, CopiesFilesAndDirectories) {
  put(place_ / "d/e/file", "content");
  fs::permissions(place_ / "d/e/file", fs::perms(0755));
  fs::create_symlink("e/file", place_ / "d/link");
  fs::create_symlink(outside_ / "key", place_ / "d/out");
  const fs::path target = directory_.path() / "target";
  fs::create_directories(target / "copy/old");
  const UntrustedTree to = *UntrustedTree::open(target);
  using Others = UntrustedTree::Others;
  EXPECT_EQ(code_of(tree().copy("d", to, "copy", Links::within, Others::refuse, {})), Code::failed_precondition);
  EXPECT_TRUE(fs::exists(target / "copy/old"));
  const auto copied = tree().copy("d", to, "copy", Links::within, Others::skip, {});
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->files, 2u);
  EXPECT_EQ(copied->bytes, 14u);
  EXPECT_THAT(copied->skipped, testing::ElementsAre("d/out"));
  EXPECT_EQ(*to.read("copy/link", 100), "content");
  EXPECT_EQ(to.info("copy/e/file").value()->mode, 0700u);
  EXPECT_FALSE(fs::exists(target / "copy/old"));
  EXPECT_FALSE(fs::exists(target / "copy/out"));
  EXPECT_EQ(std::distance(fs::directory_iterator(target), {}), 1);  // nothing half made is left
  ASSERT_TRUE(tree().copy("d/e/file", to, "single", Links::refuse, Others::refuse, {}));
  EXPECT_EQ(*to.read("single", 100), "content");
}

TEST_P(Tree, KeepsHolesAndBoundsBytes) {
  const std::uint64_t size = std::uint64_t{1} << 40;
  put(place_ / "sparse", "start");
  ASSERT_EQ(::truncate((place_ / "sparse").c_str(), static_cast<off_t>(size)), 0);
  UntrustedTree::Limits limits;
  limits.bytes = size - 1;
  EXPECT_EQ(code_of(tree().copy("sparse", tree(), "copy", Links::refuse, UntrustedTree::Others::refuse, limits)),
            Code::resource_exhausted);
  EXPECT_EQ(code_of(tree().read("sparse", 1000)), Code::resource_exhausted);
  EXPECT_EQ(tree().read_end("sparse", 10)->size(), 10u);
  ASSERT_TRUE(tree().copy("sparse", tree(), "copy", Links::refuse, UntrustedTree::Others::refuse, {}));
  EXPECT_EQ(tree().info("copy").value()->size, size);
  EXPECT_LT(tree().info("copy").value()->blocks, 1000u);
}

TEST_P(Tree, WritesNewFilesOnly) {
  fs::create_symlink(outside_ / "key", place_ / "planted");
  ASSERT_TRUE(tree().write("planted", "mine"));
  EXPECT_EQ(*tree().read("planted", 100), "mine");
  EXPECT_EQ(*read_file(outside_ / "key"), "secret");
  ASSERT_TRUE(tree().make_directories("x/y/z", 0750));
  ASSERT_TRUE(tree().make_directories("x/y/z"));
  EXPECT_EQ(code_of(tree().write("x/y", "text")), Code::failed_precondition);
  EXPECT_EQ(code_of(tree().make_directories("planted/z")), Code::failed_precondition);
  ASSERT_TRUE(tree().rename("planted", tree(), "x/moved"));
  EXPECT_EQ(*tree().read("x/moved", 100), "mine");
}

TEST_P(Tree, RemovesWithoutFollowing) {
  put(place_ / "d/a/b/file", "x");
  fs::create_symlink(outside_, place_ / "d/out");
  fs::create_symlink(outside_, place_ / "link");
  fs::permissions(place_ / "d/a", fs::perms(0));
  ASSERT_TRUE(tree().remove("d"));
  ASSERT_TRUE(tree().remove("link"));
  ASSERT_TRUE(tree().remove("nothing/there"));
  EXPECT_TRUE(fs::exists(outside_ / "key"));
  EXPECT_TRUE(fs::is_empty(place_));
  put(place_ / "again/file", "x");
  ASSERT_TRUE(tree().remove(""));
  EXPECT_TRUE(fs::is_empty(place_));
  put(place_ / "again/file", "x");
  fs::create_symlink(place_, directory_.path() / "alias");
  ASSERT_TRUE(remove_tree(directory_.path() / "alias"));
  EXPECT_TRUE(fs::exists(place_ / "again/file"));
  ASSERT_TRUE(remove_tree(place_));
  EXPECT_FALSE(fs::exists(place_));
}

TEST_P(Tree, RemovesAnyDepth) {
  const std::string name(255, 'n');
  Fd at(::open(place_.c_str(), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0700), 0);
    at = Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    const Fd file(::openat(at.get(), "file", O_CREAT | O_WRONLY, 0600));
  }
  const Status removed = tree().remove(name);
  EXPECT_TRUE(removed) << removed.error().message;
  EXPECT_TRUE(fs::is_empty(place_));
}

// A child that exchanges a directory for a link, and a file for a link, while both are read, walked and copied.
TEST_P(Tree, HoldsWhileItIsChanged) {
  put(place_ / "d/key", "mine");
  put(place_ / "file", "mine");
  fs::create_symlink(outside_, place_ / "d2");
  fs::create_symlink(outside_ / "key", place_ / "file2");
  std::atomic<bool> stop{false};
  std::thread child([&] {
    while (!stop) {
      for (const auto& [a, b] : {std::pair("d", "d2"), std::pair("file", "file2")})
        ::renameat2(AT_FDCWD, (place_ / a).c_str(), AT_FDCWD, (place_ / b).c_str(), RENAME_EXCHANGE);
    }
  });
  const fs::path target = directory_.path() / "target";
  fs::create_directories(target);
  const UntrustedTree to = *UntrustedTree::open(target);
  for (int i = 0; i < 300; ++i) {
    for (const std::string_view path : {"d/key", "file", "d2/key", "file2"}) {
      for (const Links links : {Links::refuse, Links::within}) {
        const auto read = tree().read(path, 100, links);
        if (read) ASSERT_EQ(*read, "mine");
      }
    }
    if (i % 20 == 0) {
      (void)tree().copy("", to, "copy", Links::within, UntrustedTree::Others::skip, {});
      (void)to.walk("", Links::refuse, {}, [&](const UntrustedTree::Entry& entry) -> Status {
        if (entry.info.kind == FileKind::regular) EXPECT_EQ(*to.read(entry.path, 100), "mine");
        EXPECT_NE(entry.info.kind, FileKind::symlink);
        return {};
      });
    }
  }
  stop = true;
  child.join();
}

INSTANTIATE_TEST_SUITE_P(, Tree, testing::Values(true, false),
                         [](const auto& info) { return info.param ? "openat2" : "by_component"; });

TEST(UntrustedTree, OpensOnlyADirectoryAsItsRoot) {
  const auto directory = TempDir::make();
  fs::create_directories(directory->path() / "real");
  fs::create_symlink("real", directory->path() / "link");
  ASSERT_EQ(::mkfifo((directory->path() / "fifo").c_str(), 0600), 0);
  EXPECT_TRUE(UntrustedTree::open(directory->path() / "real"));
  EXPECT_FALSE(UntrustedTree::open(directory->path() / "link"));
  EXPECT_FALSE(UntrustedTree::open(directory->path() / "fifo"));
  EXPECT_EQ(UntrustedTree::open(directory->path() / "nothing").error().code, Code::not_found);
}

}  // namespace
}  // namespace millrace
