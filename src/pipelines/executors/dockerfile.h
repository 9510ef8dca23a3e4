#pragma once
// What of a Dockerfile has a meaning on a machine that builds no image: where its files are, which Python packages they
// need, which variables they see. Pure. Source: docs.docker.com/reference/dockerfile; the SDK writes such a file itself
// (kubeflow/pipelines sdk/python/kfp/cli/component.py).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::pipelines::executors {

struct Dockerfile {
  std::string working_directory;      // absolute; empty: the base image's, or one that a variable is part of
  std::vector<std::string> installs;  // "pip install …", in their order, as a shell takes them
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> left_out;  // the rest of what would change the image: "line 7: RUN apt-get …"
};

// Of several stages the last one counts, as the image is what that one leaves.
Dockerfile read_dockerfile(std::string_view text);

}  // namespace millrace::pipelines::executors
