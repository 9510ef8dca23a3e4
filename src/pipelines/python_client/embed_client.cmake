# cmake -DPROGRAM=<the linked client> -DOUTPUT=<file.cpp> -P embed_client.cmake
# Writes OUTPUT: the client's bytes, by the assembler's .incbin. Their hash stands in the source, so that another program
# is another source for compiler caches; it is also the name of the file that is written out.
file(SHA256 ${PROGRAM} hash)
string(SUBSTRING ${hash} 0 16 name)
file(WRITE ${OUTPUT} "// Written by embed_client.cmake.
#include \"pipelines/executors/python_client.h\"

__asm__(\".section .rodata\\n.balign 16\\nmillrace_python_client:\\n.incbin \\\"${PROGRAM}\\\"\\nmillrace_python_client_end:\\n.byte 0\\n.previous\\n\");
extern \"C\" __attribute__((visibility(\"hidden\"))) const char millrace_python_client[], millrace_python_client_end[];

namespace millrace::pipelines::executors {

std::string_view python_client_bytes() {
  return {millrace_python_client, static_cast<std::size_t>(millrace_python_client_end - millrace_python_client)};
}

std::string_view python_client_name() { return \"${name}\"; }

}  // namespace millrace::pipelines::executors
")
