#include "sagemaker/frameworks/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sagemaker/frameworks/table.h"

namespace millrace::sagemaker::frameworks {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr const char* kEast = "683313688378.dkr.ecr.us-east-1.amazonaws.com/";

TEST(Image, OfScikitLearnSaysItsPackages) {
  const auto image = image_of(std::string(kEast) + "sagemaker-scikit-learn:1.2-1-cpu-py3").value();
  EXPECT_EQ(image.framework, "scikit-learn");
  EXPECT_EQ(image.version, "1.2.1");
  EXPECT_EQ(image.python, "3.8");
  EXPECT_TRUE(image.trains && image.serves);
  EXPECT_EQ(image.packages.front(), "scikit-learn==1.2.1");
  EXPECT_THAT(image.packages, Contains("pandas==1.1.3"));
  EXPECT_THAT(image.packages, Contains("boto3>=1.28"));
}

TEST(Image, IsKnownByItsName) {
  struct Row {
    const char *uri, *framework, *version, *python, *first;
  };
  const Row rows[] = {
      {"246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:0.23-1-cpu-py3", "scikit-learn", "0.23.2",
       "3.7", "scikit-learn==0.23.2"},
      {"246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2", "scikit-learn", "1.4.2", "3.10",
       "scikit-learn==1.4.2"},
      // A release that came after this table.
      {"246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.7-3-cpu-py3", "scikit-learn", "1.7", "",
       "scikit-learn~=1.7.0"},
      {"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "xgboost", "1.7.4", "3.8",
       "xgboost==1.7.4"},
      {"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:latest", "xgboost", "", "", "xgboost"},
      {"763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.1.0-cpu-py310", "pytorch", "2.1.0", "3.10",
       "torch==2.1.0"},
      {"763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.1-gpu-py310-cu121-ubuntu20.04-sagemaker",
       "pytorch", "2.1", "3.10", "torch~=2.1.0"},
      {"727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/tensorflow-training:2.13.0-cpu-py310", "tensorflow", "2.13.0",
       "3.10", "tensorflow-cpu==2.13.0"},
      {"763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.13.0-gpu", "tensorflow", "2.13.0", "",
       "tensorflow==2.13.0"},
      {"763104351884.dkr.ecr.us-east-1.amazonaws.com/"
       "huggingface-pytorch-training:2.1.0-transformers4.36.0-gpu-py310-cu121-ubuntu20.04",
       "huggingface", "2.1.0", "3.10", "transformers==4.36.0"},
      {"236514542706.dkr.ecr.us-west-2.amazonaws.com/sagemaker-base-python-310:1.0", "python", "1.0", "3.10",
       "boto3>=1.28"},
      {"public.ecr.aws/deep-learning-containers/pytorch-training:2.6.0-cpu-py312-ubuntu22.04-ec2", "pytorch", "2.6.0",
       "3.12", "torch==2.6.0"},
      {"763104351884.dkr.ecr-fips.us-gov-west-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312@sha256:ab", "pytorch",
       "2.6.0", "3.12", "torch==2.6.0"},
  };
  for (const Row& row : rows) {
    const auto image = image_of(row.uri);
    ASSERT_TRUE(image) << row.uri;
    EXPECT_EQ(image->framework, row.framework) << row.uri;
    EXPECT_EQ(image->version, row.version) << row.uri;
    EXPECT_EQ(image->python, row.python) << row.uri;
    ASSERT_FALSE(image->packages.empty()) << row.uri;
    EXPECT_EQ(image->packages.front(), row.first) << row.uri;
  }
}

TEST(Image, OfOthersIsNone) {
  for (const char* uri : {"382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1", "sagemaker-scikit-learn:1.2-1",
                          "docker.io/library/pytorch-training:2.1.0", "example.org/sagemaker-xgboost:1.7-1",
                          "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1", "", ":", "/", "@", "a/b:c@d"})
    EXPECT_FALSE(image_of(uri)) << uri;
}

TEST(Image, SaysOnceWhatItNeeds) {
  const auto old = image_of("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1.13.1-cpu-py39").value();
  EXPECT_THAT(old.packages, Contains("numpy<2"));
  EXPECT_THAT(old.packages, Not(Contains("numpy")));
  const auto late = image_of("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312").value();
  EXPECT_THAT(late.packages, Contains("numpy"));
}

TEST(Image, ThatIsNoPythonIsRefusedWithAReason) {
  EXPECT_THAT(why_not_python("173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.3-cpu"),
              StartsWith("it runs on Java"));
  EXPECT_THAT(why_not_python("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training-neuronx:2.1"),
              StartsWith("it needs AWS's Neuron"));
  EXPECT_THAT(why_not_python(std::string(kEast) + "sagemaker-xgboost:1.7-1"), IsEmpty());
}

TEST(ImageName, HasParts) {
  const ImageName name = parse_image_name("host:5000/a/b/repository:tag@sha256:00");
  EXPECT_EQ(name.registry, "host:5000");
  EXPECT_EQ(name.repository, "repository");
  EXPECT_EQ(name.tag, "tag");
  EXPECT_EQ(parse_image_name("alone").repository, "alone");
  EXPECT_EQ(parse_image_name("alone").registry, "");
}

TEST(Table, HasARowOfEachFrameworkForAnyTag) {
  for (const Repository& repository : repositories()) {
    bool found = false;
    for (const Release& row : releases())
      found |= row.framework == repository.framework && row.tag.empty() && row.only.empty();
    EXPECT_TRUE(found) << repository.name;
  }
}

}  // namespace
}  // namespace millrace::sagemaker::frameworks
