#include "pipelines/executors/local_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace millrace::pipelines::executors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kName = "example.com/adds:1";

class LocalImagesTest : public testing::Test {
 protected:
  LocalImagesTest() {
    options_.directory = data_.path();
    options_.images[kName] = context_.path();
    put("kfp_config.ini", "[Components]\nadd = adds.py\n");
    put("Dockerfile",
        "FROM python:3.11\nWORKDIR /no/such/place\nRUN pip install -r runtime-requirements.txt\nENV A=1\n");
    put("runtime-requirements.txt", "numpy\n");
    put("adds.py", "def add(a, b): return a + b\n");
    task_.name = "add";
    node_.path = "root/add";
    node_.task = &task_;
    node_.component = &component_;
    executor_.image = kName;
    executor_.command = {"python3", "-m", "kfp.dsl.executor_main"};
  }

  void put(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((context_.path() / name).parent_path());
    ASSERT_TRUE(write_file(context_.path() / name, text));
  }
  std::string why() {
    const Status status = check_images(options_);
    return status ? std::string() : status.error().message;
  }
  std::string digest() {
    const auto made = code_digest(options_, run_, node_, executor_);
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or("");
  }

  TempDir data_ = std::move(*TempDir::make("local-images-data"));
  TempDir context_ = std::move(*TempDir::make("local-images"));
  Options options_;
  RunContext run_;
  Task task_;
  Component component_;
  engine::Node node_;
  Executor executor_;
};

TEST_F(LocalImagesTest, AreWhatTheirDockerfileSays) {
  EXPECT_EQ(why(), "");
  const auto found = find_image(options_, kName);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->working_directory, "/no/such/place");
  EXPECT_EQ((*found)->directory, context_.path());
  EXPECT_THAT((*found)->packages.installs, ElementsAre("pip install -r runtime-requirements.txt"));
  EXPECT_THAT((*found)->environment, ElementsAre(testing::Pair("A", "1")));
  EXPECT_FALSE(*find_image(options_, "example.com/adds:2"));
}

// What the machine or the sandbox has there is not covered: Python itself may be in it.
TEST_F(LocalImagesTest, StayWhereTheyAreWhereThePlaceIsTaken) {
  for (const char* taken : {"/usr", "/", "/tmp/app", "/proc/x", "/minio/mlpipeline", "/kfp-workspace"}) {
    put("Dockerfile", std::string("FROM x\nWORKDIR ") + taken + "\n");
    EXPECT_EQ((*find_image(options_, kName))->working_directory, context_.path()) << taken;
  }
}

TEST_F(LocalImagesTest, SayWhatIsWrongWithADirectory) {
  std::filesystem::remove(context_.path() / "Dockerfile");
  EXPECT_THAT(why(), HasSubstr("its Dockerfile, which says what it needs, cannot be read"));
  std::filesystem::remove(context_.path() / "kfp_config.ini");
  EXPECT_THAT(why(), HasSubstr("it has no kfp_config.ini; `kfp component build"));
  options_.images[kName] = "/no/such/directory";
  EXPECT_EQ(why(), "--image example.com/adds:1=/no/such/directory: there is no such directory");
  options_.containers = true;
  EXPECT_THAT(why(), HasSubstr("leave out one of them"));
}

TEST_F(LocalImagesTest, KeepApartFromWhatStepsMayNotSee) {
  options_.hidden = {context_.path() / "data"};
  EXPECT_THAT(why(), HasSubstr("a step would see " + (context_.path() / "data").native()));
  options_.hidden = {context_.path().parent_path()};
  EXPECT_THAT(why(), HasSubstr("keep the two apart"));
  options_.hidden = {context_.path().native() + "-beside"};
  EXPECT_EQ(why(), "");
}

TEST_F(LocalImagesTest, MakeAnotherEnvironmentOfOtherRequirementsAlone) {
  const auto packages = [&] { return (*find_image(options_, kName))->packages.digest; };
  const std::string first = packages();
  put("adds.py", "another");
  EXPECT_EQ(packages(), first);
  put("runtime-requirements.txt", "numpy==2\n");
  EXPECT_NE(packages(), first);
}

TEST_F(LocalImagesTest, HaveADigestOfEveryFile) {
  const std::string first = digest();
  EXPECT_EQ(first.size(), 64u);
  EXPECT_EQ(digest(), first);
  put("__pycache__/adds.cpython-311.pyc", "what Python keeps");
  EXPECT_EQ(digest(), first);
  put("adds.py", "def add(a, b): return a - b\n");  // as long as before
  const std::string second = digest();
  EXPECT_NE(second, first);
  put("lib/helper.py", "");
  const std::string third = digest();
  EXPECT_NE(third, second);
  std::filesystem::rename(context_.path() / "lib/helper.py", context_.path() / "lib/other.py");
  const std::string fourth = digest();
  EXPECT_NE(fourth, third);
  std::filesystem::create_symlink("adds.py", context_.path() / "link.py");
  EXPECT_NE(digest(), fourth);
  executor_.image = "python:3.11";
  EXPECT_EQ(digest(), "");
}

TEST_F(LocalImagesTest, HaveADigestWhereTheRunNamesTheImage) {
  const std::string fixed = digest();
  executor_.image = "{{$.inputs.parameters['image']}}";
  node_.parameters = Value::object({{"image", kName}});
  EXPECT_EQ(digest(), fixed);
  node_.parameters = Value::object({{"image", "other"}});
  EXPECT_EQ(digest(), "");
}

TEST_F(LocalImagesTest, HaveTheCodeOfTheirComponents) {
  EXPECT_TRUE(check_has_code(options_, executor_, kName));
  const Status other = check_has_code(options_, executor_, "other");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("start the server with --image other=DIRECTORY"));
  EXPECT_TRUE(check_has_code(options_, executor_, "{{$.inputs.parameters['image']}}"));  // seen when it starts
  executor_.arguments = {"--component_module_path", "x.py"};
  EXPECT_TRUE(check_has_code(options_, executor_, "other"));
}

}  // namespace
}  // namespace millrace::pipelines::executors
