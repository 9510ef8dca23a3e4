#pragma once
// The images that AWS publishes for frameworks, known by their names: which framework, which version, which Python, and
// which packages of the Python package index are in them. Nothing is pulled: environments.h makes the packages into a
// Python environment of this machine. Pure.
//
// An image's name is <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>. Repository and tag decide; the
// accounts differ by region and service, and AWS adds new ones, so any account and region is taken.
// Sources: aws/sagemaker-python-sdk image_uri_config/*.json (repositories, tags); requirements.txt and Dockerfiles of
// aws/sagemaker-scikit-learn-container and aws/sagemaker-xgboost-container at their release tags (packages).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::sagemaker::frameworks {

// "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1" in its parts. A digest is no tag.
struct ImageName {
  std::string registry, repository, tag;
};
ImageName parse_image_name(std::string_view uri);
// <account>.dkr.ecr.<region>.<an AWS domain>, or public.ecr.aws.
bool is_aws_registry(std::string_view registry);

struct Image {
  std::string
      framework;  // "scikit-learn", "xgboost", "pytorch", "tensorflow", "huggingface", "mxnet", …; "python": none
  std::string repository;  // "sagemaker-scikit-learn"
  std::string version;     // of the framework, as the package index has it: "1.2.1"; empty: any
  std::string python;      // "3.8"; empty: the name does not say it
  bool trains = false, serves = false;
  // Requirements of pip, the framework's own first: "scikit-learn==1.2.1", "pandas==1.1.3".
  std::vector<std::string> packages;
  // What an image has besides, and which may be missing.
  std::vector<std::string> optional_packages;
};
// nullopt: not one of these images.
std::optional<Image> image_of(std::string_view uri);

// What a program of an unknown image gets, with this machine's Python: no packages.
Image plain_python();

// Images of AWS's that are no Python environment: why, in a sentence; empty: none of those.
std::string why_not_python(std::string_view uri);

}  // namespace millrace::sagemaker::frameworks
