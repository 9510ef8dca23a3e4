#include "aws/model_data.h"

// The hash of all models stands in the object, so that a compiler cache, which does not see what .incbin reads, takes a
// changed file for a changed source.
extern const char millrace_models_hash[];
const char millrace_models_hash[] = MILLRACE_MODELS_HASH;

// MILLRACE_MODEL_LIST has a line MILLRACE_MODEL(identifier, "service", "path") for each file of models/
// (src/CMakeLists.txt).
#define MILLRACE_MODEL(name, service, path)                                                                      \
  __asm__(".section .rodata\n.balign 16\nmillrace_model_" #name ":\n.incbin \"" path "\"\nmillrace_model_" #name \
          "_end:\n.byte 0\n.previous\n");                                                                        \
  extern "C" const char millrace_model_##name[] __attribute__((visibility("hidden")));                           \
  extern "C" const char millrace_model_##name##_end[] __attribute__((visibility("hidden")));
#include MILLRACE_MODEL_LIST
#undef MILLRACE_MODEL

namespace millrace::aws {

std::string_view model_text(std::string_view service) {
#define MILLRACE_MODEL(name, model, path) \
  if (service == model)                   \
    return {millrace_model_##name, static_cast<std::size_t>(millrace_model_##name##_end - millrace_model_##name)};
#include MILLRACE_MODEL_LIST
#undef MILLRACE_MODEL
  return {};
}

}  // namespace millrace::aws
