# cmake -DDIRECTORY=<where web/build.sh wrote> -P embed_assets.cmake
# Writes DIRECTORY/assets.cpp: the console's files, plain and gzip-compressed, by the assembler's .incbin. The hash of
# each file stands in the source, so that a changed file is a changed source for compiler caches; it is also the ETag.
set(files index.html app.js app.css favicon.svg)
set(type_index.html "text/html; charset=utf-8")
set(type_app.js "text/javascript; charset=utf-8")
set(type_app.css "text/css; charset=utf-8")
set(type_favicon.svg "image/svg+xml")
set(data "")
set(rows "")
set(number 0)
foreach(file IN LISTS files)
  set(type "${type_${file}}")
  file(SHA256 ${DIRECTORY}/${file} hash)
  string(SUBSTRING ${hash} 0 32 hash)
  foreach(form plain gzip)
    set(path ${DIRECTORY}/${file})
    if(form STREQUAL gzip)
      set(path ${path}.gz)
    endif()
    set(symbol millrace_web_${number}_${form})
    string(APPEND data "__asm__(\".section .rodata\\n.balign 16\\n${symbol}:\\n.incbin \\\"${path}\\\"\\n${symbol}_end:\\n.byte 0\\n.previous\\n\");\n")
    string(APPEND data "extern \"C\" __attribute__((visibility(\"hidden\"))) const char ${symbol}[], ${symbol}_end[];\n")
  endforeach()
  string(APPEND rows "      {\"${file}\", \"${type}\", \"\\\"${hash}\\\"\", view(millrace_web_${number}_plain, millrace_web_${number}_plain_end),\n")
  string(APPEND rows "       view(millrace_web_${number}_gzip, millrace_web_${number}_gzip_end)},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${DIRECTORY}/assets.cpp "// Written by embed_assets.cmake.
#include \"console/assets.h\"

${data}
namespace millrace::console {
namespace {
std::string_view view(const char* from, const char* to) { return {from, static_cast<std::size_t>(to - from)}; }
}  // namespace

const std::vector<Asset>& assets() {
  static const std::vector<Asset> all = {
${rows}  };
  return all;
}

}  // namespace millrace::console
")
