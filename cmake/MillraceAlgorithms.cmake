# millrace_algorithm_registry(TARGET FOLDER): adds to TARGET a source that lists the built-in algorithms: each folder of
# FOLDER that has an algorithm.cpp, which defines `const Algorithm& algorithm()` in the namespace named like the folder.
# A list in the source tree would be a file that names every algorithm.
function(millrace_algorithm_registry target folder)
  file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*/algorithm.cpp)
  set(declarations "")
  set(entries "")
  foreach(source ${sources})
    get_filename_component(name ${source} DIRECTORY)
    string(APPEND declarations "namespace ${name} {\nconst Algorithm& algorithm();\n}\n")
    list(APPEND entries "&${name}::algorithm()")
  endforeach()
  list(JOIN entries ", " entries)
  set(registry ${CMAKE_BINARY_DIR}/algorithm_list.cpp)
  file(CONFIGURE OUTPUT ${registry} @ONLY CONTENT [[
#include "sagemaker/algorithms/registry.h"

namespace millrace::sagemaker::built_in {
@declarations@
std::span<const Algorithm* const> all_algorithms() {
  static const Algorithm* const all[] = {@entries@};
  return all;
}

}  // namespace millrace::sagemaker::built_in
]])
  target_sources(${target} PRIVATE ${registry})
endfunction()
