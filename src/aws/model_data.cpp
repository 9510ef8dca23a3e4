#include "aws/model_data.h"

// The hash of all models stands in the object, so that a compiler cache, which does not see what .incbin reads, takes a
// changed file for a changed source.
extern const char millrace_models_hash[];
const char millrace_models_hash[] = MILLRACE_MODELS_HASH;

#define MILLRACE_EMBED(name, file)                                                                                 \
  __asm__(".section .rodata\n.balign 16\nmillrace_model_" #name ":\n.incbin \"" MILLRACE_MODELS_DIRECTORY "/" file \
          "\"\nmillrace_model_" #name "_end:\n.byte 0\n.previous\n");                                              \
  extern "C" const char millrace_model_##name[] __attribute__((visibility("hidden")));                             \
  extern "C" const char millrace_model_##name##_end[] __attribute__((visibility("hidden")))

MILLRACE_EMBED(iam, "iam.json");
MILLRACE_EMBED(sts, "sts.json");
MILLRACE_EMBED(s3, "s3.json");
MILLRACE_EMBED(logs, "logs.json");
MILLRACE_EMBED(sagemaker, "sagemaker.json");
MILLRACE_EMBED(sagemaker_runtime, "sagemaker-runtime.json");

#define MILLRACE_MODEL(name) \
  std::string_view(millrace_model_##name, static_cast<std::size_t>(millrace_model_##name##_end - millrace_model_##name))

namespace millrace::aws {

std::string_view model_text(std::string_view service) {
  if (service == "iam") return MILLRACE_MODEL(iam);
  if (service == "sts") return MILLRACE_MODEL(sts);
  if (service == "s3") return MILLRACE_MODEL(s3);
  if (service == "logs") return MILLRACE_MODEL(logs);
  if (service == "sagemaker") return MILLRACE_MODEL(sagemaker);
  if (service == "sagemaker-runtime") return MILLRACE_MODEL(sagemaker_runtime);
  return {};
}

}  // namespace millrace::aws
