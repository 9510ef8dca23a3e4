#include "sagemaker/jobs/program_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace millrace::sagemaker {
namespace {

constexpr const char* kOwn = "registry.example.com/mine:1";
constexpr const char* kScikitLearn =
    "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3";

struct Inputs {
  TempDir place = *TempDir::make();
  void put(const std::string& path, std::string_view text) {
    const auto file = place.path() / path;
    ASSERT_TRUE(make_directories(file.parent_path()));
    ASSERT_TRUE(write_file(file, text));
  }
  std::optional<frameworks::Wanted> wanted(const std::string& image) const {
    return wanted_for_entrypoint(image, place.path(), {"/bin/bash", "-c", "./run.sh"}, {});
  }
};

TEST(ProgramEnvironment, AScriptOfTheStandardLibraryNeedsNone) {
  Inputs inputs;
  inputs.put("code/train.py", "import json\n");
  EXPECT_FALSE(inputs.wanted(kOwn));
  EXPECT_FALSE(inputs.wanted(kScikitLearn));
}

TEST(ProgramEnvironment, WhatInstallsPackagesGetsOneInAnyImage) {
  const std::pair<const char*, const char*> each[] = {
      {"code/requirements.txt", "tomli==2.0.1\n"},
      {"code/deep/requirements-train.txt", ""},
      {"code/run.sh", "set -e\npip install tomli\n"},
      {"code/run.sh", "python3 -m pip3 install --quiet tomli\n"},
      {"sm_drivers/sm_train.sh", "$SM_PYTHON_CMD /opt/ml/input/data/sm_drivers/scripts/install_requirements.py reqs\n"},
  };
  for (const auto& [file, text] : each) {
    Inputs inputs;
    inputs.put(file, text);
    const auto own = inputs.wanted(kOwn);
    ASSERT_TRUE(own) << file;
    EXPECT_THAT(own->image.packages, testing::IsEmpty());
    EXPECT_TRUE(inputs.wanted(kScikitLearn)) << file;
  }
}

TEST(ProgramEnvironment, ADriverThatWouldReadRequirementsInstallsNothingWithoutThem) {
  Inputs inputs;
  inputs.put("entrypoint/runproc.sh", "if [[ -f 'requirements.txt' ]]; then\n  pip install -r requirements.txt\nfi\n");
  inputs.put("sm_drivers/scripts/install_requirements.py", "cmd = [sys.executable, '-m', 'pip', 'install']\n");
  EXPECT_FALSE(inputs.wanted(kOwn));
}

TEST(ProgramEnvironment, WithItsOwnPackagesThoseOfTheImageAreTheEnvironmentsToo) {
  Inputs inputs;
  inputs.put("code/requirements.txt", "tomli\n");
  inputs.put("code/train.py", "import numpy\n");
  const auto wanted = inputs.wanted(kScikitLearn);  // numpy may be this machine's: the environment does not see it
  ASSERT_TRUE(wanted);
  EXPECT_THAT(wanted->image.packages, testing::Contains(testing::StartsWith("numpy")));
}

}  // namespace
}  // namespace millrace::sagemaker
