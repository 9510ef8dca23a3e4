# Unity builds (CMAKE_UNITY_BUILD: every preset but dev and gcc): the files of a folder are compiled in groups, since
# most of what a small file costs is the headers it reads. cmake/unity_groups.py chooses the groups so that no two files
# of one have a private name in common, and again whenever a source file changes: a new file cannot clash with another.
# `dev` compiles each file alone, and so finds one that lacks an include.
if(CMAKE_UNITY_BUILD)
  # A parameter may have the name of another file's private constant; `dev` and clang-tidy look for shadowing.
  add_compile_options(-Wno-shadow)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(MILLRACE_UNITY_GROUPS ${CMAKE_BINARY_DIR}/unity_groups.cmake)
  set(unity_groups ${CMAKE_SOURCE_DIR}/cmake/unity_groups.py)
  execute_process(COMMAND ${Python3_EXECUTABLE} ${unity_groups} ${CMAKE_SOURCE_DIR}/src ${MILLRACE_UNITY_GROUPS}
                  COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB_RECURSE unity_sources ${CMAKE_SOURCE_DIR}/src/*.cpp)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${unity_sources} ${unity_groups})
endif()

# millrace_unity(TARGET): compiles TARGET in these groups. To be called in the directory that adds it: only there are the
# properties of its source files seen.
function(millrace_unity target)
  if(NOT CMAKE_UNITY_BUILD)
    return()
  endif()
  get_property(known DIRECTORY PROPERTY MILLRACE_UNITY_GROUPS)
  if(NOT known)
    include(${MILLRACE_UNITY_GROUPS})
    set_property(DIRECTORY PROPERTY MILLRACE_UNITY_GROUPS TRUE)
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
endfunction()
