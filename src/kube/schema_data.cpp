#include "kube/schema_data.h"

// The hash stands in the object, so that a compiler cache, which does not see what .incbin reads, takes a changed file
// for a changed source.
extern const char millrace_kubernetes_hash[];
const char millrace_kubernetes_hash[] = MILLRACE_KUBERNETES_HASH;

__asm__(".section .rodata\n.balign 16\nmillrace_kubernetes_schemas:\n.incbin \"" MILLRACE_KUBERNETES_SCHEMAS
        "\"\nmillrace_kubernetes_schemas_end:\n.byte 0\n.previous\n");
extern "C" const char millrace_kubernetes_schemas[] __attribute__((visibility("hidden")));
extern "C" const char millrace_kubernetes_schemas_end[] __attribute__((visibility("hidden")));

namespace millrace::kube {

std::string_view schema_text() {
  return {millrace_kubernetes_schemas,
          static_cast<std::size_t>(millrace_kubernetes_schemas_end - millrace_kubernetes_schemas)};
}

}  // namespace millrace::kube
