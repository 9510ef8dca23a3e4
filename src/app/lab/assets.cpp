#include "app/lab/assets.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

// The hash of all files stands in the object, so that a compiler cache, which does not see what .incbin reads, takes
// a changed file for a changed source.
extern const char millrace_lab_hash[];
const char millrace_lab_hash[] = MILLRACE_LAB_HASH;

#define MILLRACE_EMBED(name, file)                                                                              \
  __asm__(".section .rodata\n.balign 16\nmillrace_asset_" #name ":\n.incbin \"" MILLRACE_LAB_DIRECTORY "/" file \
          "\"\nmillrace_asset_" #name "_end:\n.byte 0\n.previous\n");                                           \
  extern "C" const char millrace_asset_##name[] __attribute__((visibility("hidden")));                          \
  extern "C" const char millrace_asset_##name##_end[] __attribute__((visibility("hidden")))

MILLRACE_EMBED(train_images, "data/train-images-idx3-ubyte.gz");
MILLRACE_EMBED(train_labels, "data/train-labels-idx1-ubyte.gz");
MILLRACE_EMBED(test_images, "data/t10k-images-idx3-ubyte.gz");
MILLRACE_EMBED(test_labels, "data/t10k-labels-idx1-ubyte.gz");
MILLRACE_EMBED(preprocessing, "kmeans_preprocessing.py");
MILLRACE_EMBED(pipeline_source, "pipeline.py");
MILLRACE_EMBED(pipeline, "mnist_classification.yaml");
MILLRACE_EMBED(notebook, "01_Kubeflow_Pipeline_SageMaker.ipynb");
MILLRACE_EMBED(requirements, "requirements.txt");
MILLRACE_EMBED(process, "components/process.yaml");
MILLRACE_EMBED(hyperparameter_tuning, "components/hyperparameter_tuning.yaml");
MILLRACE_EMBED(train, "components/train.yaml");
MILLRACE_EMBED(model, "components/model.yaml");
MILLRACE_EMBED(deploy, "components/deploy.yaml");
MILLRACE_EMBED(batch_transform, "components/batch_transform.yaml");

#define MILLRACE_ASSET(name, file)                                                                        \
  LabAsset {                                                                                              \
    file, std::string_view(millrace_asset_##name,                                                         \
                           static_cast<std::size_t>(millrace_asset_##name##_end - millrace_asset_##name)) \
  }

namespace millrace::app {

const std::vector<LabAsset>& lab_assets() {
  static const std::vector<LabAsset> assets = {
      MILLRACE_ASSET(train_images, "data/train-images-idx3-ubyte.gz"),
      MILLRACE_ASSET(train_labels, "data/train-labels-idx1-ubyte.gz"),
      MILLRACE_ASSET(test_images, "data/t10k-images-idx3-ubyte.gz"),
      MILLRACE_ASSET(test_labels, "data/t10k-labels-idx1-ubyte.gz"),
      MILLRACE_ASSET(preprocessing, "kmeans_preprocessing.py"),
      MILLRACE_ASSET(pipeline_source, "pipeline.py"),
      MILLRACE_ASSET(pipeline, "mnist_classification.yaml"),
      MILLRACE_ASSET(notebook, "01_Kubeflow_Pipeline_SageMaker.ipynb"),
      MILLRACE_ASSET(requirements, "requirements.txt"),
      MILLRACE_ASSET(process, "components/process.yaml"),
      MILLRACE_ASSET(hyperparameter_tuning, "components/hyperparameter_tuning.yaml"),
      MILLRACE_ASSET(train, "components/train.yaml"),
      MILLRACE_ASSET(model, "components/model.yaml"),
      MILLRACE_ASSET(deploy, "components/deploy.yaml"),
      MILLRACE_ASSET(batch_transform, "components/batch_transform.yaml"),
  };
  return assets;
}

std::string_view lab_asset(std::string_view path) {
  for (const LabAsset& asset : lab_assets()) {
    if (asset.path == path) return asset.content;
  }
  std::fprintf(stderr, "no lab file %.*s is embedded\n", static_cast<int>(path.size()), path.data());
  std::abort();
}

void unload_lab_asset(std::string_view path) {
  const std::string_view content = lab_asset(path);
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(content.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(content.data() + content.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);  // clean pages of a file
}

}  // namespace millrace::app
