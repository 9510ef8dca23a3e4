#include "sagemaker/frameworks/environments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "sagemaker/frameworks/install_program.h"
#include "sagemaker/frameworks/needs.h"
#include "work/fake_backend.h"

namespace millrace::sagemaker::frameworks {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Image scikit_learn() {
  return image_of("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3").value();
}

TEST(Requirements, AreKeptWhereTheyNameTheIndexAlone) {
  for (const char* text : {"", "pandas==1.5.3\n# why\n\nnumpy>=1.2; python_version<'3.12'\n",
                           "--index-url u\nx[extra]~=1\n", "x @ git+host/y\n", "  a\r\nb  \n"})
    EXPECT_TRUE(can_be_kept(text)) << text;
  for (const char* text : {"-r other.txt", "-e .", "./here", "/there", "pkg/setup", "a.whl", "x @ file:///y",
                           "-c limits.txt", "a.tar.gz", "a \\\nb", "\xff"})
    EXPECT_FALSE(can_be_kept(text)) << text;
  EXPECT_FALSE(can_be_kept(std::string(kMaxRequirements + 1, 'a')));
}

TEST(Recipe, ChangesWithAllThatDecidesTheContents) {
  const auto name = [](Image image, const std::string& requirements, const work::Variables& variables = {}) {
    return recipe_of({std::move(image), requirements, variables}).name;
  };
  const std::string one = name(scikit_learn(), "");
  EXPECT_EQ(one, name(scikit_learn(), "", {{"COLOUR", "blue"}}));
  EXPECT_NE(one, name(scikit_learn(), "pandas\n"));
  EXPECT_NE(one, name(plain_python(), ""));
  EXPECT_NE(one, name(scikit_learn(), "", {{"PIP_INDEX_URL", "u"}}));
}

TEST(Recipe, GivesItsChildNothingButWhatPipLooksAt) {
  const auto recipe = recipe_of({scikit_learn(), "", {{"AWS_SECRET_ACCESS_KEY", "k"}, {"PIP_INDEX_URL", "u"}}});
  for (const auto& [name, value] : recipe.variables)
    EXPECT_TRUE(name == kInstallVariable || name == kProgramVariable || name.starts_with("PIP_")) << name;
}

TEST(Failures, AreOneSentence) {
  const auto said = [](const char* text) { return why_not_made(scikit_learn(), Error(Code::unavailable, text)); };
  const Error unreachable = said("the making … ended with exit code 1: unreachable: Name or service not known");
  EXPECT_EQ(unreachable.code, Code::unavailable);
  EXPECT_EQ(unreachable.message,
            "The Python package index cannot be reached (Name or service not known), and the packages of scikit-learn "
            "1.2.1 are not kept here yet.");
  EXPECT_EQ(said("x: requirements: No matching distribution found for nosuch").message,
            "InstallRequirementsError:\nExitCode 1\nErrorMessage \"ERROR: No matching distribution found for "
            "nosuch\"\nCommand \"python3 -m pip install -r requirements.txt\"");
  EXPECT_THAT(said("was ended by signal 9").message, HasSubstr("cannot be made: was ended by signal 9."));
}

class Kept : public testing::Test {
 protected:
  Environments make() {
    return Environments(
        {backend_, clock_, timers_,
         [](KeyedQueue::After after) { return std::make_unique<KeyedQueue>(KeyedQueue::Manual(), std::move(after)); }},
        directory_.path(), {directory_.path()});
  }
  const TempDir directory_ = TempDir::make().value();
  SystemClock clock_;
  Timers timers_{clock_, Timers::Manual()};
  work::FakeBackend backend_;
  const Wanted wanted_{scikit_learn(), "", {}};
};

TEST_F(Kept, AreMadeOnceForAllThatWait) {
  Environments environments = make();
  EXPECT_FALSE(environments.find(wanted_));
  std::vector<std::string> ends;
  const auto done = [&](const Status& made, const std::string&) {
    ends.push_back(made ? "made" : made.error().message);
  };
  environments.make(wanted_, true, done);
  environments.make(wanted_, true, done);
  ASSERT_EQ(backend_.running().size(), 1u);
  const std::string key = backend_.running().front();
  const auto child = backend_.workload(key).value();
  fs::path made;
  for (const auto& mount : child.sandbox->mounts) {
    if (mount.target == child.command[3]) made = mount.source;
  }
  ASSERT_TRUE(make_directories(made / "lib/python3.11/site-packages"));
  ASSERT_TRUE(write_file(made / kNotesFile, "It runs with scikit-learn 1.2.1.\n"));
  EXPECT_THAT(ends, IsEmpty());
  backend_.end(key);
  environments.queue().run_all();
  EXPECT_THAT(ends, ElementsAre("made", "made"));
  EXPECT_TRUE(backend_.known().empty());
  const auto kept = environments.find(wanted_);
  ASSERT_TRUE(kept);
  EXPECT_THAT(kept->notes, ElementsAre("It runs with scikit-learn 1.2.1."));

  work::Workload job;
  job.environment = {{"PATH", std::string(kProgramPath)}};
  job.sandbox.emplace();
  const fs::path of_job = directory_.path() / "job";
  ASSERT_TRUE(make_directories(of_job));
  ASSERT_TRUE(environments.enter(*kept, of_job, job));
  ASSERT_EQ(job.sandbox->mounts.size(), 2u);
  EXPECT_EQ(job.sandbox->mounts[0].kind, work::Mount::Kind::read_only);
  EXPECT_EQ(job.sandbox->mounts[1].kind, work::Mount::Kind::writable);
  for (const char* program : {"python", "python3", "pip", "pip3"})
    EXPECT_TRUE(fs::exists(fs::symlink_status(work::layer_in(of_job) / "bin" / program))) << program;
}

TEST_F(Kept, AreTriedAgainAfterAFailure) {
  Environments environments = make();
  std::string why;
  const auto done = [&](const Status& made, const std::string&) { why = made ? "" : made.error().message; };
  environments.make(wanted_, true, done);
  backend_.end(backend_.running().front(), 1);
  environments.queue().run_all();
  EXPECT_THAT(why, HasSubstr("cannot be made"));
  environments.make(wanted_, true, done);
  EXPECT_EQ(backend_.running().size(), 1u);
}

TEST(Needs, AreWhatAProgramNames) {
  const auto needs = [](std::vector<std::string> texts, bool has_numpy = true) {
    const Image image =
        image_of("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1.5.0-cpu-py36").value();
    return needed_of(image, texts, [&](std::string_view module) { return has_numpy && module == "numpy"; }).packages;
  };
  EXPECT_THAT(needs({"import numpy as np\nimport json\n# as SageMaker does it"}), IsEmpty());
  EXPECT_THAT(needs({"sh -c true"}), IsEmpty());
  EXPECT_THAT(needs({"# it requests that torch be absent\nimport json\nsend = 'torch'"}), IsEmpty());
  EXPECT_THAT(needs({"python3 -m torch.distributed.run train.py"}), testing::Contains("torch==1.5.0"));
  EXPECT_THAT(needs({"import numpy"}, false), ElementsAre("numpy<2"));
  EXPECT_THAT(needs({"import numpy, yaml", "import botocore"}, false), ElementsAre("numpy<2", "boto3>=1.28", "PyYAML"));
  for (const char* text : {"import numpy\nimport pandas", "import numpy\nimport joblib"})
    EXPECT_THAT(needs({text}, false), testing::Contains("scikit-learn")) << text;
  const auto sdk = needs({"from sagemaker.amazon.common import write_numpy_to_dense_tensor"});
  EXPECT_THAT(sdk, testing::Contains("sagemaker<3"));
  for (const auto& package : sdk) EXPECT_FALSE(package.starts_with("torch")) << package;
  EXPECT_THAT(needs({"importlib.import_module('torch')"}), testing::Contains("torch==1.5.0"));
  const auto none = [](std::string_view) { return false; };
  const std::vector<std::string> texts{"import numpy, pickle"};
  EXPECT_EQ(needed_of(scikit_learn(), texts, none).packages, scikit_learn().packages);
}

TEST(Modules, AreImportedByTheirOwnNames) {
  EXPECT_EQ(module_of("scikit-learn==1.2.1"), "sklearn");
  EXPECT_EQ(module_of("sagemaker<3"), "sagemaker");
  EXPECT_EQ(module_of("sagemaker-inference"), "sagemaker_inference");
}

}  // namespace
}  // namespace millrace::sagemaker::frameworks
